"""Where progress and results go. Results are for stdout, everything else is for stderr."""

from __future__ import annotations

import json as jsonlib
import os
import sys
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from rich.console import Console

from plimsoll.ui import step_summary
from plimsoll.ui.console import ConsoleReporter
from plimsoll.ui.github import LEGACY, log_of, on_github

if TYPE_CHECKING:
    from collections.abc import Callable

    from plimsoll.ports import Reporter

# Wide enough for tables when nothing tells the width, as in a CI log.
PLAIN_WIDTH = 140


class Jsonable(Protocol):
    """A result that is also a JSON contract."""

    def to_json(self) -> dict[str, Any]:
        """Return the object with its `schema`."""


R = TypeVar("R", bound=Jsonable)


def console(*, stderr: bool = False) -> Console:
    """Return a console for stdout or stderr that wraps late where there is no terminal; on GitHub nothing on it is a command."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else PLAIN_WIDTH
    return Console(file=on_github(stream), width=width, highlight=False, soft_wrap=not stream.isatty())


class Output:
    """One task's output: a reporter for progress, and the result in the form that was asked for."""

    # Set by the error border when any task of this command line was asked for JSON: stdout then holds one object only.
    quiet_stdout: ClassVar[bool] = False

    def __init__(self, *, json: bool = False) -> None:
        """Prepare; nothing is printed yet."""
        self.json = json
        self.reporter: Reporter = ConsoleReporter(console(stderr=True))

    def result(self, result: R, draw: Callable[[R, Console], None], require: Callable[[R], None] | None = None) -> None:
        """Print a result: one JSON object, or what `draw` makes of it.

        `require` raises when the result is a failure. People see the result first; a program gets one object, and the error's
        own holds the result. On GitHub a release is a part of the step's summary, too.
        """
        if self.json:
            if require:
                require(result)
            print_json(result.to_json())
        else:
            draw(result, console(stderr=Output.quiet_stdout))
            if require:
                require(result)
        log = log_of(console(stderr=True))
        if log is not None:
            step_summary.append(step_summary.of_result(result), log)


def print_json(data: dict[str, Any]) -> None:
    """Write one JSON object to stdout, nothing else; no text in it is a command of GitHub's log."""
    text = jsonlib.dumps(data, indent=2, ensure_ascii=False)
    sys.stdout.write(text.replace(LEGACY, r"#\u0023[") + "\n")
    sys.stdout.flush()
