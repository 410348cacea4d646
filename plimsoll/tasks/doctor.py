"""`inv doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from plimsoll import wiring

if TYPE_CHECKING:
    from invoke.context import Context


@task(help={"json": "print one JSON object to stdout and nothing else"})
def doctor(_c: Context, json: bool = False) -> None:
    """Look at every tool, the engine and the machine, and name the command that repairs each."""
    from plimsoll.ui.doctor import draw
    from plimsoll.wiring import tools
    from plimsoll.workflows.doctor import require

    wiring.output(json=json).result(tools.doctor(), draw, require)
