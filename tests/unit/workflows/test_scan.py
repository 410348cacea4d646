"""`inv scan`: reuse of verdicts, and which error wins."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from plimsoll.domain.images import Image, digest
from plimsoll.domain.project import ScanPolicy
from plimsoll.domain.scan import Database, Finding, ScanReport
from plimsoll.errors import EnvironmentLacks, Failed
from plimsoll.workflows.scan import require, scan, with_summaries
from tests.fakes import START, FakeClock, FakeReporter

if TYPE_CHECKING:
    from plimsoll.domain.scan import ScanResult

NOW = START
FRESH = Database(updated_at=NOW - timedelta(hours=1))
BAD = Finding(id="CVE-2026-1", package="openssl", installed="3.0", fixed="3.1", severity="HIGH")


class Scanner:
    """Answers from a table: layout -> report, or the error it holds."""

    def __init__(self, reports: dict[str, ScanReport | EnvironmentLacks], database: Database = FRESH) -> None:
        self._reports = reports
        self._database = database
        self.scanned: list[str] = []

    def database(self) -> Database:
        return self._database

    def scan(self, layout: str) -> ScanReport:
        self.scanned.append(layout)
        found = self._reports[layout]
        if isinstance(found, EnvironmentLacks):
            raise found
        return found


class Memory:
    def __init__(self) -> None:
        self.kept: dict[tuple[str, Database], ScanReport] = {}

    def recall(self, digest: str, database: Database) -> ScanReport | None:
        return self.kept.get((digest, database))

    def keep(self, digest: str, database: Database, report: ScanReport) -> None:
        self.kept[digest, database] = report


def image(service: str, number: int) -> Image:
    return Image(
        service=service,
        repository=f"localhost:5001/shop/{service}",
        tag="0" * 16,
        digest=digest(f"sha256:{number:064x}"),
        unpacked_bytes=1,
        labels={},
    )


WEB, API = image("web", 1), image("api", 2)
CLEAN = ScanReport(findings=(), os_packages=30, scanner="trivy")
DIRTY = ScanReport(findings=(BAD,), os_packages=30, scanner="trivy")


def run(scanner: Scanner, memory: Memory | None = None) -> ScanResult:
    return scan(
        (WEB, API),
        layout=lambda image: image.service,
        policy=ScanPolicy(),
        waivers=(),
        scanner=scanner,
        memory=memory or Memory(),
        clock=FakeClock(),
        reporter=FakeReporter(),
    )


def verdicts(result: ScanResult) -> dict[str, str]:
    return {name: summary.verdict for name, summary in result.summaries().items()}


def test_each_image_gets_its_verdict() -> None:
    result = run(Scanner({"web": CLEAN, "api": DIRTY}))
    assert verdicts(result) == {"web": "clean", "api": "findings"}
    assert with_summaries({"web": WEB}, result)["web"].scan == result.summaries()["web"]


def test_an_unchanged_image_is_not_scanned_again_under_the_same_database() -> None:
    memory, scanner = Memory(), Scanner({"web": CLEAN, "api": CLEAN})
    run(scanner, memory)
    again = run(scanner, memory)
    assert sorted(scanner.scanned) == ["api", "web"]
    assert verdicts(again) == {"web": "clean", "api": "clean"}


def test_a_newer_database_means_a_new_scan() -> None:
    memory, scanner = Memory(), Scanner({"web": CLEAN, "api": CLEAN})
    run(scanner, memory)
    newer = Scanner({"web": CLEAN, "api": DIRTY}, Database(updated_at=NOW))
    assert verdicts(run(newer, memory))["api"] == "findings"


def test_without_a_database_nothing_is_scanned_and_nothing_passes() -> None:
    scanner = Scanner({}, Database(reason="no mirror answers"))
    result = run(scanner)
    assert scanner.scanned == []
    with pytest.raises(EnvironmentLacks, match="no mirror answers"):
        require(result)


def test_a_scan_that_fails_is_no_pass_and_is_not_remembered() -> None:
    memory = Memory()
    result = run(Scanner({"web": EnvironmentLacks("broken layout"), "api": CLEAN}), memory)
    assert verdicts(result) == {"web": "not-run", "api": "clean"}
    assert [key[0] for key in memory.kept] == [API.digest]


def test_where_findings_and_a_failed_scan_meet_findings_win_and_both_are_named() -> None:
    result = run(Scanner({"web": DIRTY, "api": EnvironmentLacks("broken layout")}))
    with pytest.raises(Failed, match=r"CVE-2026-1 in openssl.*api: not scanned \(broken layout\)"):
        require(result)


def test_clean_images_pass() -> None:
    result = run(Scanner({"web": CLEAN, "api": CLEAN}))
    require(result)
    assert result.to_json()["images"]["web"]["verdict"] == "clean"
