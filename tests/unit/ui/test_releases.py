"""Releases and plans as people read them."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from plimsoll.domain.images import ScanSummary
from plimsoll.domain.manifests import Conflict
from plimsoll.domain.outcome import Address, HistoryResult, LogLines, RollbackResult, SmokeReport, StatusResult
from plimsoll.domain.release import SmokeResult, State
from plimsoll.ui import releases as ui
from plimsoll.ui.plan import size
from tests.fake_site import PRODUCTION, World, images, record

if TYPE_CHECKING:
    from collections.abc import Callable


def drawn(draw: Callable[..., None], result: object) -> str:
    out = StringIO()
    draw(result, Console(file=out, width=140, force_terminal=False))
    return out.getvalue()


def test_a_plan_shows_fields_before_and_after() -> None:
    world = World()
    world.deploy()
    text = drawn(ui.draw_deploy, world.deploy(images(web="2"), dry_run=True))
    assert "plan for staging: staging-2, staging-1 runs now" in text
    assert "~ Deployment/web" in text
    assert f"{images()['web'].reference} → {images(web='2')['web'].reference}" in text
    assert "migrations: do not run" in text
    assert "9 objects stay as they are" not in text


def test_a_first_plan_shows_what_is_created_and_generated_without_values() -> None:
    text = drawn(ui.draw_deploy, World().deploy(dry_run=True))
    assert "nothing runs there yet" in text
    assert "+ Deployment/web" in text
    assert "+ hello-secrets/store-password" in text


def test_a_plan_shows_why_it_would_be_refused() -> None:
    world = World()
    text = drawn(ui.draw_deploy, world.deploy(environment=PRODUCTION, dirty=True, dry_run=True))
    assert "✘ refused: production takes committed sources only" in text
    assert "now: commit the changes" in text


def test_a_release_and_an_unchanged_environment_are_told_apart() -> None:
    world = World()
    assert "✔ staging-1 is verified in staging" in drawn(ui.draw_deploy, world.deploy())
    assert "staging is unchanged: staging-1 is verified" in drawn(ui.draw_deploy, world.deploy())
    assert "nothing to do" in drawn(ui.draw_deploy, world.deploy(dry_run=True))


def test_a_rollback_names_what_came_back_and_what_was_taken_over() -> None:
    release = record(state=State.VERIFIED, rollback_of="staging-2", content_of="staging-1")
    conflict = Conflict("Deployment/web", [(".spec.paused", "kubectl-edit")])
    text = drawn(ui.draw_rollback, RollbackResult(environment="staging", release=release, taken_over=(conflict,), url="http://x"))
    assert "staging-1 runs again in staging instead of staging-2, verified as staging-3" in text
    assert "took back Deployment/web: .spec.paused (kubectl-edit)" in text


def test_status_shows_release_source_images_checks_and_remarks() -> None:
    release = record(state=State.VERIFIED, dirty=True, finished_at="2030-01-02T03:05:00Z")
    text = drawn(ui.draw_status, StatusResult(environment="staging", release=release, url="http://x", remarks=("locked by eve",)))
    for expected in (
        "staging: staging-3 verified",
        "with uncommitted changes",
        "10.0 MB",
        "clean",
        "/health/ready",
        "! locked by eve",
    ):
        assert expected in text


@pytest.mark.parametrize(
    ("scan", "expected"),
    [
        (None, "not scanned"),
        (
            ScanSummary(verdict="excepted", excepted_until="2030-01-09", reason="no database"),
            "! not scanned: no database",
        ),
        (ScanSummary(verdict="findings", database_date="2030-01-01T00:00:00Z"), "findings (database of 2030-01-01)"),
    ],
)
def test_status_hides_no_verdict(scan: ScanSummary | None, expected: str) -> None:
    web = replace(images()["web"], scan=scan)
    release = record(images={"web": web}, cause="it broke", content_of="staging-1", rollback_of="staging-2")
    text = drawn(ui.draw_status, StatusResult(environment="staging", release=release, url=None))
    assert expected in text
    assert "it broke" in text


def test_history_is_a_line_a_release_with_its_story() -> None:
    releases = (record(content_of="staging-1", rollback_of="staging-2"), record(state=State.FAILED, cause="crash\nlong story"))
    text = drawn(ui.draw_history, HistoryResult(environment="staging", releases=releases, damaged=("hello-staging-1",)))
    assert "content of staging-1, instead of staging-2" in text
    assert "crash" in text
    assert "long story" not in text
    assert "hello-staging-1 cannot be read" in text
    assert "(line)" not in text
    old = drawn(ui.draw_history, HistoryResult(environment="staging", releases=(record(compacted=True),)))
    assert "staging-3 (line)" in old
    assert "it cannot be gone back to" in old
    assert "staging has no release yet" in drawn(ui.draw_history, HistoryResult(environment="staging", releases=()))


def test_checks_logs_and_addresses_are_plain_lines() -> None:
    checks = (
        SmokeResult(name="ready", path="/r", passed=True, status=200),
        SmokeResult(name="bad", path="/b", passed=False, detail="no"),
    )
    text = drawn(ui.draw_smoke, SmokeReport(url="http://x", checks=checks))
    assert "✔ ready /r 200" in text
    assert "✘ bad /b" in text
    assert drawn(ui.draw_logs, LogLines(environment="staging", lines=iter([("web-1", "started")]))) == "web-1 started\n"
    assert (
        drawn(ui.draw_address, Address(environment="local", url="http://127.0.0.1:8080", opened=False))
        == "http://127.0.0.1:8080\n"
    )


def test_sizes_are_decimal_megabytes() -> None:
    assert size(123_456_789) == "123.5 MB"
