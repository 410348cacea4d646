"""Debian packages from the machine's mirror: which versions there are, and the archives themselves (port PackageMirror).

apt does the solving, the downloading and the checking of signatures, over folders of its own: the machine's package state is
neither read nor written, and no rights are needed.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from plimsoll.adapters import debian_sources, process
from plimsoll.domain.bases import Recorded, left_out
from plimsoll.errors import EnvironmentLacks, Misconfigured

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plimsoll.domain.project import Base
    from plimsoll.ports import Reporter

ARCHITECTURE = "amd64"
INSTALL = re.compile(r"Inst (?P<name>[^ :]+)\S* (?:\[\S+\] )?\((?P<version>\S+) ")
# Seconds; a mirror behind a slow line needs minutes for the package lists (10 MB) or for a base's archives (60 MB).
SLOW_LINE = 900

# Hooks of the machine's own apt (containers clean its caches in them) have no business here. Recommended packages never enter.
CONFIGURATION = """
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Invoke;
#clear DPkg::Post-Invoke;
Dir::State "{home}/state";
Dir::State::status "{home}/status";
Dir::State::lists "{lists}";
Dir::Cache "{home}/cache";
Dir::Cache::archives "{home}/cache/archives";
Dir::Cache::pkgcache "pkgcache.bin";
Dir::Cache::srcpkgcache "{lists}/../srcpkgcache.bin";
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "{home}/sources";
Dir::Etc::Preferences "{home}/preferences";
Dir::Etc::PreferencesParts "/dev/null";
APT::Architecture "{architecture}";
APT::Architectures "{architecture}";
APT::Install-Recommends "false";
APT::Install-Suggests "false";
APT::Sandbox::User "";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::Retries "3";
"""
# A package that stands in for one that is left out: it satisfies whoever depends on it, and nothing of it is installed.
STAND_IN = """Package: {name}
Status: install ok installed
Maintainer: none
Architecture: {architecture}
Multi-Arch: allowed
Version: 9999:0
Description: left out of this base

"""


class AptMirror:
    """Debian's packages of any suite, through the machine's apt and its mirrors."""

    def __init__(self, home: Path, *, etc: Path = Path("/etc/apt")) -> None:
        """Keep package lists below `home`; read the machine's sources from `etc`."""
        self._home = home
        self._etc = etc
        self._fresh: set[str] = set()

    def resolve(self, base: Base, wished: Recorded | None, *, reporter: Reporter) -> Recorded:
        """Return every package of `base` with the version to take: the wished one where the mirror has it, else the newest.

        Raise EnvironmentLacks when the mirror does not answer or apt is missing, Misconfigured when the packages do not fit.
        """
        with self._apt(base, reporter) as apt:
            try:
                return apt.simulate(wished)
            except process.CommandFailed:
                # Recorded and newer versions may not fit together; then all of them are the newest.
                return apt.simulate_newest()

    @contextmanager
    def archives(self, base: Base, recorded: Recorded, *, reporter: Reporter) -> Iterator[tuple[Path, ...]]:
        """Give the archives of exactly these packages, checked against the signed lists, for the length of the block."""
        with self._apt(base, reporter) as apt:
            yield apt.download(recorded)

    @contextmanager
    def _apt(self, base: Base, reporter: Reporter) -> Iterator[_Apt]:
        try:
            program = process.find("apt-get")
        except EnvironmentLacks as error:
            raise EnvironmentLacks(
                f"base image {base.name!r} is bootstrapped from Debian packages, and there is no apt-get here",
                where="PATH",
                now=f"name an image with its digest: `pull` in [bases.{base.name}] of plimsoll.toml",
                code="no-apt",
            ) from error
        home = self._home / base.suite
        home.mkdir(parents=True, exist_ok=True)
        sources = debian_sources.for_suite(base.suite, debian_sources.read_sources(self._etc), debian_sources.codename())
        # Package lists are shared; what is asked for is this call's own.
        with tempfile.TemporaryDirectory(prefix="apt-", dir=home) as folder:
            apt = _Apt(program, Path(folder), base, sources, lists=home / "lists")
            if base.suite not in self._fresh:
                with reporter.step(f"package lists of Debian {base.suite}"):
                    apt.update()
                self._fresh.add(base.suite)
            yield apt


class _Apt:
    """apt-get over one folder that holds all of its state."""

    def __init__(self, program: str, home: Path, base: Base, sources: str, *, lists: Path) -> None:
        self._program = program
        self._home = home
        self._base = base
        for folder in ("state", "cache/archives/partial", "sources"):
            (home / folder).mkdir(parents=True)
        (lists / "partial").mkdir(parents=True, exist_ok=True)
        configuration = CONFIGURATION.format(home=home, lists=lists, architecture=ARCHITECTURE)
        (home / "apt.conf").write_text(configuration, encoding="utf-8")
        (home / "sources" / "debian.sources").write_text(sources, encoding="utf-8")
        stand_ins = (STAND_IN.format(name=name, architecture=ARCHITECTURE) for name in left_out(base))
        (home / "status").write_text("".join(stand_ins), encoding="utf-8")

    def update(self) -> None:
        """Fetch the package lists; raise EnvironmentLacks when a mirror does not answer."""
        try:
            self._run("update")
        except process.CommandFailed as error:
            raise EnvironmentLacks(
                f"Debian's mirror does not answer\n{error.what}",
                where="the mirrors in /etc/apt",
                now="check the network, or name an image with its digest: `pull` in [bases.*] of plimsoll.toml",
                code="mirror",
            ) from error

    def simulate(self, wished: Recorded | None) -> Recorded:
        """Return what apt would install, at the wished versions where they exist."""
        pins = wished.packages if wished else {}
        preferences = (f"Package: {name}\nPin: version {version}\nPin-Priority: 1001\n" for name, version in pins.items())
        (self._home / "preferences").write_text("\n".join(preferences), encoding="utf-8")
        printed = self._run("--simulate", "install", *self._wanted()).stdout
        found = (INSTALL.match(line) for line in printed.splitlines())
        return Recorded(packages={match["name"]: match["version"] for match in found if match})

    def simulate_newest(self) -> Recorded:
        """Return the newest of everything. Raise Misconfigured when the packages do not fit together."""
        try:
            return self.simulate(None)
        except process.CommandFailed as error:
            said = "".join(f"\n  | {line}" for line in error.finished.stdout.splitlines() if "Depends" in line)
            raise Misconfigured(
                f"the packages of base {self._base.name!r} do not fit together\n{error.what}{said}",
                where=f"[bases.{self._base.name}] of plimsoll.toml",
                now="correct `packages` and `exclude`: what needs a certain version of something left out cannot be had",
                code="packages",
            ) from error

    def download(self, recorded: Recorded) -> tuple[Path, ...]:
        """Fetch the archives; raise EnvironmentLacks when one cannot be had."""
        words = [f"{name}={version}" for name, version in sorted(recorded.packages.items())]
        try:
            self._run("--download-only", "--yes", "--allow-downgrades", "install", *words)
        except process.CommandFailed as error:
            if "No space left" in error.what:
                free = shutil.disk_usage(self._home).free // 1_000_000
                raise EnvironmentLacks(
                    f"the disk is full ({free} MB left)", where=str(self._home), now="free some space", code="disk-full"
                ) from error
            raise EnvironmentLacks(
                f"packages of base {self._base.name!r} cannot be fetched\n{error.what}",
                where="the mirrors in /etc/apt",
                now="check the network and run it again",
                code="mirror",
            ) from error
        return tuple(sorted((self._home / "cache" / "archives").glob("*.deb")))

    def _wanted(self) -> tuple[str, ...]:
        # base-files says which Debian this is: a scanner that cannot tell recognises nothing. A builder is a whole system.
        return ("base-files", *(("?essential",) if self._base.kind == "builder" else ()), *self._base.packages)

    def _run(self, *words: str) -> process.Finished:
        return process.run(
            (self._program, "-q", "-c", self._home / "apt.conf", *words),
            timeout=SLOW_LINE,
            env={"LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"},
            title=f"apt-get {words[0]} for base {self._base.name!r}",
        )
