"""Whole root file systems of Debian packages, by mmdebstrap from the machine's own mirrors (port RootFileSystems).

Unlike base images of services, a kind node boots: its packages' scripts have to run.
"""

from __future__ import annotations

import fcntl
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from plimsoll.adapters import debian_sources, process
from plimsoll.adapters.disk import room
from plimsoll.domain.bases import EPOCH
from plimsoll.domain.node_image import require_versions
from plimsoll.errors import EnvironmentLacks

if TYPE_CHECKING:
    from collections.abc import Callable

    from plimsoll.domain.node_image import Root

# Seconds; 50 are usual for the 270 MB of a node.
TIMEOUT = 1800.0
STATUS = "./var/lib/dpkg/status"
# Nobody reads documentation in a node, and Go's own tests are a third of its sources.
LEFT_OUT = ("doc", "info", "locale", "man", "go-1.24/api", "go-1.24/test")


class DebianRoots:
    """Root file systems as archives in one folder, each made once; `mmdebstrap` returns the path of the program."""

    def __init__(self, folder: Path, *, mmdebstrap: Callable[[], Path], etc: Path = Path("/etc/apt")) -> None:
        """Keep archives in `folder`; read the machine's mirrors from `etc`."""
        self._folder = folder
        self._mmdebstrap = mmdebstrap
        self._etc = etc

    def make(self, root: Root) -> Path:
        """Return the archive of `root`, making it when it is not there.

        Raise EnvironmentLacks when the mirror does not answer or has a package only in a version that is too old.
        """
        archive = self._folder / f"{root.key}.tar"
        with room(self._folder):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with (self._folder / f".{root.key}.lock").open("a", encoding="utf-8") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not archive.is_file():
                    self._bootstrap(root, archive)
        return archive

    def _bootstrap(self, root: Root, archive: Path) -> None:
        suite = root.packages.suite
        sources = debian_sources.for_suite(suite, debian_sources.read_sources(self._etc), debian_sources.codename())
        with tempfile.TemporaryDirectory(prefix=f".{root.name}-", dir=self._folder) as work:
            mirrors, fresh = Path(work) / "debian.sources", Path(work) / "root.tar"
            mirrors.write_text(sources, encoding="utf-8")
            left_out = [f"--dpkgopt=path-exclude=/usr/share/{each}/*" for each in LEFT_OUT]
            argv: tuple[str | Path, ...] = (
                self._mmdebstrap(),
                "--variant=minbase",
                *left_out,
                f"--include={','.join(sorted(root.packages.at_least))}",
            )
            try:
                process.run(
                    (*argv, suite, fresh, mirrors),
                    timeout=TIMEOUT,
                    # Equal packages give equal archives, which BuildKit then recognises.
                    env={"SOURCE_DATE_EPOCH": str(EPOCH), "LC_ALL": "C.UTF-8"},
                    title=f"mmdebstrap of {suite}",
                )
            except process.CommandFailed as error:
                raise EnvironmentLacks(
                    f"the root file system {root.name!r} cannot be made of Debian {suite}\n{error.what}",
                    where="the mirrors in /etc/apt",
                    now="check the network and the disk, then run it again",
                    code="mirror",
                ) from error
            require_versions(root, installed(fresh))
            fresh.rename(archive)


def installed(archive: Path) -> dict[str, str]:
    """Return the packages in a root file system's archive and their versions."""
    with tarfile.open(archive) as tar:
        file = tar.extractfile(STATUS)
        text = file.read().decode(errors="replace") if file else ""
    found = {}
    for paragraph in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line and not line.startswith(" "))
        if "Package" in fields:
            found[fields["Package"]] = fields.get("Version", "")
    return found
