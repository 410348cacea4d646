"""`inv format`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from plimsoll import wiring

if TYPE_CHECKING:
    from invoke.context import Context


@task(name="format", help={"json": "print one JSON object to stdout and nothing else"})
def format_(_c: Context, json: bool = False) -> None:
    """Correct what can be corrected by itself: layout, import order, simple findings."""
    from plimsoll.ui.checks import draw
    from plimsoll.wiring import checks
    from plimsoll.workflows.checks import require

    output = wiring.output(json=json)
    output.result(checks.fix(output.reporter), draw, require)
