"""How the kind program's failures are taken, with a stand-in for it that fails as told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from plimsoll.adapters.kind import KindNodes
from plimsoll.errors import EnvironmentLacks
from tests.fakes import FakeReporter

if TYPE_CHECKING:
    from pathlib import Path

# Each `create` takes the next line of what is to go wrong; an empty one goes well.
SCRIPT = """#!/bin/sh
echo "$1" >>"{folder}/called"
[ "$1" = create ] || exit 0
said=$(sed -n 1p "{folder}/wrong") && sed -i 1d "{folder}/wrong"
[ -z "$said" ] || { echo "ERROR: $said" >&2; exit 1; }
"""


def nodes(folder: Path, *wrong: str) -> KindNodes:
    program = folder / "kind"
    program.write_text(SCRIPT.replace("{folder}", str(folder)))
    program.chmod(0o755)
    (folder / "wrong").write_text("".join(f"{each}\n" for each in wrong))
    return KindNodes("check-in", kind=lambda: program, folder=folder)


def called(folder: Path) -> list[str]:
    return (folder / "called").read_text().split()


def test_kind_that_came_too_early_for_a_busy_machine_gets_a_second_chance(tmp_path: Path) -> None:
    nodes(tmp_path, "OCI runtime exec failed: read init-p", "").create({}, "image", reporter=FakeReporter())
    assert called(tmp_path) == ["create", "delete", "create"]
    assert (tmp_path / "check-in.begun").exists()


def test_it_gets_no_third_one(tmp_path: Path) -> None:
    broken = nodes(tmp_path, *["OCI runtime exec failed: read init-p"] * 2)
    with pytest.raises(EnvironmentLacks, match="OCI runtime exec failed"):
        broken.create({}, "image", reporter=FakeReporter())
    assert called(tmp_path) == ["create", "delete", "create", "export", "delete"]


def test_any_other_failure_is_told_at_once_with_its_logs(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentLacks, match="cannot be made: no room") as refused:
        nodes(tmp_path, "no room").create({}, "image", reporter=FakeReporter())
    assert called(tmp_path) == ["create", "export", "delete"]
    assert refused.value.where == str(tmp_path / "check-in-logs")
    assert not (tmp_path / "check-in.begun").exists()
