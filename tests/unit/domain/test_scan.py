"""The scan gate: verdicts, waivers and exceptions."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from plimsoll.domain.images import ScanSummary
from plimsoll.domain.project import ScanPolicy
from plimsoll.domain.scan import Database, Finding, ScanReport, Waiver, excepted, judge, passes, read_waivers, unused

if TYPE_CHECKING:
    from plimsoll.domain.scan import Judgement

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
TODAY = NOW.date()
FRESH = Database(updated_at=NOW - timedelta(hours=6))
BAD = Finding(
    id="CVE-2026-1", package="openssl", installed="3.0", fixed="3.1", severity="HIGH", purl="pkg:deb/debian/openssl@3.0"
)
UNFIXED = Finding(id="CVE-2026-2", package="bash", installed="5.2", severity="CRITICAL")
MILD = Finding(id="CVE-2026-3", package="zlib", installed="1.2", fixed="1.3", severity="LOW")


def waiver(finding: Finding = BAD, *, days: int = 10, **more: tuple[str, ...]) -> Waiver:
    return Waiver(id=finding.id, statement="not reachable", expired_at=TODAY + timedelta(days=days), **more)


def verdict(
    *findings: Finding,
    waivers: tuple[Waiver, ...] = (),
    database: Database = FRESH,
    policy: ScanPolicy | None = None,
    os_packages: int = 40,
) -> Judgement:
    report = ScanReport(findings=findings, os_packages=os_packages, scanner="trivy 0.76.0")
    return judge("web", "sha256:0", report, database=database, waivers=waivers, policy=policy or ScanPolicy(), now=NOW)


def test_no_finding_is_clean() -> None:
    assert verdict().summary.verdict == "clean"


def test_a_severe_finding_with_a_fix_blocks() -> None:
    judged = verdict(BAD, MILD)
    assert judged.summary.verdict == "findings"
    assert judged.blocking == (BAD,)
    assert judged.summary.counts == {"LOW": 1, "HIGH": 1}


def test_a_mild_finding_is_recorded_and_does_not_block() -> None:
    assert verdict(MILD).summary.verdict == "clean"
    assert verdict(MILD).summary.counts == {"LOW": 1}


def test_a_finding_nobody_fixed_blocks_only_where_the_settings_say_so() -> None:
    assert verdict(UNFIXED).summary.verdict == "clean"
    assert verdict(UNFIXED).summary.unfixed == 1
    assert verdict(UNFIXED, policy=ScanPolicy(block_unfixed=True)).summary.verdict == "findings"


def test_a_waived_finding_passes_and_is_named() -> None:
    judged = verdict(BAD, waivers=(waiver(),))
    assert judged.summary.verdict == "clean"
    assert judged.waived == (BAD,)


@pytest.mark.parametrize("days", [0, -1])
def test_an_expired_waiver_blocks_from_the_day_it_names(days: int) -> None:
    assert verdict(BAD, waivers=(waiver(days=days),)).summary.verdict == "expired-waiver"


def test_a_waiver_for_another_path_or_package_does_not_count() -> None:
    assert verdict(BAD, waivers=(waiver(paths=("app/x",)),)).summary.verdict == "findings"
    assert verdict(BAD, waivers=(waiver(purls=("pkg:npm/",)),)).summary.verdict == "findings"
    assert verdict(BAD, waivers=(waiver(purls=("pkg:deb/debian/openssl",)),)).summary.verdict == "clean"


def test_an_image_without_recognised_packages_was_not_scanned() -> None:
    judged = verdict(os_packages=0)
    assert judged.summary.verdict == "not-run"
    assert "no distribution package" in str(judged.summary.reason)


def test_an_old_database_gives_no_verdict() -> None:
    judged = verdict(database=Database(updated_at=NOW - timedelta(days=4)))
    assert judged.summary.verdict == "not-run"
    assert "4 days old; 3 are allowed" in str(judged.summary.reason)


def test_no_database_gives_no_verdict_and_says_why() -> None:
    judged = judge(
        "web", "sha256:0", None, database=Database(reason="no mirror answers"), waivers=(), policy=ScanPolicy(), now=NOW
    )
    assert (judged.summary.verdict, judged.summary.reason) == ("not-run", "no mirror answers")


def test_a_waiver_that_covers_nothing_is_unused() -> None:
    assert unused((waiver(), waiver(MILD)), (verdict(BAD),)) == (waiver(MILD),)


def test_no_waiver_is_called_unused_when_an_image_was_not_scanned() -> None:
    assert unused((waiver(MILD),), (verdict(), verdict(os_packages=0))) == ()


def test_an_exception_covers_only_a_scanner_that_could_not_run() -> None:
    until = TODAY + timedelta(days=7)
    not_run = ScanSummary(verdict="not-run", reason="no database")
    covered = excepted(not_run, until=until, reason="first day", today=TODAY)
    assert (covered.verdict, covered.excepted_until) == ("excepted", "2026-06-22")
    assert excepted(ScanSummary(verdict="findings"), until=until, reason="", today=TODAY).verdict == "findings"
    assert excepted(not_run, until=TODAY - timedelta(days=1), reason="", today=TODAY).verdict == "not-run"


@pytest.mark.parametrize(
    ("word", "blocks"), [("clean", False), ("excepted", False), ("findings", True), ("expired-waiver", True), ("not-run", True)]
)
def test_a_blocking_gate_lets_only_judged_images_pass(word: str, blocks: bool) -> None:
    assert passes(ScanSummary(verdict=word), "block") is not blocks
    assert passes(ScanSummary(verdict=word), "show")


def test_an_image_that_was_never_scanned_does_not_pass() -> None:
    assert not passes(None, "block")


def entry(**changes: object) -> dict[str, object]:
    return {"id": "CVE-2026-1", "statement": "not reachable", "expired_at": date(2026, 7, 1), **changes}


def test_waivers_are_read_with_their_dates() -> None:
    waivers, problems = read_waivers({"vulnerabilities": [entry(paths=["a"], expired_at="2026-07-01")]}, today=TODAY)
    assert problems == ()
    assert waivers == (Waiver(id="CVE-2026-1", statement="not reachable", expired_at=date(2026, 7, 1), paths=("a",)),)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"expires_at": "2026-07-01"}, "vulnerabilities[0].expires_at: is not known"),
        ({"statement": ""}, "vulnerabilities[0].statement: is missing"),
        ({"expired_at": None}, "vulnerabilities[0].expired_at: is missing or no date"),
        ({"expired_at": date(2027, 1, 1)}, "more than 90 days away"),
        ({"id": "everything"}, "vulnerabilities[0].id: should name a finding"),
        ({"paths": "app"}, "vulnerabilities[0].paths: should be a list"),
    ],
)
def test_a_wrong_waiver_is_told_with_its_path(change: dict[str, object], told: str) -> None:
    waivers, problems = read_waivers({"vulnerabilities": [entry(**change)]}, today=TODAY)
    assert waivers == ()
    assert any(told in problem for problem in problems), problems


@pytest.mark.parametrize("data", [[], {"vulnerabilities": {}}, {"other": []}, {"vulnerabilities": ["CVE-2026-1"]}])
def test_a_file_of_another_shape_is_refused(data: object) -> None:
    assert read_waivers(data, today=TODAY)[1]


def test_an_empty_file_waives_nothing() -> None:
    assert read_waivers(None, today=TODAY) == ((), ())
