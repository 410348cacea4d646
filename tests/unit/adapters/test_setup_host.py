"""What the machine is, and what apt offers, read from the real forms of their files and output."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from plimsoll.adapters.administrator import Administrator
from plimsoll.adapters.apt import read_madison
from plimsoll.adapters.host import ThisMachine, read_release, this_platform
from plimsoll.domain.tools_setup import Candidate

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ID=debian\nVERSION_CODENAME=bookworm\n", ("debian", "bookworm")),
        ("ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble\nUBUNTU_CODENAME=noble\n", ("ubuntu", "noble")),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_CODENAME=xia\nUBUNTU_CODENAME=noble\n', ("ubuntu", "noble")),
        ('ID="raspbian"\nID_LIKE=debian\nVERSION_CODENAME=bookworm\n', ("debian", "bookworm")),
        ("ID=fedora\nVERSION_ID=41\n", ("fedora", "")),
        ("", ("linux", "")),
    ],
)
def test_the_distribution_is_read_with_what_it_is_like(tmp_path: Path, text: str, expected: tuple[str, str]) -> None:
    (tmp_path / "os-release").write_text(text)
    assert read_release(tmp_path / "os-release") == expected


def test_a_system_without_os_release_is_named_by_python(tmp_path: Path) -> None:
    assert read_release(tmp_path / "absent")[1] == ""


def test_the_machine_tells_what_it_is(tmp_path: Path) -> None:
    machine = ThisMachine(Administrator(), environ={"CI": "true"}, folders=(tmp_path / "not" / "yet", tmp_path)).facts()
    assert machine.platform == this_platform()
    assert machine.automatic
    assert machine.root is (os.geteuid() == 0)
    assert list(machine.free) == [str(tmp_path / "not" / "yet")]
    assert not ThisMachine(Administrator(), environ={"CI": "false"}).facts().automatic


def test_candidates_of_apt_are_told_by_suite_newest_first() -> None:
    text = (
        " docker.io | 26.1.5+dfsg1-9+deb13u1 | http://mirror.example/debian trixie/main amd64 Packages\n"
        " docker.io | 20.10.24+dfsg1-1+deb12u1+b6 | http://mirror.example/debian bookworm/main amd64 Packages\n"
        " docker.io | 26.1.5+dfsg1-9+deb13u1 | http://mirror.example/debian trixie/main Sources\n"
        "redis-server | 5:7.0.15-1~deb12u10 | http://mirror.example/debian-security bookworm-security/main amd64 Packages\n"
        "N: nonsense\n"
    )
    assert read_madison(text) == {
        "docker.io": [
            Candidate(version="26.1.5+dfsg1-9+deb13u1", suite="trixie"),
            Candidate(version="20.10.24+dfsg1-1+deb12u1+b6", suite="bookworm"),
        ],
        "redis-server": [Candidate(version="5:7.0.15-1~deb12u10", suite="bookworm-security")],
    }
