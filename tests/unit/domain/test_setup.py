"""What setup decides to do, before anything is done."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import plimsoll
from plimsoll.domain.tools import State
from plimsoll.domain.tools_machine import LIMITS, engine_checks, machine_checks
from plimsoll.domain.tools_setup import Candidate, Consent, Kind, SetupResult, choose, consent, missing_packages, plan
from plimsoll.domain.tools_verdict import judge
from plimsoll.errors import EnvironmentLacks
from tests.fake_machine import (
    ABSENT,
    ASLEEP,
    BOOKWORM,
    BUILDX,
    DATABASE,
    DOCKER,
    OFFERED,
    RUNNING,
    SCANNER,
    installed,
    on_path,
)

if TYPE_CHECKING:
    from plimsoll.domain.tools import Found, Tool
    from plimsoll.domain.tools_machine import EngineFacts, Machine
    from plimsoll.domain.tools_setup import Step

TOOLS = (DOCKER, BUILDX, SCANNER)
USER = replace(BOOKWORM, root=False, user="ada")
SYSTEMD = replace(BOOKWORM, systemd=True)


def steps(
    engine: EngineFacts, machine: Machine = BOOKWORM, *, found: tuple[Found, ...] = (), tools: tuple[Tool, ...] = TOOLS
) -> tuple[Step, ...]:
    checks = [
        *engine_checks({tool.name: tool for tool in tools}, engine, machine),
        *(judge(tool, found) for tool in tools if tool.name not in {"docker", "buildx"}),
        *machine_checks(machine),
    ]
    lacking = missing_packages(tools, checks, engine)
    packages = [each for tool in lacking for each in choose(tool, machine, OFFERED, "trixie")]
    return plan(tools, checks, machine=machine, engine=engine, packages=packages).steps


def kinds(engine: EngineFacts, machine: Machine = BOOKWORM, *, found: tuple[Found, ...] = ()) -> list[Kind]:
    return [step.kind for step in steps(engine, machine, found=found)]


def test_a_bare_machine_gets_packages_then_an_engine_then_tools() -> None:
    assert kinds(ABSENT) == [Kind.PACKAGES, Kind.START_ENGINE, Kind.TOOL]
    [packages, engine, _tool] = steps(ABSENT)
    assert [str(each) for each in packages.packages] == [
        "docker.io 26.1.5 from trixie",
        "docker-cli 26.1.5 from trixie",
        "iptables 1.8.9",
        "docker-buildx 0.13.1 from trixie",
    ]
    assert [each.argument for each in packages.packages][:3] == ["docker.io/trixie", "docker-cli/trixie", "iptables"]
    assert any("in /etc/apt stay" in line for line in packages.details)
    assert "containerd image store" in engine.title


def test_nothing_is_to_do_where_all_is_there() -> None:
    assert kinds(RUNNING, found=(installed(),)) == []


def test_a_running_engine_is_never_touched_however_old() -> None:
    assert kinds(replace(RUNNING, version="20.10.24"), found=(installed(),)) == []


def test_a_plugin_is_added_beside_a_running_engine() -> None:
    [step] = steps(replace(RUNNING, buildx=None), found=(installed(),))
    assert [each.name for each in step.packages] == ["docker-buildx"]


def test_an_engine_that_sleeps_is_only_started() -> None:
    [step] = steps(ASLEEP, found=(installed(),))
    assert (step.kind, step.root) == (Kind.START_ENGINE, True)


def test_an_engine_that_the_user_chose_is_neither_installed_nor_started() -> None:
    assert kinds(replace(ABSENT, chosen=True, buildx="1", compose="2"), found=(installed(),)) == []


def test_systemd_starts_the_engine_and_finds_its_settings_there() -> None:
    assert kinds(ABSENT, SYSTEMD, found=(installed(),)) == [Kind.ENGINE_SETTINGS, Kind.PACKAGES, Kind.START_ENGINE]
    assert kinds(ASLEEP, SYSTEMD, found=(installed(),)) == [Kind.START_ENGINE]


def test_a_user_joins_the_engines_group_once() -> None:
    closed = replace(ASLEEP, refused=True)
    assert kinds(closed, USER, found=(installed(),)) == [Kind.ENGINE_GROUP]
    assert kinds(closed, replace(USER, engine_group=True), found=(installed(),)) == []
    assert Kind.ENGINE_GROUP in kinds(ABSENT, USER, found=(installed(),))


def test_low_kernel_limits_and_a_missing_folder_are_repaired() -> None:
    poor = replace(BOOKWORM, limits=dict.fromkeys(LIMITS, 1), modules_folder=False)
    found = steps(RUNNING, poor, found=(installed(),))
    assert [step.kind for step in found] == [Kind.KERNEL_LIMIT, Kind.KERNEL_LIMIT, Kind.MODULES_FOLDER]
    assert {(step.setting, step.value) for step in found[:2]} == set(LIMITS.items())


def test_a_broken_tool_is_installed_again() -> None:
    assert kinds(RUNNING, found=(installed(intact=False),)) == [Kind.TOOL]


def test_what_a_package_brings_along_is_said() -> None:
    [step] = steps(RUNNING, tools=(DATABASE,))
    assert [str(each) for each in step.packages] == ["db 15.8"]
    assert step.details[-1] == "database: its package starts a service"


def test_an_old_package_of_the_system_is_replaced() -> None:
    [step] = steps(RUNNING, tools=(DATABASE,), found=(on_path("14.2"),))
    assert step.kind is Kind.PACKAGES


def test_ubuntu_has_its_own_names() -> None:
    noble = replace(BOOKWORM, distribution="ubuntu", release="noble")
    offered = {
        "docker.io": (Candidate(version="28.2.2", suite="noble-updates"),),
        "iptables": (Candidate(version="1", suite="noble"),),
    }
    assert [str(each) for each in choose(DOCKER, noble, offered, None)] == ["docker.io 28.2.2", "iptables 1"]


def test_a_package_that_no_suite_has_new_enough_names_the_setting_to_change() -> None:
    offered = {**OFFERED, "docker.io": (Candidate(version="20.10.24", suite="bookworm"),)}
    with pytest.raises(EnvironmentLacks, match=r"no package docker\.io >= 26\.1") as raised:
        choose(DOCKER, BOOKWORM, offered, "trixie")
    assert raised.value.where == "infrastructure/versions.toml, [tools.docker]"
    assert "20.10.24 in bookworm" in raised.value.what
    assert raised.value.code == "pin-vanished"


def test_a_package_that_nobody_offers_says_so() -> None:
    with pytest.raises(EnvironmentLacks, match="offered: none"):
        choose(DATABASE, BOOKWORM, {}, "trixie")


@pytest.mark.parametrize(
    ("terminal", "root", "automatic", "yes", "answer"),
    [
        (True, True, False, False, Consent.ASK),
        (True, False, False, False, Consent.ASK),
        (True, False, False, True, Consent.GO),
        (True, False, True, False, Consent.GO),
        (False, True, False, False, Consent.GO_AS_ROOT),
        (False, False, False, False, Consent.REFUSE),
        (False, False, True, False, Consent.GO),
        (False, False, False, True, Consent.GO),
    ],
)
def test_a_terminal_is_asked_ci_and_yes_go_ahead_and_without_a_terminal_only_root_does(
    terminal: bool, root: bool, automatic: bool, yes: bool, answer: Consent
) -> None:
    machine = replace(BOOKWORM, terminal=terminal, root=root, automatic=automatic)
    assert consent(machine, yes=yes) is answer


def test_the_published_object_tells_every_step_and_whether_anything_changed() -> None:
    checks = (judge(SCANNER, ()),)
    wanted = plan((SCANNER,), checks, machine=BOOKWORM, engine=RUNNING, packages=())
    title = wanted.steps[0].title
    told = SetupResult(plan=wanted, seconds={title: 1.26}).to_json()
    assert (told["schema"], told["changed"], told["dry_run"]) == ("plimsoll.setup/1", True, False)
    assert told["steps"] == [{"kind": "tool", "title": title, "root": False, "packages": [], "seconds": 1.3}]
    assert SetupResult(plan=wanted, dry_run=True).to_json()["changed"] is False


def test_the_published_schema_knows_every_kind_of_step_and_every_state() -> None:
    folder = Path(plimsoll.__file__).parent / "schemas"
    setup, doctor = (json.loads((folder / f"{name}-1.json").read_text()) for name in ("setup", "doctor"))
    assert set(setup["$defs"]["step"]["properties"]["kind"]["enum"]) == set(Kind)
    assert set(doctor["$defs"]["line"]["properties"]["state"]["enum"]) == set(State)
