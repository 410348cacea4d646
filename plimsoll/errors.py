"""The exceptions that Plimsoll raises on purpose, and the exit code of each.

PlimsollError                      (never raised itself)
├── Failed                    1    the thing itself failed: a rollout, a scan gate, a smoke test
├── Misconfigured             2    settings, flags, a refused guard: the user changes something and tries again
├── Bug                       3    our own mistake; the error border makes one of anything unexpected
├── EnvironmentLacks          4    no engine, cluster unreachable, registry down, a tool missing
└── Interrupted             130    SIGINT or SIGTERM, after the clean-up

Every message answers three questions: what happened, where, and what the user does now.
"""

from __future__ import annotations

from typing import ClassVar


class PlimsollError(Exception):
    """A failure that the user can understand: what, where, and what now.

    `code` is the short, stable name in JSON output (`error.code`), `exit_code` the process's exit code.
    `report` carries a structured failure report (see `domain.failure`) for those who render one.
    """

    exit_code: ClassVar[int] = 3
    default_code: ClassVar[str] = "bug"

    def __init__(self, what: str, *, where: str = "", now: str = "", code: str = "", report: object | None = None) -> None:
        """Describe the failure; `where` and `now` may be empty only when `what` says it all."""
        super().__init__(what)
        self.what = what
        self.where = where
        self.now = now
        self.code = code or self.default_code
        self.report = report

    def __str__(self) -> str:
        """Return the message as plain lines: what, then where, then what now."""
        lines = [self.what]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.now:
            lines.append(f"  now:   {self.now}")
        return "\n".join(lines)


class Failed(PlimsollError):
    """The thing that was asked for failed: exit code 1."""

    exit_code = 1
    default_code = "failed"


class Misconfigured(PlimsollError):
    """Settings, flags or a guard refuse: exit code 2. Nothing was changed."""

    exit_code = 2
    default_code = "misconfigured"


class Bug(PlimsollError):
    """Plimsoll itself is wrong: exit code 3, with a report saved for the maintainers."""

    exit_code = 3
    default_code = "bug"


class EnvironmentLacks(PlimsollError):
    """The machine or a remote system lacks something needed: exit code 4."""

    exit_code = 4
    default_code = "environment"


class Interrupted(PlimsollError):
    """The user or the system asked to stop: exit code 130, after the clean-up."""

    exit_code = 130
    default_code = "interrupted"
