"""The live table of a wait: a row per workload on a terminal, the same news as plain lines elsewhere."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING

from rich.console import Console

from plimsoll.domain.rollout_board import Standing
from plimsoll.ui import console
from plimsoll.ui.board import ROWS, board
from plimsoll.ui.console import ConsoleReporter
from tests import pictures

if TYPE_CHECKING:
    import pytest

WEB, STORE = Standing("Deployment/web", "1 of 2 replicas updated", 4.0), Standing("StatefulSet/store", "", 2.25)


def drawn(rows: list[Standing], told_at: float | None = None, width: int = 80) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width).print(board(rows, told_at))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_a_row_tells_what_is_missing_since_when_or_how_long_it_took() -> None:
    web, store = drawn([WEB, STORE])
    assert web.split(maxsplit=2) == ["·", "Deployment/web", web.split(maxsplit=2)[2]]
    assert "1 of 2 replicas updated" in web
    assert web.endswith(" 4 s")
    assert store.startswith("  ✔ StatefulSet/store")
    assert "ready" in store
    assert store.endswith(" 2.2 s")


def test_seconds_of_what_is_missing_pass_without_news_and_those_of_the_rest_do_not() -> None:
    web, store = drawn([WEB, STORE], told_at=time.monotonic() - 10)
    assert web.endswith(" 14 s")
    assert store.endswith(" 2.2 s")


def test_a_few_rows_tell_all_that_is_missing_and_many_stay_on_one_line() -> None:
    long = Standing("Deployment/web", "1 of 2 replicas updated (Pod/web-7d4f: Readiness probe failed: statuscode 503)", 4.0)
    assert "503" in " ".join(drawn([long], width=60))
    assert len(drawn([long] * ROWS, width=60)) == ROWS


def test_a_large_release_shows_who_hangs_longest_and_counts_the_others() -> None:
    rows = [
        Standing(f"Deployment/d{number:03}", "" if number < 200 else "0 of 1 replicas updated", number) for number in range(300)
    ]
    lines = drawn(rows)
    assert len(lines) == ROWS + 1
    assert "Deployment/d299" in lines[0]
    assert "d285" in lines[ROWS - 1]
    assert lines[-1].strip() == "and 285 more; 200 of 300 are ready"


def test_without_a_terminal_only_the_news_is_said() -> None:
    out = io.StringIO()
    reporter = ConsoleReporter(Console(file=out))
    reporter.board([WEB, STORE], "Deployment/web: 1 of 2 replicas updated")
    reporter.board([])
    assert out.getvalue() == "Deployment/web: 1 of 2 replicas updated\n"


def test_a_wait_has_the_only_heartbeat_of_its_step(monkeypatch: pytest.MonkeyPatch) -> None:
    # Seconds of a real clock; a test cannot wait for fifteen of them.
    monkeypatch.setattr(console, "WORTH_A_LINE", 0.01)
    monkeypatch.setattr(console, "HEARTBEAT", 0.01)
    out = io.StringIO()
    reporter = ConsoleReporter(Console(file=out))
    with reporter.step("rolling out workloads"):
        reporter.board([WEB], "Deployment/web: 1 of 2 replicas updated")
        time.sleep(0.1)
        while_waiting = out.getvalue()
        reporter.board([])
        time.sleep(0.1)
    assert "rolling out workloads (" not in while_waiting
    assert "rolling out workloads (0 s)" in out.getvalue()


def test_on_a_terminal_the_table_is_drawn_in_place_of_the_news_and_taken_away() -> None:
    out = io.StringIO()
    reporter = ConsoleReporter(Console(file=out, force_terminal=True, width=80))
    with reporter.step("rolling out workloads"):
        reporter.board([WEB, STORE], "Deployment/web: the news")
        time.sleep(0.2)
        shown = out.getvalue()
        reporter.board([])
    assert "rolling out workloads" in shown
    assert "1 of 2 replicas updated" in shown
    assert "the news" not in out.getvalue()
    assert "1 of 2 replicas updated" not in out.getvalue().rpartition("✔ rolling")[2]


def test_a_table_without_a_step_is_drawn_too_and_its_end_ends_the_drawing() -> None:
    out = io.StringIO()
    reporter = ConsoleReporter(Console(file=out, force_terminal=True, width=80))
    reporter.board([WEB])
    time.sleep(0.2)
    assert "Deployment/web" in out.getvalue()
    reporter.board([])
    before = out.getvalue()
    time.sleep(0.2)
    assert out.getvalue() == before


def test_the_picture_in_the_documentation_is_what_the_code_draws() -> None:
    assert pictures.FILE.read_text(encoding="utf-8") == pictures.drawn(), "draw it again: python -m tests.pictures"
