"""The project's own linters and test runners as processes (port Commands)."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from plimsoll.adapters import process

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class ProjectCommands:
    """Runs programs in the repository with the virtual environment and the pinned tools first on PATH."""

    def __init__(self, root: Path, tool: Callable[[str], Path]) -> None:
        """Run in `root`; `tool` returns the path of a pinned tool, installing it where it is missing."""
        self._root = root
        self._tool = tool

    def run(
        self, argv: Sequence[str], *, folder: str, tools: Sequence[str], timeout: float, attach: bool
    ) -> tuple[int, str, float]:
        """Return exit code, output and seconds; see port Commands."""
        path = [str(self._tool(name).parent) for name in tools]
        path += [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
        env = {"PATH": os.pathsep.join(path)}
        # The program is looked up where it will be run, not on our own PATH.
        words = ("env", *argv)
        started = time.monotonic()
        if attach:
            code = process.attach(words, timeout=timeout, cwd=self._root / folder, env=env)
            return code, "", time.monotonic() - started
        done = process.run(words, timeout=timeout, cwd=self._root / folder, env=env, check=False)
        return done.code, done.stdout + done.stderr, done.seconds

    def tracked(self) -> tuple[str, ...]:
        """Return the files that git tracks or would track."""
        listed = process.run(
            ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"), timeout=30, cwd=self._root
        )
        return tuple(name for name in listed.stdout.split("\0") if name and (self._root / name).exists())
