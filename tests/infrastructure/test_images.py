"""The images that this repository builds, as data: who runs in them, what is in them, and how large they are."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

import pytest

from plimsoll import wiring
from plimsoll.adapters.oci import Layout, unpacked_size
from plimsoll.errors import EnvironmentLacks
from plimsoll.wiring import images
from tests.fakes import FakeReporter
from tests.needs import missing

# A cold build of all images, bases included, on a slow machine.
pytestmark = [pytest.mark.engine, pytest.mark.timeout(1500)]
NAMES = tuple(wiring.project().services)
LIMIT = 200_000_000
# Package managers and compilers, by the names under which they are started.
TOOLS = {
    "apt",
    "apt-get",
    "dpkg",
    "dpkg-deb",
    "gcc",
    "cc",
    "g++",
    "make",
    "ld",
    "pip",
    "pip3",
    "npm",
    "npx",
    "node",
    "perl",
    "curl",
}


@dataclass(frozen=True)
class BuiltImage:
    """One image: its layout, its configuration, and everything in its layers (path -> entry)."""

    layout: Layout
    config: dict[str, object]
    labels: dict[str, str]
    noted_bytes: int
    budget: int
    entries: dict[str, tarfile.TarInfo]

    def read(self, name: str) -> str:
        for descriptor in reversed(self.layout.manifest()["layers"]):
            with self.layout.plain(descriptor) as plain, tarfile.open(fileobj=plain, mode="r:") as archive:
                if name in archive.getnames():
                    body = archive.extractfile(name)
                    assert body is not None
                    return body.read().decode()
        raise KeyError(name)


@cache
def built() -> dict[str, BuiltImage]:
    reporter = FakeReporter()
    try:
        result = images.build((), reporter)
    except EnvironmentLacks as error:
        missing(f"what building needs ({error.what.splitlines()[0]})")
    found = {}
    for name, each in result.images.items():
        layout = Layout(images.layout(each.image, reporter))
        entries: dict[str, tarfile.TarInfo] = {}
        for descriptor in layout.manifest()["layers"]:
            with layout.plain(descriptor) as plain, tarfile.open(fileobj=plain, mode="r|") as archive:
                entries.update({member.name.rstrip("/"): member for member in archive})
        labels, size = dict(each.image.labels), each.image.unpacked_bytes
        found[name] = BuiltImage(layout, layout.config()["config"], labels, size, result.budgets[name], entries)
    return found


@pytest.fixture(params=NAMES)
def image(request: pytest.FixtureRequest) -> BuiltImage:
    return built()[request.param]


def test_it_runs_as_uid_1001_with_an_init_as_process_1(image: BuiltImage) -> None:
    assert image.config["User"] == "1001:1001"
    entrypoint = image.config["Entrypoint"]
    assert isinstance(entrypoint, list)
    assert entrypoint[0] == "dumb-init"
    assert "usr/bin/dumb-init" in image.entries


def test_it_is_as_large_as_its_unpacked_layers_and_within_its_budget(image: BuiltImage) -> None:
    size = 0
    for descriptor in image.layout.manifest()["layers"]:
        with image.layout.plain(descriptor) as plain:
            size += unpacked_size(plain)
    assert size == image.noted_bytes
    assert size <= image.budget


@pytest.mark.parametrize("service", ["backend", "frontend"])
def test_the_applications_images_stay_under_200_megabytes_and_reach_half(service: str) -> None:
    size = built()[service].noted_bytes
    assert size < LIMIT
    assert size < LIMIT // 2


def test_its_labels_say_where_it_comes_from(image: BuiltImage) -> None:
    names = {f"org.opencontainers.image.{each}" for each in ("created", "revision", "version", "source", "title", "base.digest")}
    assert names <= set(image.labels)
    assert image.labels["org.opencontainers.image.source"] == wiring.project().source
    assert image.config["Labels"] == image.labels


def test_no_package_manager_and_no_compiler_is_in_it(image: BuiltImage) -> None:
    programs = {PurePosixPath(name).name for name, entry in image.entries.items() if entry.mode & 0o111 and not entry.isdir()}
    assert programs & TOOLS == set()


def test_a_scanner_recognises_what_it_is_made_of(image: BuiltImage) -> None:
    assert "ID=debian" in image.read("usr/lib/os-release")
    status = image.read("var/lib/dpkg/status")
    assert status.count("\nVersion: ") == status.count("Status: install ok installed") > 5


def test_nobody_in_it_can_become_somebody_else(image: BuiltImage) -> None:
    assert [name for name, entry in image.entries.items() if entry.isreg() and entry.mode & 0o6000] == []


def test_it_asks_for_its_health_without_a_shell_or_curl(image: BuiltImage) -> None:
    health = image.config["Healthcheck"]
    assert isinstance(health, dict)
    command = health["Test"]
    assert command[0] == "CMD", "the exec form"
    seconds = 1_000_000_000
    assert (health["Interval"], health["Timeout"], health["StartPeriod"], health["Retries"]) == (
        30 * seconds,
        10 * seconds,
        40 * seconds,
        3,
    )
    assert PurePosixPath(command[1]).name not in {"sh", "bash", "curl", "wget"}


@pytest.mark.parametrize("service", ["backend", "frontend"])
def test_the_applications_images_have_no_shell(service: str) -> None:
    assert not {"usr/bin/sh", "usr/bin/bash", "usr/bin/dash", "usr/bin/busybox"} & set(built()[service].entries)


def test_nothing_in_it_belongs_to_the_machine_that_built_it(image: BuiltImage) -> None:
    home = str(Path.home()).lstrip("/")
    assert [name for name in image.entries if name.startswith((f"{home}/.", "src/", "var/log/apt"))] == []


def test_every_program_of_it_finds_its_libraries() -> None:
    """What the backend's extension modules are linked to is in the image: the builder has more libraries than the runner."""
    entries = built()["backend"].entries
    names = {PurePosixPath(name).name for name in entries}
    layout = built()["backend"].layout
    absent = set()
    for descriptor in layout.manifest()["layers"]:
        with layout.plain(descriptor) as plain, tarfile.open(fileobj=plain, mode="r:") as archive:
            for member in archive:
                if member.isreg() and member.name.endswith(".so") and "site-packages" in member.name:
                    body = archive.extractfile(member)
                    assert body is not None
                    absent |= {library for library in needed(body.read()) if library not in names}
    assert absent == set()


def needed(elf: bytes) -> set[str]:
    """Return the libraries that an ELF file is linked to: 64-bit, little-endian, as everything here."""

    def number(at: int, size: int = 8) -> int:
        return int.from_bytes(elf[at : at + size], "little")

    assert elf[:6] == b"\x7fELF\x02\x01"
    headers, size, count = number(0x20), number(0x36, 2), number(0x38, 2)
    segments = [headers + index * size for index in range(count)]
    loads = [(number(at + 0x10), number(at + 0x08), number(at + 0x20)) for at in segments if number(at, 4) == 1]
    dynamic = next(at for at in segments if number(at, 4) == 2)
    start, length = number(dynamic + 0x08), number(dynamic + 0x20)
    tags = [(number(at), number(at + 8)) for at in range(start, start + length, 16)]
    address = dict(tags)[5]
    strings = next(address - virtual + offset for virtual, offset, extent in loads if virtual <= address < virtual + extent)
    return {
        elf[strings + value : elf.index(b"\0", strings + value)].decode() for tag, value in tags if tag == 1
    }  # fmt: skip
