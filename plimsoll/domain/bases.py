"""Base images: which packages they are made of, what of a package enters them, and what moved since that was recorded.

A base's recorded state is the name and version of every package in it (`infrastructure/docker/bases.lock`), or the digest of a
pulled one. Image tags hash it. A mirror forgets old versions: what this machine then took instead is its own recorded state.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import date
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from plimsoll.errors import EnvironmentLacks, Misconfigured

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plimsoll.domain.images import Digest
    from plimsoll.domain.project import Base

LOCK = "infrastructure/docker/bases.lock"
UPDATE = "run `inv image.bases --update` and commit the result"
# Counted up whenever the same packages would give another image, so that a base made by older rules is made again.
RECIPE = 3
# Every time in a base (and in the images on it): equal packages then give equal bytes. ZIP archives know nothing earlier.
EPOCH = 315532800
# Days after which packages have most likely been corrected since (Debian publishes point releases every two months).
STALE_AFTER = 30
# What packages depend on for their maintainer scripts alone. No script runs when a base is made, so none of it is needed.
FOR_SCRIPTS = ("adduser", "awk", "debconf", "dpkg", "init-system-helpers", "perl-base", "sensible-utils", "ucf")
# Links that maintainer scripts would make and builds expect, where the program is in the base.
LINKS = {
    "usr/bin/awk": "usr/bin/mawk",
    "usr/bin/c++": "usr/bin/g++",
    "usr/bin/cc": "usr/bin/gcc",
    "usr/bin/which": "usr/bin/which.debianutils",
}
# Documentation, translations, and what only a running system (init, cron, logins, a desktop) would read.
UNWANTED = re.compile(
    r"usr/share/(doc(?!/[^/]+/copyright$)|man|info|locale|lintian|bug|doc-base|gtk-doc|help|menu|bash-completion|zsh|applications"
    r"|pixmaps|icons|apport|reportbug)/.+"
    r"|usr/share/doc-base|usr/lib/systemd/.+|usr/lib/(tmpfiles|sysusers|udev)(\.d)?/.+"
    r"|etc/(init\.d|cron\.[a-z]+|logrotate\.d|apport|pam\.d|ufw|default|apparmor\.d|apt|update-motd\.d|bash_completion\.d)/.+"
)
# Before Debian 13 packages could ship files in both; there is one place for them now, and links lead to it.
MERGED = re.compile(r"(bin|sbin|lib|lib32|lib64|libx32)/")
# The same for what programs write while they run.
MOVED = {"var/run": "run", "var/lock": "run/lock"}


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """The packages of a base and their versions, everything they depend on included. Empty for a pulled base."""

    packages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Move:
    """A package whose version is not the recorded one: `was` is None when it is new, `now` when it is gone."""

    package: str
    was: str | None
    now: str | None

    def __str__(self) -> str:
        """Return `package was -> now`."""
        return f"{self.package} {self.was or '(not there)'} -> {self.now or '(not there)'}"


@dataclass(frozen=True, kw_only=True)
class BasesLock:
    """What `bases.lock` holds: the day it was recorded, and the recorded state of every bootstrapped base."""

    recorded: date
    bases: Mapping[str, Recorded]

    def age(self, today: date) -> int:
        """Return how many days ago the state was recorded."""
        return (today - self.recorded).days

    def dumps(self) -> str:
        """Return the file's text: one package a line, so that a diff shows what moved."""
        bases = {name: dict(sorted(each.packages.items())) for name, each in sorted(self.bases.items())}
        data = {"schema": "plimsoll.bases/1", "recorded": self.recorded.isoformat(), "bases": bases}
        return json.dumps(data, indent=2) + "\n"


@dataclass(frozen=True, kw_only=True)
class BaseImage:
    """A base that can be built upon: `context` is what BuildKit is told to take for it.

    `layers` maps the diff id (the digest of the uncompressed bytes) of each layer to its digest; `folder` is the OCI layout on
    this machine that holds them, empty for a pulled base.
    """

    name: str
    digest: Digest
    context: str
    layers: Mapping[str, Digest]
    folder: str = ""


@dataclass(frozen=True, kw_only=True)
class BaseState:
    """One base as this machine sees it: its recorded state, and what moved against the committed one."""

    base: Base
    recorded: Recorded
    moved: tuple[Move, ...] = ()

    @property
    def key(self) -> str:
        """The hash of everything that decides what is in this base (64 hexadecimal digits)."""
        return key(self.base, self.recorded)

    def to_json(self) -> dict[str, Any]:
        """Return one entry of `bases` in `inv image.bases --json`."""
        return {
            "kind": self.base.kind,
            "suite": self.base.suite,
            "pull": self.base.pull,
            "packages": dict(sorted(self.recorded.packages.items())),
            "moved": [{"package": each.package, "was": each.was, "now": each.now} for each in self.moved],
            "key": self.key,
        }


def key(base: Base, recorded: Recorded) -> str:
    """Return the hash of everything that decides what is in `base` (64 hexadecimal digits)."""
    if base.pull:
        state: dict[str, Any] = {"pull": base.pull.partition("@")[2]}
    else:
        state = {
            "recipe": RECIPE,
            "kind": base.kind,
            "suite": base.suite,
            "exclude": sorted(base.exclude),
            "packages": dict(recorded.packages),
        }
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()


def loads(text: str, *, where: str = LOCK) -> BasesLock:
    """Read what `dumps` wrote. Raise Misconfigured when it is something else."""
    try:
        data = json.loads(text)
        bases = {
            str(name): Recorded(packages={str(package): str(version) for package, version in packages.items()})
            for name, packages in data["bases"].items()
        }
        return BasesLock(recorded=date.fromisoformat(data["recorded"]), bases=bases)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Misconfigured(
            f"{where} is not a record of base images: {error}", where=where, now="restore it, or " + UPDATE, code="bases-lock"
        ) from error


def moves(was: Recorded, now: Recorded) -> tuple[Move, ...]:
    """Return the packages in which two states differ, by name."""
    names = sorted({*was.packages, *now.packages})
    pairs = ((name, was.packages.get(name), now.packages.get(name)) for name in names)
    return tuple(Move(package=name, was=old, now=new) for name, old, new in pairs if old != new)


def recorded_state(base: Base, lock: BasesLock | None, taken: Mapping[str, Mapping[str, Any]]) -> BaseState:
    """Return the state of `base` on this machine.

    `taken` holds what this machine took where recorded versions had gone: base name -> {`instead_of`: key, `packages`}. It counts
    while it stands for the very state that is committed. Raise Misconfigured when nothing is recorded for this base.
    """
    if base.pull:
        return BaseState(base=base, recorded=Recorded())
    committed = lock.bases.get(base.name) if lock else None
    absent = sorted(set(base.packages) - set(committed.packages)) if committed else []
    if committed is None or absent:
        what = f"package {', '.join(absent)} of base {base.name!r}" if absent else f"base {base.name!r}"
        raise Misconfigured(f"no version is recorded for {what}", where=LOCK, now=UPDATE, code="bases-lock")
    own = taken.get(base.name)
    if own and own.get("instead_of") == key(base, committed):
        recorded = Recorded(packages=own["packages"])
        return BaseState(base=base, recorded=recorded, moved=moves(committed, recorded))
    return BaseState(base=base, recorded=committed)


def require_recorded(states: Sequence[BaseState], environment: str) -> None:
    """Raise EnvironmentLacks when a base is not the committed one: only the local cluster may run such images."""
    moved = [state for state in states if state.moved]
    if moved:
        names = "; ".join(f"{state.base.name}: {', '.join(map(str, state.moved))}" for state in moved)
        raise EnvironmentLacks(
            f"Debian's mirror no longer has recorded versions, and {environment} takes recorded ones only ({names})",
            where=LOCK,
            now=UPDATE,
            code="bases-moved",
        )


def placed(path: str) -> str:
    """Return where a package's file goes: without `./`, and where the link leads that its folder is in every base."""
    clean = path.removeprefix("./").strip("/")
    if MERGED.match(clean):
        return f"usr/{clean}"
    moved = next((old for old in MOVED if clean == old or clean.startswith(f"{old}/")), "")
    return MOVED[moved] + clean.removeprefix(moved) if moved else clean


def wanted(path: str, base: Base) -> bool:
    """Tell whether a package's file (its placed path) enters `base`."""
    return not UNWANTED.fullmatch(path) and not any(fnmatchcase(path, each) for each in base.exclude if "/" in each)


def left_out(base: Base) -> tuple[str, ...]:
    """Return the packages that `base` does without although others depend on them."""
    named = {*(each for each in base.exclude if "/" not in each), *(FOR_SCRIPTS if base.kind == "runtime" else ())}
    return tuple(sorted(named - set(base.packages)))


@dataclass(frozen=True, kw_only=True)
class BasesReport:
    """What `inv image.bases` shows (JSON: `plimsoll.image.bases/1`). `updated` holds what an update moved, by base."""

    recorded: date | None
    age: int | None
    states: tuple[BaseState, ...]
    updated: Mapping[str, tuple[Move, ...]] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        moved = None
        if self.updated is not None:
            moved = {name: [str(move) for move in each] for name, each in self.updated.items()}
        return {
            "schema": "plimsoll.image.bases/1",
            "recorded": self.recorded.isoformat() if self.recorded else None,
            "age_days": self.age,
            "stale": self.age is not None and self.age > STALE_AFTER,
            "bases": {state.base.name: state.to_json() for state in self.states},
            "updated": moved,
        }
