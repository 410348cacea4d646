"""Python packages that carry a program: by name, version and hash, from whatever registry this machine uses."""

from __future__ import annotations

import shutil
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from plimsoll.adapters import process
from plimsoll.adapters.downloads import SourceFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plimsoll.domain.tools import Source

# Seconds: the largest package has 80 MB.
TIMEOUT = 600
# What uv and pip say when a registry answered and does not have the version.
VANISHED = ("there is no version of", "was not found in the package registry", "No matching distribution found")


class PythonPackages:
    """Installs a wheel into a folder (Fetcher of kind `python`); `installer` does it: uv, or pip where there is no uv."""

    def __init__(self, installer: Sequence[str] | None = None) -> None:
        """Use the given installer, or find one when it is needed."""
        self._installer = installer

    def fetch(self, source: Source, platform: str, into: Path) -> None:
        """Put the wheel's files into `into`; uv and pip compare its hash before they unpack it."""
        name = source.origin["any"]
        installer = self._installer or uv() or pip()
        if installer is None:
            raise SourceFailed("neither uv nor pip is there to install it", where=sys.executable)
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirements:
            requirements.write(f"{name}=={source.version} --hash={source.hash_for(platform)}\n")
            requirements.flush()
            argv = (*installer, "--no-deps", "--require-hashes", "--only-binary", ":all:", "--target", str(into))
            done = process.run((*argv, "--requirement", requirements.name), timeout=TIMEOUT, check=False)
        if done.code != 0:
            said = " ".join((done.stderr or done.stdout).split())
            gone = any(words in said for words in VANISHED)
            what = "no registry offers this version any more" if gone else said[-300:]
            raise SourceFailed(what, where=f"Python package {name} {source.version}", gone=gone)


def uv() -> Sequence[str] | None:
    """Return how uv installs: the one beside our Python, which is pinned, before the one on PATH."""
    beside = Path(sys.executable).with_name("uv")
    program = str(beside) if beside.exists() else shutil.which("uv")
    # Copies, not links into uv's cache: what is installed here must not change with what lies there.
    return (program, "pip", "install", "--quiet", "--link-mode", "copy", "--python", sys.executable) if program else None


def pip() -> Sequence[str] | None:
    """Return how pip installs, where our Python has it."""
    if find_spec("pip") is None:
        return None
    return (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
