"""`inv history`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from plimsoll import wiring

if TYPE_CHECKING:
    from invoke.context import Context


@task(help={"env": "environment to look at (default: local)", "json": "print one JSON object to stdout and nothing else"})
def history(_c: Context, env: str = "local", json: bool = False) -> None:
    """List the releases of an environment, newest first."""
    from plimsoll.ui.releases import draw_history
    from plimsoll.wiring import releases

    output = wiring.output(json=json)
    output.result(releases.history(env, output.reporter), draw_history)
