"""invoke.Program with our manners: what happens before and around tasks ends in one message and the right exit code.

invoke itself exits 1 for an unknown task, prints a traceback for a tasks.py that does not load, and switches the writing of
bytecode off for good, which makes every later start slower.
"""

from __future__ import annotations

import difflib
import re
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from invoke.exceptions import CollectionNotFound, Exit, ParseError, UnexpectedExit
from invoke.program import Program as InvokeProgram

from plimsoll import __version__
from plimsoll.errors import Failed, Misconfigured
from plimsoll.tasks import _border
from plimsoll.tasks._executor import Executor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plimsoll.errors import PlimsollError

UNKNOWN_TASK = re.compile(r"No idea what '(?P<word>.+)' is!")


class Program(InvokeProgram):
    """The command `plimsoll`, and what `./inv` runs."""

    def run(self, argv: Sequence[str] | None = None, exit: bool = True) -> None:
        """Parse and run; leave the process with one of our exit codes when `exit` is true."""
        code = self._code(argv)
        if exit:
            sys.exit(code)

    def _code(self, argv: Sequence[str] | None) -> int:
        try:
            self.create_config()
            no_bytecode = sys.dont_write_bytecode
            self.parse_core(list(argv) if argv is not None else None)
            sys.dont_write_bytecode = no_bytecode
            self.parse_collection()
            self.parse_tasks()
            self.parse_cleanup()
            self.update_config()
            self.execute()
        except Exit as stop:
            if stop.message:
                print(stop.message, file=sys.stderr)  # noqa: T201 -- invoke's own words, before ui is loaded
            return int(stop.code)
        except BaseException as raised:
            if isinstance(raised, SystemExit):
                raise
            error = self._translate(raised)
            _border.show(error, task=None, json=False)
            return error.exit_code
        return 0

    def _translate(self, raised: BaseException) -> PlimsollError:
        if isinstance(raised, ParseError):
            return self._parse_error(str(raised))
        if isinstance(raised, CollectionNotFound):
            return Misconfigured(
                "there is no tasks.py here or above", where=str(raised.start), now="change into a repository that uses Plimsoll"
            )
        if isinstance(raised, UnexpectedExit):
            return Failed(f"a command failed with exit code {raised.result.exited}", where=str(raised.result.command))
        if isinstance(raised, (ImportError, SyntaxError, NameError)) and not hasattr(self, "collection"):
            place = f"{raised.filename}:{raised.lineno}" if isinstance(raised, SyntaxError) else "tasks.py"
            return Misconfigured(f"tasks.py does not load: {type(raised).__name__}: {raised}", where=place, now="correct it")
        return _border.as_plimsoll_error(raised, sys.argv[1:])

    def _parse_error(self, text: str) -> Misconfigured:
        unknown = UNKNOWN_TASK.search(text)
        names = sorted(name for name in self.collection.task_names) if hasattr(self, "collection") else []
        if not unknown:
            return Misconfigured(text, where="the command line", now="run `inv --help TASK`", code="flags")
        word = unknown["word"]
        if word.startswith("-"):
            known = self._flags()
            near = difflib.get_close_matches(word, known, n=1)
            now = f"did you mean {near[0]}?" if near else "run `inv --help TASK` to see a task's flags"
            return Misconfigured(f"there is no flag {word}", where="the command line", now=now, code="unknown-flag")
        near = difflib.get_close_matches(word, names, n=1)
        now = f"did you mean {near[0]!r}?" if near else "run `inv --list`"
        return Misconfigured(f"there is no task {word!r}", where="the command line", now=now, code="unknown-task")

    def _flags(self) -> list[str]:
        contexts: list[Any] = [self.initial_context]
        named = [word for word in sys.argv[1:] if word in self.parser.contexts]
        contexts += [self.parser.contexts[name] for name in named]
        return [flag for context in contexts for flag in context.flags]

    def print_help(self) -> None:
        """Print the everyday line before invoke's own help, which lists what is rarely needed."""
        print("Everyday: inv up | build | deploy --env E | status | rollback | test     all tasks: inv --list\n")  # noqa: T201 -- help
        super().print_help()


def main() -> NoReturn:
    """Run the command line of this process."""
    Program(version=__version__, name="Plimsoll", binary="inv", binary_names=["inv"], executor_class=Executor).run()
    raise SystemExit(0)
