"""Where progress and results go. Results are for stdout, everything else is for stderr."""

from __future__ import annotations

import json as jsonlib
import os
import sys
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from rich.console import Console

from plimsoll.ui.console import ConsoleReporter

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
    """Return a console for stdout or stderr that wraps late where there is no terminal."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else PLAIN_WIDTH
    return Console(stderr=stderr, width=width, highlight=False, soft_wrap=not stream.isatty())


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
        own holds the result.
        """
        if self.json:
            if require:
                require(result)
            print_json(result.to_json())
        else:
            draw(result, console(stderr=Output.quiet_stdout))
            if require:
                require(result)


def print_json(data: dict[str, Any]) -> None:
    """Write one JSON object to stdout, nothing else."""
    sys.stdout.write(jsonlib.dumps(data, indent=2, ensure_ascii=False) + "\n")
    sys.stdout.flush()
