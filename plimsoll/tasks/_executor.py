"""The error border for everything that a task raises. Named in invoke.yaml; `ns.configure` cannot set it."""

from __future__ import annotations

import signal
import sys
from typing import Any

from invoke.exceptions import Exit
from invoke.executor import Executor as InvokeExecutor

from plimsoll.tasks import _border


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


class Executor(InvokeExecutor):
    """Runs tasks; turns whatever they raise into one message and its exit code."""

    def execute(self, *tasks: Any) -> Any:  # noqa: ANN401 -- invoke's own signature
        """Run the tasks in order. Raise invoke's Exit with our exit code for anything that goes wrong."""
        calls = self.normalize(tasks)
        json = any(call.kwargs.get("json") for call in calls)
        if json:
            from plimsoll.ui.output import Output

            Output.quiet_stdout = True
        # Stopping a container or a CI job sends SIGTERM: it is to be as clean as Ctrl-C.
        signal.signal(signal.SIGTERM, _interrupt)
        try:
            return super().execute(*tasks)
        except Exit:
            raise
        except BaseException as raised:
            if isinstance(raised, (SystemExit, GeneratorExit)):
                raise
            error = _border.as_plimsoll_error(raised, sys.argv[1:])
            _border.show(error, task=_json_task(calls), json=json)
            raise Exit(code=error.exit_code) from raised


def _json_task(calls: list[Any]) -> str | None:
    for call in calls:
        if call.kwargs.get("json"):
            *above, name = str(call.called_as).split(".")
            # A collection's default task bears its name: `inv plan` is called `plan.plan`.
            return ".".join(above if above[-1:] == [name] else [*above, name])
    return None
