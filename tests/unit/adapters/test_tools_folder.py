"""The folder of pinned tools: whole or not there, checked against its receipt, safe for two at once."""

from __future__ import annotations

import json
import shutil
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from plimsoll.adapters.downloads import SourceFailed
from plimsoll.adapters.tool_folder import RECEIPT, ToolFolder
from plimsoll.errors import EnvironmentLacks
from tests.fake_machine import BUILT, HASH, SCANNER, WHEEL
from tests.fakes import FakeReporter

if TYPE_CHECKING:
    from pathlib import Path

    from plimsoll.domain.tools import Source

TOOL = replace(SCANNER, sources=(BUILT, WHEEL))


class Wheels:
    """Brings a program, as often as it is asked (Fetcher)."""

    def __init__(self, *, failing: bool = False, empty: bool = False) -> None:
        self.fetched = 0
        self.failing = failing
        self.empty = empty

    def fetch(self, source: Source, platform: str, into: Path) -> None:
        assert (source, platform) == (WHEEL, "linux-amd64")
        assert list(into.iterdir()) == []
        self.fetched += 1
        if not self.empty:
            (into / "bin").mkdir()
            (into / "bin" / "tool").write_text("#!/bin/sh\n")
        if self.failing:
            raise SourceFailed("the wheel hashes to something else")


def folder(tmp_path: Path, wheels: Wheels) -> ToolFolder:
    return ToolFolder(tmp_path / "tools", platform="linux-amd64", fetcher=lambda _kind: wheels)


def left(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "tools").iterdir() if not path.name.endswith(".lock"))


def test_a_tool_is_installed_with_a_receipt_and_found_again(tmp_path: Path) -> None:
    here = folder(tmp_path, Wheels())
    assert here.installed(TOOL) == ()
    made = here.install(TOOL, WHEEL, reporter=FakeReporter())
    assert made == here.installed(TOOL)[0]
    assert (made.version, made.intact) == ("2.0", True)
    program = tmp_path / "tools" / "scanner-2.0.1" / "bin" / "tool"
    assert made.path == str(program)
    assert program.stat().st_mode & 0o111
    receipt = json.loads((tmp_path / "tools" / "scanner-2.0.1" / RECEIPT).read_text())
    assert (receipt["pin"], receipt["source"]) == (HASH, "Python package tool-bin 2.0.1")
    assert left(tmp_path) == ["scanner-2.0.1"]


def test_an_intact_tool_is_not_fetched_twice(tmp_path: Path) -> None:
    wheels = Wheels()
    for _ in range(2):
        folder(tmp_path, wheels).install(TOOL, WHEEL, reporter=FakeReporter())
    assert wheels.fetched == 1


def test_a_changed_program_is_seen_and_replaced(tmp_path: Path) -> None:
    wheels = Wheels()
    here = folder(tmp_path, wheels)
    made = here.install(TOOL, WHEEL, reporter=FakeReporter())
    (tmp_path / "tools" / "scanner-2.0.1" / "bin" / "tool").write_text("#!/bin/evil\n")
    assert not here.installed(TOOL)[0].intact
    assert here.install(TOOL, WHEEL, reporter=FakeReporter()).path == made.path
    assert here.installed(TOOL)[0].intact
    assert wheels.fetched == 2
    assert left(tmp_path) == ["scanner-2.0.1"]


def test_a_program_that_was_deleted_is_not_intact(tmp_path: Path) -> None:
    here = folder(tmp_path, Wheels())
    here.install(TOOL, WHEEL, reporter=FakeReporter())
    (tmp_path / "tools" / "scanner-2.0.1" / "bin" / "tool").unlink()
    assert not here.installed(TOOL)[0].intact


def test_a_copied_folder_is_hashed_and_believed(tmp_path: Path) -> None:
    here = folder(tmp_path, Wheels())
    here.install(TOOL, WHEEL, reporter=FakeReporter())
    shutil.copytree(tmp_path / "tools", tmp_path / "elsewhere" / "tools")
    assert folder(tmp_path / "elsewhere", Wheels()).installed(TOOL)[0].intact


def test_another_pin_for_the_same_version_is_not_what_is_installed(tmp_path: Path) -> None:
    here = folder(tmp_path, Wheels())
    here.install(TOOL, WHEEL, reporter=FakeReporter())
    repinned = replace(WHEEL, hashes={"linux-amd64": "sha256:" + "1" * 64})
    assert here.installed(replace(TOOL, sources=(repinned,))) == ()


@pytest.mark.parametrize("receipt", ["", "[]", "{"])
def test_a_folder_without_a_readable_receipt_is_not_there(tmp_path: Path, receipt: str) -> None:
    here = folder(tmp_path, Wheels())
    here.install(TOOL, WHEEL, reporter=FakeReporter())
    (tmp_path / "tools" / "scanner-2.0.1" / RECEIPT).write_text(receipt)
    assert here.installed(TOOL) == ()
    here.install(TOOL, WHEEL, reporter=FakeReporter())
    assert here.installed(TOOL)[0].intact


@pytest.mark.parametrize("wheels", [Wheels(failing=True), Wheels(empty=True)])
def test_a_source_that_fails_leaves_nothing_behind(tmp_path: Path, wheels: Wheels) -> None:
    with pytest.raises(EnvironmentLacks):
        folder(tmp_path, wheels).install(TOOL, WHEEL, reporter=FakeReporter())
    assert left(tmp_path) == []


def test_links_that_a_source_cannot_carry_are_made(tmp_path: Path) -> None:
    linked = replace(WHEEL, links={"bin/other": "tool"})
    here = ToolFolder(tmp_path / "tools", platform="linux-amd64", fetcher=lambda _kind: LinkedWheels())
    here.install(replace(TOOL, sources=(linked,)), linked, reporter=FakeReporter())
    link = tmp_path / "tools" / "scanner-2.0.1" / "bin" / "other"
    assert link.resolve() == (tmp_path / "tools" / "scanner-2.0.1" / "bin" / "tool").resolve()


class LinkedWheels(Wheels):
    """Brings a program and a file where a link belongs."""

    def fetch(self, source: Source, platform: str, into: Path) -> None:
        super().fetch(replace(source, links={}), platform, into)
        (into / "bin" / "other").write_text("no link")


def test_two_at_once_fetch_once_and_the_second_is_told(tmp_path: Path) -> None:
    wheels, entered, go = Wheels(), threading.Event(), threading.Event()
    fetch = wheels.fetch

    def slow(source: Source, platform: str, into: Path) -> None:
        entered.set()
        assert go.wait(10)
        fetch(source, platform, into)

    wheels.fetch = slow  # type: ignore[method-assign]  # the second must come while the first is at it
    reporter = FakeReporter()
    first = threading.Thread(target=lambda: folder(tmp_path, wheels).install(TOOL, WHEEL, reporter=FakeReporter()))
    second = threading.Thread(target=lambda: folder(tmp_path, wheels).install(TOOL, WHEEL, reporter=reporter))
    first.start()
    assert entered.wait(10)
    second.start()
    while not reporter.lines("info"):
        assert second.is_alive()
    go.set()
    first.join(10)
    second.join(10)
    assert (wheels.fetched, reporter.lines("info")) == (1, ["waiting for another installation of scanner"])


def test_a_program_built_here_is_adopted_and_preferred(tmp_path: Path) -> None:
    here = folder(tmp_path, Wheels())
    here.install(TOOL, WHEEL, reporter=FakeReporter())
    built = tmp_path / "kubectl"
    built.write_text("#!/bin/sh\n")
    adopted = here.adopt(TOOL, BUILT, built, reporter=FakeReporter())
    assert here.installed(TOOL)[0] == adopted
    assert adopted.path == str(tmp_path / "tools" / "scanner-2.0-built" / "bin" / "tool")
    built.write_text("#!/bin/sh\n# newer\n")
    here.adopt(TOOL, BUILT, built, reporter=FakeReporter())
    assert here.installed(TOOL)[0].intact
