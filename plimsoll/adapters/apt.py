"""Debian's and Ubuntu's packages (port Packages). Nothing under /etc/apt is ever written.

Package lists are kept in a folder of ours, so that asking needs no rights. On Debian the release's successor is asked, too: its
name is put into a copy of the machine's own sources and pinned low, so that only what setup names comes from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.adapters import debian_sources, process
from plimsoll.domain.tools_setup import Candidate
from plimsoll.errors import EnvironmentLacks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from plimsoll.adapters.administrator import Administrator
    from plimsoll.domain.tools_machine import Machine
    from plimsoll.domain.tools_setup import PackageChoice
    from plimsoll.ports import Reporter

# Seconds; a slow mirror needs minutes, and another apt may hold the lock for some of them.
TIMEOUT = 1200
LOCK_TIMEOUT = 300
# Below 500, where apt takes only what is asked for by name (apt_preferences(5)).
LOW = 100
QUIET = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1", "LC_ALL": "C.UTF-8"}


class AptPackages:
    """apt-get with the machine's sources, on Debian together with those of the next release."""

    def __init__(self, folder: Path, administrator: Administrator, *, machine: Machine, next_release: str | None) -> None:
        """Keep sources, pins and lists in `folder`; install as `administrator`."""
        self._folder = folder
        self._administrator = administrator
        self._machine = machine
        self._next = next_release

    def candidates(self, names: Sequence[str]) -> Mapping[str, Sequence[Candidate]]:
        """Return what this release and the next one offer, newest first, after asking the mirror."""
        (self._folder / "lists" / "partial").mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._borrows:
            self._write_sources()
        self._update()
        listed = process.run(("apt-cache", *self._options, "madison", *names), timeout=60, env=QUIET, check=False)
        return read_madison(listed.stdout)

    def install(self, packages: Sequence[PackageChoice], *, reporter: Reporter) -> None:
        """Install packages with what they need, not what they recommend. Raise EnvironmentLacks with apt's words."""
        argv = ("apt-get", *self._options, "install", "-y", "-q", "--no-install-recommends")
        options = (f"-oDPkg::Lock::Timeout={LOCK_TIMEOUT}", "-oDpkg::Options::=--force-confold", "-oDpkg::Use-Pty=0")
        names = tuple(each.argument for each in packages)
        try:
            self._administrator.run(
                (*argv, *options, *names), timeout=TIMEOUT, title="apt-get install", env=QUIET, on_line=reporter.detail
            )
        except process.CommandFailed as error:
            raise EnvironmentLacks(error.what, where=error.where, now="correct what apt says, then run it again") from error

    @property
    def _borrows(self) -> bool:
        return self._machine.distribution == "debian" and self._next is not None

    @property
    def _options(self) -> Sequence[str]:
        folder = self._folder
        lists = (
            f"-oDir::State::lists={folder}/lists",
            f"-oDir::Cache::pkgcache={folder}/pkgcache.bin",
            f"-oDir::Cache::srcpkgcache={folder}/srcpkgcache.bin",
            "-oAPT::Sandbox::User=root",  # the folder is the user's own: apt's unprivileged user could not read it
            "-oAcquire::Languages=none",
        )
        sources = (
            "-oDir::Etc::SourceList=/dev/null",
            f"-oDir::Etc::SourceParts={folder}/sources.list.d",
            f"-oDir::Etc::PreferencesParts={folder}/preferences.d",
        )
        return (*lists, *(sources if self._borrows else ()))

    def _write_sources(self) -> None:
        sources = debian_sources.read_sources()
        for name in ("sources.list.d", "preferences.d"):
            (self._folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        for file, suite in (("host", self._machine.release), ("next", str(self._next))):
            text = debian_sources.for_suite(suite, sources, self._machine.release)
            (self._folder / "sources.list.d" / f"{file}.sources").write_text(text, encoding="utf-8")
        pin = f"Package: *\nPin: release n={self._next}*\nPin-Priority: {LOW}\n"
        (self._folder / "preferences.d" / "next").write_text(pin, encoding="utf-8")

    def _update(self) -> None:
        # A source that does not answer (somebody else's, or a suite that the mirror lacks) is no reason to stop: what is
        # missing shows in the candidates.
        done = process.run(("apt-get", *self._options, "update", "-q"), timeout=TIMEOUT, env=QUIET, check=False)
        if done.code != 0 and not any((self._folder / "lists").glob("*Packages*")):
            said = " ".join(done.stderr.split())[-300:]
            raise EnvironmentLacks(
                f"the package mirror does not answer: {said}", where="apt-get update", now="check the network, then try again"
            )


def read_madison(text: str) -> Mapping[str, Sequence[Candidate]]:
    """Return the candidates of `apt-cache madison`: lines of `name | version | address suite/component architecture kind`."""
    found: dict[str, list[Candidate]] = {}
    for line in text.splitlines():
        parts = [part.strip() for part in line.split("|")]
        if len(parts) != 3 or not parts[2].endswith("Packages"):  # noqa: PLR2004 -- the three columns
            continue
        suite = parts[2].split()[1].split("/")[0]
        found.setdefault(parts[0], []).append(Candidate(version=parts[1], suite=suite))
    return found
