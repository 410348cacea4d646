"""The programs that Plimsoll stands on: which versions serve, where they come from, and what was found."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

NUMBERS = re.compile(r"\d+(?:\.\d+)*")
EPOCH = re.compile(r"\d+:")


def parse_version(text: str) -> tuple[int, ...]:
    """Return the numbers of the first version in `text`: `Version: 0.76.0` and `5:7.0.15-1~deb12` are (0, 76, 0) and (7, 0, 15).

    A Debian epoch is skipped. Raise ValueError where there is no number.
    """
    match = NUMBERS.search(EPOCH.sub("", text, count=1) if EPOCH.match(text) else text)
    if match is None:
        msg = f"{text!r} holds no version"
        raise ValueError(msg)
    return tuple(int(part) for part in match[0].split("."))


class Need(StrEnum):
    """What a tool is needed for: releases, `inv lint` and `inv test`, or other tools only."""

    RELEASE = "release"
    TESTS = "tests"
    DEMAND = "demand"


class State(StrEnum):
    """What `inv doctor` says about one thing."""

    OK = "ok"
    MISSING = "missing"
    TOO_OLD = "too old"
    TOO_NEW = "too new"
    TOO_LITTLE = "too little"
    DENIED = "denied"
    WRONG_HASH = "wrong hash"
    NOT_RUNNING = "not running"
    OPTIONAL = "optional"


@dataclass(frozen=True, kw_only=True)
class Denied:
    """A version that is refused wherever it comes from."""

    version: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Source:
    """One place that a tool comes from; `kind` decides which of the fields matter (see the head of versions.toml).

    `hashes` holds what the source's bytes must hash to, by platform (`any` where it is the same on all), as `sha256:...` or
    `h1:...`, and `hash_from` who published that. `program` is the path of the program below the tool's folder. `origin` is
    the download's address by platform, or under `any` the name of the package or module.
    """

    kind: str
    version: str
    program: str = ""
    provides: str = ""
    origin: Mapping[str, str] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    hash_from: str = ""
    unpack: bool = False
    strip: int = 0
    links: Mapping[str, str] = field(default_factory=dict)
    debian: tuple[str, ...] = ()
    ubuntu: tuple[str, ...] = ()
    note: str = ""

    @property
    def offers(self) -> str:
        """The tool's own version, which a repackaging may count differently."""
        return self.provides or self.version

    def hash_for(self, platform: str) -> str | None:
        """Return the hash for `platform` (`linux-amd64`), or None where this source has nothing for it."""
        return self.hashes.get(platform, self.hashes.get("any"))

    def serves(self, platform: str) -> bool:
        """Tell whether there is something for `platform` here."""
        return self.kind in {"debian", "build"} or self.hash_for(platform) is not None

    @property
    def label(self) -> str:
        """Where it comes from, in words."""
        if self.kind == "python":
            return f"Python package {self.origin['any']} {self.version}"
        if self.kind == "module":
            return f"Go module {self.origin['any']} v{self.version}"
        if self.kind == "debian":
            return f"packages {', '.join(self.debian)}"
        return "built with the kind node image" if self.kind == "build" else f"the project's own release {self.version}"


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A program with the versions that will do and the sources it may come from, best first.

    A binary serves from `at_least` on and before `below`. `path` lets one on PATH serve, `folders` are looked at too, and
    `companions` must be there with it. It says its version, after the words `says`, when run with `version_arguments`;
    `go_module` names the module that a Go binary states in its build information, so that it can be judged without being run.
    `plugin` marks what the engine's client tells about, `debian_only` what is of no use elsewhere.
    """

    name: str
    why: str
    needed: Need
    program: str
    at_least: str
    below: str = ""
    path: bool = False
    plugin: bool = False
    debian_only: bool = False
    companions: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    version_arguments: tuple[str, ...] = ("--version",)
    says: str = ""
    go_module: str = ""
    denied: tuple[Denied, ...] = ()
    sources: tuple[Source, ...] = ()

    @property
    def system(self) -> bool:
        """Whether the system's package manager brings it."""
        return any(source.kind == "debian" for source in self.sources)

    @property
    def wanted(self) -> str:
        """The version that an installation would bring, or the lowest one that serves."""
        pinned = next((source.offers for source in self.sources if source.kind != "debian"), "")
        return pinned or f">= {self.at_least}"

    @property
    def range(self) -> str:
        """The versions that serve, in words."""
        return f">= {self.at_least}" + (f", < {self.below}" if self.below else "")

    def verdict(self, version: str | None) -> State:
        """Return OK, DENIED, TOO_OLD or TOO_NEW for a binary that says it is `version`; one that says none is too old."""
        if version is None:
            return State.TOO_OLD
        numbers = parse_version(version)
        if any(parse_version(each.version) == numbers for each in self.denied):
            return State.DENIED
        if numbers < parse_version(self.at_least):
            return State.TOO_OLD
        if self.below and numbers >= parse_version(self.below):
            return State.TOO_NEW
        return State.OK

    def reason(self, version: str) -> str:
        """Return why a denied version is denied."""
        numbers = parse_version(version)
        return next(each.reason for each in self.denied if parse_version(each.version) == numbers)


@dataclass(frozen=True, kw_only=True)
class Found:
    """A binary that could serve. `where` says who named it: `settings`, `environment`, `PATH` or `installed`.

    `source` is the one that an installed binary came from; `intact` is false when its bytes are no longer what was installed.
    """

    path: str
    version: str | None
    where: str
    source: Source | None = None
    intact: bool = True
