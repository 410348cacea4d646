"""What a plain log shows of steps."""

from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from plimsoll.ui import console
from plimsoll.ui.console import ConsoleReporter


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    monkeypatch.setattr(console, "WORTH_A_LINE", 0.01)
    monkeypatch.setattr(console, "HEARTBEAT", 0.01)
    return io.StringIO()


def test_a_long_step_says_that_it_still_runs(log: io.StringIO) -> None:
    with ConsoleReporter(Console(file=log)).step("compiling"):
        time.sleep(0.2)
    lines = log.getvalue().splitlines()
    assert lines[0] == "… compiling"
    assert any("compiling (0 s)" in line for line in lines[1:-1])
    assert lines[-1].startswith("✔ compiling")


def test_nothing_is_drawn_over_a_step_whose_program_writes_itself(log: io.StringIO) -> None:
    with ConsoleReporter(Console(file=log)).step("suite unit", foreground=True):
        time.sleep(0.1)
    first, last = log.getvalue().splitlines()
    assert (first, last[:12]) == ("… suite unit", "✔ suite unit")
