"""The doctor's round: every thing once, in a fixed order, and one error that names the repairs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plimsoll.domain.tools import State
from plimsoll.domain.tools_machine import bases_check
from plimsoll.errors import EnvironmentLacks
from plimsoll.workflows.doctor import diagnose, require
from tests.fake_machine import (
    ABSENT,
    BOOKWORM,
    BUILDX,
    DATABASE,
    DOCKER,
    LINTER,
    SCANNER,
    FakeEngine,
    FakeHost,
    FakeToolbox,
    installed,
)
from tests.fakes import START

TOOLS = {tool.name: tool for tool in (DOCKER, BUILDX, SCANNER, LINTER)}


def test_the_doctor_looks_at_everything_in_a_fixed_order() -> None:
    toolbox = FakeToolbox(("scanner", installed()))
    more = (lambda: bases_check(START.date(), START.date()), lambda: None)
    diagnosis = diagnose(TOOLS, toolbox=toolbox, engine=FakeEngine(), host=FakeHost(), more=more)
    assert [check.name for check in diagnosis.checks] == [
        "docker",
        "image-store",
        "buildx",
        "scanner",
        "linter",
        "python",
        "fs.inotify.max_user_instances",
        "fs.inotify.max_user_watches",
        "disk",
        "bases",
    ]
    assert diagnosis.ok
    require(diagnosis)


def test_what_is_needed_and_wrong_ends_in_one_error_with_each_repair_once() -> None:
    diagnosis = diagnose(TOOLS, toolbox=FakeToolbox(), engine=FakeEngine(ABSENT), host=FakeHost())
    with pytest.raises(EnvironmentLacks) as raised:
        require(diagnosis)
    assert raised.value.exit_code == 4
    assert "docker (missing)" in raised.value.what
    assert "scanner (missing)" in raised.value.what
    assert "linter" not in raised.value.what
    assert raised.value.now == "run `./inv setup`"
    assert raised.value.report is diagnosis


def test_a_scope_without_an_engine_says_nothing_about_one() -> None:
    diagnosis = diagnose({"linter": LINTER}, toolbox=FakeToolbox(), engine=FakeEngine(ABSENT), host=FakeHost())
    assert diagnosis.ok
    assert {check.name: check.state for check in diagnosis.checks}["linter"] is State.OPTIONAL


def test_what_only_debian_can_use_is_not_missed_elsewhere() -> None:
    tools = {"bootstrapper": replace(DATABASE, name="bootstrapper", debian_only=True)}
    fedora = FakeHost(replace(BOOKWORM, distribution="fedora"))
    for host, seen in ((FakeHost(), True), (fedora, False)):
        names = {check.name for check in diagnose(tools, toolbox=FakeToolbox(), engine=FakeEngine(), host=host).checks}
        assert ("bootstrapper" in names) is seen
