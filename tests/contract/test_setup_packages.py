"""Asking the real apt what this release and the next one have, from a folder of our own."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from plimsoll.adapters.administrator import Administrator
from plimsoll.adapters.apt import AptPackages
from plimsoll.adapters.host import ThisMachine
from plimsoll.domain.tools import parse_version
from tests.needs import need_program


def fingerprint(folder: Path) -> str:
    """Return a hash of every file's name and content below a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        digest.update(f"{path}\0".encode() + (path.read_bytes() if path.is_file() else b""))
    return digest.hexdigest()


@pytest.mark.timeout(300)
def test_newer_packages_are_found_in_the_next_release_and_nothing_under_etc_apt_changes(tmp_path: Path) -> None:
    need_program("apt-get")
    machine = ThisMachine(Administrator(), environ={}).facts()
    if (machine.distribution, machine.release) != ("debian", "bookworm"):
        pytest.skip(f"this is {machine.distribution} {machine.release}; only Debian 12's own engine is too old")
    before = fingerprint(Path("/etc/apt"))
    apt = AptPackages(tmp_path, Administrator(), machine=machine, next_release="trixie")
    found = apt.candidates(["docker.io", "docker-buildx", "git", "no-such-package"])
    suites = {each.suite.partition("-")[0]: parse_version(each.version) for each in reversed(found["docker.io"])}
    assert suites["bookworm"] < (26, 1) <= suites["trixie"]
    assert {each.suite.partition("-")[0] for each in found["docker-buildx"]} == {"trixie"}
    assert {each.suite.partition("-")[0] for each in found["git"]} == {"bookworm", "trixie"}
    assert "no-such-package" not in found
    assert fingerprint(Path("/etc/apt")) == before
    assert "Pin-Priority: 100" in (tmp_path / "preferences.d" / "next").read_text()


@pytest.mark.timeout(300)
def test_asking_the_machines_own_sources_touches_none_of_its_lists(tmp_path: Path) -> None:
    need_program("apt-get")
    machine = ThisMachine(Administrator(), environ={}).facts()
    before = fingerprint(Path("/var/lib/apt/lists"))
    found = AptPackages(tmp_path, Administrator(), machine=machine, next_release=None).candidates(["git"])
    assert machine.release in {each.suite.partition("-")[0] for each in found["git"]}
    assert fingerprint(Path("/var/lib/apt/lists")) == before
