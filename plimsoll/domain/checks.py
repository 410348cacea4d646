"""Checks and test suites as data: what `inv lint`, `inv format` and `inv test` run, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from plimsoll.domain.project import check_name, check_relative

if TYPE_CHECKING:
    from collections.abc import Iterable

Command = tuple[str, ...]
FILES = "{files}"


@dataclass(frozen=True, kw_only=True)
class Check:
    """Commands that run one after the other in `folder` until one fails.

    The word `{files}` stands for the tracked files that match `files`. `tools` are pinned tools that go first on PATH.
    `fix` are the commands that correct what they can (`inv format`). `timeout` is in seconds, for each command.
    """

    name: str
    commands: tuple[Command, ...]
    folder: str = "."
    files: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    fix: tuple[Command, ...] = ()
    timeout: int = 600

    def __post_init__(self) -> None:
        """Refuse what could not run."""
        check_name(self.name)
        check_relative(self.folder)
        if any(not command for command in (*self.commands, *self.fix)):
            msg = "a command needs at least one word"
            raise ValueError(msg)


@dataclass(frozen=True, kw_only=True)
class Suite(Check):
    """A test suite: a check whose output is shown as it comes. `needs` are `engine`, `node-image` and names of pinned tools.

    An `extra` suite runs only when it is named.
    """

    needs: tuple[str, ...] = ()
    extra: bool = False


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """What came of one check: `output` is what the failed command printed in `folder`, empty after success."""

    name: str
    passed: bool
    seconds: float
    command: str = ""
    output: str = ""
    code: int = 0
    folder: str = "."


@dataclass(frozen=True, kw_only=True)
class ChecksResult:
    """What came of all of them (JSON: `plimsoll.<verb>/1`)."""

    verb: str
    results: tuple[CheckResult, ...]

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """The checks that did not pass."""
        return tuple(result for result in self.results if not result.passed)

    def to_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        return {
            "schema": f"plimsoll.{self.verb}/1",
            "passed": not self.failed,
            "checks": [
                {
                    "name": each.name,
                    "passed": each.passed,
                    "seconds": round(each.seconds, 2),
                    "command": each.command,
                    "output": each.output,
                }
                for each in self.results
            ],
        }


def expand(command: Command, patterns: tuple[str, ...], tracked: Iterable[str]) -> Command | None:
    """Return the command with `{files}` replaced by the tracked files that match; None when there is none to check."""
    if FILES not in command:
        return command
    files = tuple(file for file in tracked if any(fnmatch(file, pattern) for pattern in patterns))
    if not files:
        return None
    at = command.index(FILES)
    return (*command[:at], *files, *command[at + 1 :])
