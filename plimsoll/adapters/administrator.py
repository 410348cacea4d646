"""Runs what needs the administrator's rights: as root directly, otherwise through sudo."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

from plimsoll.adapters import process
from plimsoll.errors import EnvironmentLacks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class Administrator:
    """Root, or a user who may become root. The decision how is made once, when the first command needs it."""

    def __init__(self) -> None:
        """Decide nothing yet."""
        self._how: str | None = None
        self._asked = False

    def require(self, command: str) -> None:
        """Ask for a password where one is due. Raise EnvironmentLacks naming `command` when there is no way to become root."""
        how = self._decide()
        if how == "ask" and not self._asked:
            # Now, on a quiet terminal: sudo remembers it for the commands to come.
            self._asked = process.attach(("sudo", "-v"), timeout=300) == 0
        if how == "none" or (how == "ask" and not self._asked):
            raise EnvironmentLacks(
                "this needs the administrator's rights, and sudo cannot be used here",
                where=f"user {os.geteuid()}",
                now=f"run `{command}` as root",
                code="not-root",
            )

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        title: str,
        env: Mapping[str, str] | None = None,
        on_line: Callable[[str], None] = lambda _line: None,
    ) -> None:
        """Run a program as root. Raise CommandFailed; a sudo that asks for a password does so on the terminal."""
        self.require(" ".join(argv))
        how = self._decide()
        assignments = [f"{name}={value}" for name, value in (env or {}).items()]
        words = ("env", *assignments, *argv)
        if how == "ask":
            code = process.attach(("sudo", *words), timeout=timeout)
            if code != 0:
                raise EnvironmentLacks(f"{title} failed with exit code {code}", where=" ".join(argv), code="command-failed")
            return
        process.stream((*(() if how == "root" else ("sudo", "-n")), *words), on_line, timeout=timeout, title=title)

    @property
    def direct(self) -> bool:
        """Whether we are root ourselves."""
        return self._decide() == "root"

    def _decide(self) -> str:
        if self._how is None:
            self._how = self._look()
        return self._how

    def _look(self) -> str:
        if os.geteuid() == 0:
            return "root"
        if shutil.which("sudo") is None:
            return "none"
        if process.run(("sudo", "-n", "true"), timeout=10, check=False).code == 0:
            return "sudo"
        # Its password prompt and what it runs write to the terminal: stdout must not be meant for a program.
        return "ask" if sys.stdin.isatty() and sys.stdout.isatty() else "none"
