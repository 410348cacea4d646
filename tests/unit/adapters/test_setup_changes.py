"""What setup changes about a machine, by the commands it hands to the administrator, and how one becomes that."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plimsoll.adapters import host as host_module
from plimsoll.adapters import process
from plimsoll.adapters.administrator import Administrator
from plimsoll.adapters.apt import AptPackages
from plimsoll.adapters.host import ThisMachine
from plimsoll.domain.tools_setup import Kind, PackageChoice, Step
from plimsoll.errors import EnvironmentLacks
from tests.fake_machine import BOOKWORM
from tests.fakes import FakeReporter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

CHOSEN = (PackageChoice(name="docker.io", version="26.1.5", suite="trixie"), PackageChoice(name="iptables", version="1.8.9"))


class Recorded(Administrator):
    """An administrator who does nothing but remember; `failing` makes the programs fail."""

    def __init__(self, *, failing: bool = False) -> None:
        super().__init__()
        self.asked: list[tuple[str, ...]] = []
        self.files: list[str] = []
        self.failing = failing

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        title: str,
        env: Mapping[str, str] | None = None,
        on_line: Callable[[str], None] = lambda _line: None,
    ) -> None:
        assert timeout > 0
        assert title
        self.asked.append(tuple(argv))
        self.files += [Path(word).read_text() for word in argv if word.endswith(".json") and Path(word).is_file()]
        on_line(f"in {(env or {}).get('LC_ALL', 'any')} words")
        if self.failing:
            finished = process.Finished(argv=tuple(argv), code=100, stdout="", stderr="E: Unable to locate package", seconds=1)
            raise process.CommandFailed(finished, title)


def change(step: Step) -> Recorded:
    administrator = Recorded()
    ThisMachine(administrator, environ={}).change(step)
    return administrator


def test_a_kernel_limit_is_set_until_the_next_boot() -> None:
    step = Step(kind=Kind.KERNEL_LIMIT, title="raise", setting="fs.inotify.max_user_watches", value=524288)
    assert change(step).asked == [("sysctl", "-q", "-w", "fs.inotify.max_user_watches=524288")]


def test_the_folder_that_kind_mounts_is_made() -> None:
    assert change(Step(kind=Kind.MODULES_FOLDER, title="make")).asked == [("mkdir", "-p", "/lib/modules")]


def test_the_user_joins_the_engines_group() -> None:
    [asked] = change(Step(kind=Kind.ENGINE_GROUP, title="join")).asked
    assert asked[:3] == ("usermod", "-aG", "docker")


def test_settings_for_a_new_engine_are_written_only_where_there_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "ENGINE_SETTINGS", tmp_path / "docker" / "daemon.json")
    step = Step(kind=Kind.ENGINE_SETTINGS, title="settings")
    administrator = change(step)
    [asked] = administrator.asked
    assert (asked[0], asked[-1]) == ("install", str(tmp_path / "docker" / "daemon.json"))
    assert json.loads(administrator.files[0]) == {"features": {"containerd-snapshotter": True}}
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "daemon.json").touch()
    assert change(step).asked == []


def packages(administrator: Administrator, folder: Path, next_release: str | None = "trixie") -> AptPackages:
    machine = BOOKWORM if next_release else replace(BOOKWORM, release="trixie")
    return AptPackages(folder, administrator, machine=machine, next_release=next_release)


def test_packages_of_the_next_release_come_from_a_folder_of_ours(tmp_path: Path) -> None:
    administrator, reporter = Recorded(), FakeReporter()
    packages(administrator, tmp_path).install(CHOSEN, reporter=reporter)
    [asked] = administrator.asked
    assert asked[-2:] == ("docker.io/trixie", "iptables")
    assert f"-oDir::Etc::SourceParts={tmp_path}/sources.list.d" in asked
    assert "--no-install-recommends" in asked
    assert reporter.lines("detail") == ["in C.UTF-8 words"]


def test_where_there_is_no_next_release_the_machines_own_sources_are_used(tmp_path: Path) -> None:
    administrator = Recorded()
    packages(administrator, tmp_path, None).install(CHOSEN[1:], reporter=FakeReporter())
    assert not any("SourceParts" in word for word in administrator.asked[0])
    assert f"-oDir::State::lists={tmp_path}/lists" in administrator.asked[0]


def test_what_apt_says_when_it_fails_reaches_the_user(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentLacks, match="Unable to locate package") as raised:
        packages(Recorded(failing=True), tmp_path).install(CHOSEN, reporter=FakeReporter())
    assert raised.value.exit_code == 4


@pytest.fixture
def becoming(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Make us an ordinary user whose `sudo` is the given script (none: there is no sudo)."""
    # The kernel knows better who we are; what is tried here is what we do about it.
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    (tmp_path / "bin").mkdir()
    for program in ("env", "echo", "sh", "true"):
        (tmp_path / "bin" / program).symlink_to(f"/usr/bin/{program}")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin")

    def write(script: str) -> None:
        path = tmp_path / "bin" / "sudo"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    return write


def test_a_sudo_that_asks_nothing_is_used(becoming: Callable[[str], None]) -> None:
    becoming('[ "$1" = -n ] && shift && exec "$@"')
    said: list[str] = []
    administrator = Administrator()
    administrator.run(("sh", "-c", "echo $WHO"), timeout=5, title="ask", env={"WHO": "the administrator"}, on_line=said.append)
    assert said == ["the administrator"]
    assert not administrator.direct


def test_a_sudo_that_wants_a_password_is_of_no_use_without_a_terminal(becoming: Callable[[str], None]) -> None:
    becoming("exit 1")
    with pytest.raises(EnvironmentLacks) as raised:
        Administrator().require("./inv setup")
    assert (raised.value.code, raised.value.now) == ("not-root", "run `./inv setup` as root")


@pytest.mark.usefixtures("becoming")
def test_a_user_without_sudo_is_told_to_become_root() -> None:
    with pytest.raises(EnvironmentLacks, match="administrator's rights"):
        Administrator().run(("echo", "hello"), timeout=5, title="say")


def test_root_runs_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    said: list[str] = []
    Administrator().run(("echo", "hello"), timeout=5, title="say", on_line=said.append)
    assert said == ["hello"]
