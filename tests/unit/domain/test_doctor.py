"""What the state of the engine, the kernel, the disk and the base images means, and what repairs it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from plimsoll.domain.tools import State
from plimsoll.domain.tools_machine import bases_check, engine_checks, machine_checks, registry_check
from plimsoll.errors import EnvironmentLacks, Misconfigured
from tests.fake_machine import ABSENT, ASLEEP, BOOKWORM, BUILDX, DOCKER, RUNNING

if TYPE_CHECKING:
    from plimsoll.domain.tools_machine import EngineFacts, Machine
    from plimsoll.domain.tools_verdict import Check

TOOLS = {"docker": DOCKER, "buildx": BUILDX}
SYSTEMD = replace(BOOKWORM, systemd=True)
USER = replace(BOOKWORM, root=False, user="ada")


def lines(engine: EngineFacts = RUNNING, machine: Machine = BOOKWORM) -> dict[str, Check]:
    return {check.name: check for check in engine_checks(TOOLS, engine, machine)}


def test_an_engine_that_runs_with_its_plugins_is_fine() -> None:
    assert [check.state for check in lines().values()] == [State.OK] * 3


def test_no_engine_at_all_is_missing() -> None:
    found = lines(ABSENT)
    assert (found["docker"].state, found["docker"].repair) == (State.MISSING, "./inv setup")
    assert (found["image-store"].state, found["buildx"].state) == (State.NOT_RUNNING, State.MISSING)


def test_a_client_without_an_engine_is_an_engine_missing() -> None:
    found = lines(replace(ASLEEP, daemon=False))["docker"]
    assert (found.state, found.found) == (State.MISSING, "")
    assert "client" in found.note


def test_an_installed_engine_that_sleeps_is_woken_by_setup() -> None:
    found = lines(ASLEEP)["docker"]
    assert (found.state, found.repair) == (State.NOT_RUNNING, "./inv setup")


def test_an_engine_that_the_user_chose_is_never_started_for_him() -> None:
    found = lines(replace(ASLEEP, chosen=True, address="unix:///elsewhere.sock"))
    assert (found["docker"].state, found["docker"].source) == (State.NOT_RUNNING, "unix:///elsewhere.sock")
    assert found["docker"].repair == found["image-store"].repair == "unset DOCKER_HOST DOCKER_CONTEXT"


def test_an_engine_that_lets_the_user_not_in_is_repaired_by_joining_its_group_and_then_by_a_new_session() -> None:
    closed = replace(ASLEEP, refused=True)
    assert lines(closed, USER)["docker"].repair == "./inv setup"
    assert lines(closed, replace(USER, engine_group=True))["docker"].repair == "newgrp docker"


@pytest.mark.parametrize(("machine", "stop"), [(SYSTEMD, "systemctl stop"), (BOOKWORM, "kill")])
def test_an_old_engine_that_runs_is_not_touched_but_told(machine: Machine, stop: str) -> None:
    found = lines(replace(RUNNING, version="20.10.24"), machine)["docker"]
    assert (found.state, found.found) == (State.TOO_OLD, "20.10.24")
    assert stop in found.repair
    assert "never touched" in found.note


@pytest.mark.parametrize(("machine", "restart"), [(SYSTEMD, "systemctl restart docker"), (BOOKWORM, "restart the engine")])
def test_an_engine_without_the_containerd_image_store_is_told_how_to_get_it(machine: Machine, restart: str) -> None:
    found = lines(replace(RUNNING, containerd_store=False), machine)["image-store"]
    assert (found.state, found.good) == (State.MISSING, False)
    assert "containerd-snapshotter" in found.repair
    assert restart in found.repair


def test_an_old_plugin_is_replaced_by_setup() -> None:
    found = lines(replace(RUNNING, buildx="0.11.2"))["buildx"]
    assert (found.state, found.found, found.repair) == (State.TOO_OLD, "0.11.2", "./inv setup")


def test_a_machine_as_it_should_be_has_nothing_to_repair() -> None:
    assert all(check.state is State.OK for check in machine_checks(BOOKWORM))


def test_kernel_limits_too_low_for_a_kind_node_are_raised_by_setup() -> None:
    checks = machine_checks(
        replace(BOOKWORM, limits={"fs.inotify.max_user_instances": 128, "fs.inotify.max_user_watches": 524288})
    )
    low = [check for check in checks if check.state is not State.OK]
    assert [(check.name, check.found, check.repair) for check in low] == [("fs.inotify.max_user_instances", "128", "./inv setup")]


def test_other_kernels_have_no_such_limits() -> None:
    names = {check.name for check in machine_checks(replace(BOOKWORM, platform="darwin-arm64", limits={}))}
    assert names == {"python", "disk"}


@pytest.mark.parametrize(
    ("free", "state", "good"),
    [(15_000_000_000, State.OK, True), (14_900_000_000, State.TOO_LITTLE, True), (1_900_000_000, State.TOO_LITTLE, False)],
)
def test_disk_space_warns_before_it_refuses(free: int, state: State, good: bool) -> None:
    [disk] = [check for check in machine_checks(replace(BOOKWORM, free={"/var": free})) if check.name == "disk"]
    assert (disk.state, disk.good, disk.source) == (state, good, "/var")


def test_a_python_without_venv_names_its_package() -> None:
    [python] = [check for check in machine_checks(replace(BOOKWORM, venv=False)) if check.name == "python"]
    assert (python.state, python.repair) == (State.MISSING, "apt-get install python3-venv")


TODAY = date(2030, 6, 30)


@pytest.mark.parametrize(
    ("recorded", "state", "found"),
    [
        (date(2030, 6, 30), State.OK, "0 days old"),
        (date(2030, 6, 29), State.OK, "1 day old"),
        (date(2030, 5, 31), State.OK, "30 days old"),
        (date(2030, 5, 30), State.TOO_OLD, "31 days old"),
        (None, State.OPTIONAL, ""),
    ],
)
def test_base_images_older_than_30_days_are_a_warning(recorded: date | None, state: State, found: str) -> None:
    check = bases_check(recorded, TODAY)
    assert (check.state, check.found, check.good) == (state, found, True)
    assert (check.repair == "") is (state is State.OK)


def test_rights_at_a_registry_are_told_apart_from_a_registry_that_is_down() -> None:
    repository = "registry.example.com/check-in"
    assert registry_check(repository, None).state is State.OK
    denied = registry_check(repository, Misconfigured("does not let us in", code="registry-login"))
    assert (denied.state, denied.repair, denied.good) == (State.DENIED, "docker login registry.example.com", False)
    down = registry_check(repository, EnvironmentLacks("does not answer", code="registry-down"))
    assert (down.state, down.note) == (State.NOT_RUNNING, "does not answer")
