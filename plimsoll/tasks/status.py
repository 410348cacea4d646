"""`inv status`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from plimsoll import wiring

if TYPE_CHECKING:
    from invoke.context import Context


@task(help={"env": "environment to look at (default: local)", "json": "print one JSON object to stdout and nothing else"})
def status(_c: Context, env: str = "local", json: bool = False) -> None:
    """Show what runs in an environment, since when, and whether it was verified."""
    from plimsoll.ui.releases import draw_status
    from plimsoll.wiring import releases

    output = wiring.output(json=json)
    output.result(releases.status(env, output.reporter), draw_status)
