"""Checks and suites: what runs, in which order, and what a failure says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from plimsoll.domain.checks import Check, Suite, expand
from plimsoll.errors import Failed
from plimsoll.workflows import checks as workflow
from tests.fakes import FakeReporter

if TYPE_CHECKING:
    from collections.abc import Sequence

TRACKED = ("inv", "a.sh", "docs/b.sh", "c.py")


class Commands:
    """Programs that fail when they are named in `failing` (port Commands)."""

    def __init__(self, *failing: str) -> None:
        self.ran: list[tuple[str, ...]] = []
        self._failing = failing

    def run(
        self, argv: Sequence[str], *, folder: str, tools: Sequence[str], timeout: float, attach: bool
    ) -> tuple[int, str, float]:
        del folder, tools, timeout, attach
        self.ran.append(tuple(argv))
        return (1, f"{argv[0]} says no", 0.5) if argv[0] in self._failing else (0, "", 0.5)

    def tracked(self) -> tuple[str, ...]:
        return TRACKED


def check(name: str, *commands: tuple[str, ...], **more: tuple[tuple[str, ...], ...]) -> Check:
    return Check(name=name, commands=commands or ((name,),), **more)


def test_files_stand_for_the_tracked_ones_that_match() -> None:
    assert expand(("lint", "{files}", "-q"), ("*.sh",), TRACKED) == ("lint", "a.sh", "docs/b.sh", "-q")


def test_a_command_without_files_to_look_at_is_left_out() -> None:
    assert expand(("lint", "{files}"), ("*.rb",), TRACKED) is None


def test_every_check_runs_and_a_failed_one_is_told_with_its_output() -> None:
    commands = Commands("types")
    checks = (check("style"), check("types"), check("shell"))
    result = workflow.lint(checks, commands=commands, tracked=TRACKED, jobs=2, reporter=FakeReporter())
    assert [each.name for each in result.results] == ["style", "types", "shell"]
    assert [(each.name, each.output) for each in result.failed] == [("types", "types says no")]
    with pytest.raises(Failed, match="lint: 1 of 3 failed: types"):
        workflow.require(result)
    assert result.to_json()["passed"] is False


def test_what_follows_a_failed_command_of_a_check_is_not_run() -> None:
    commands = Commands("install")
    workflow.lint((check("frontend", ("install",), ("lint",)),), commands=commands, tracked=(), jobs=1, reporter=FakeReporter())
    assert commands.ran == [("install",)]


def test_format_runs_only_what_corrects() -> None:
    commands = Commands()
    checks = (check("style", fix=(("style", "--fix"),)), check("types"))
    result = workflow.fix(checks, commands=commands, tracked=(), reporter=FakeReporter())
    assert commands.ran == [("style", "--fix")]
    workflow.require(result)


def test_a_failed_suite_does_not_keep_the_next_one_from_running() -> None:
    commands, prepared = Commands("unit"), []
    suites = tuple(Suite(name=name, commands=((name,),)) for name in ("unit", "integration"))
    reporter = FakeReporter()
    result = workflow.test(
        suites, commands=commands, tracked=(), prepare=lambda suite: prepared.append(suite.name), reporter=reporter
    )
    assert (reporter.lines("failed"), reporter.lines("done")) == (["suite unit"], ["suite integration"])
    assert commands.ran == [("unit",), ("integration",)]
    assert prepared == ["unit", "integration"]
    assert [each.passed for each in result.results] == [False, True]


def test_a_command_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one word"):
        check("empty", ())
