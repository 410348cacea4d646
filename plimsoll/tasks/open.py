"""`inv open`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from plimsoll import wiring

if TYPE_CHECKING:
    from invoke.context import Context


@task(
    name="open",
    help={"env": "environment to open (default: local)", "json": "print one JSON object to stdout and nothing else"},
)
def open_(_c: Context, env: str = "local", json: bool = False) -> None:
    """Print the address of an environment, and open it where there is a browser."""
    from plimsoll.ui.releases import draw_address
    from plimsoll.wiring import serving

    wiring.output(json=json).result(serving.address(env, browse=not json), draw_address)
