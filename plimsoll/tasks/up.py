"""`inv up`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from plimsoll import wiring

if TYPE_CHECKING:
    from invoke.context import Context


@task(
    help={
        "yes": "install what is missing without asking (CI=true does so too)",
        "json": "print one JSON object to stdout and nothing else",
    }
)
def up(_c: Context, yes: bool = False, json: bool = False) -> None:
    """Go from a bare machine to a running, verified release on a local cluster; safe to repeat."""
    from plimsoll.ui.journey import draw_up
    from plimsoll.wiring import journey

    output = wiring.output(json=json)
    output.result(journey.up(output.reporter, yes=yes), draw_up)
