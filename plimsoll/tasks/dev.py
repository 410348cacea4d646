"""`inv dev.*`: the application from the work tree, reloading on change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from plimsoll import wiring

if TYPE_CHECKING:
    from invoke.context import Context

JSON = {"json": "print one JSON object to stdout and nothing else"}
# Lines of each service that are shown when nobody says how many.
LAST = 100


@task(help=JSON)
def up(_c: Context, json: bool = False) -> None:
    """Start the application from the work tree, with its database, and return when it is healthy; safe to repeat."""
    from plimsoll.ui.dev import draw_up
    from plimsoll.wiring import dev

    output = wiring.output(json=json)
    output.result(dev.up(output.reporter), draw_up)


@task(help={"purge": "also remove its data, its secrets and its images", **JSON})
def down(_c: Context, purge: bool = False, json: bool = False) -> None:
    """Stop and remove the development stack; its data stays."""
    from plimsoll.ui.dev import draw_down
    from plimsoll.wiring import dev

    output = wiring.output(json=json)
    output.result(dev.down(output.reporter, purge=purge), draw_down)


@task(
    help={
        "service": "one service only (default: all)",
        "last": f"how many lines of each service (default: {LAST})",
        "follow": "go on as long as you let it",
        **JSON,
    }
)
def logs(_c: Context, service: str | None = None, last: int = LAST, follow: bool = False, json: bool = False) -> None:
    """Print what the services of the development stack say."""
    from plimsoll.ui.dev import draw_logs
    from plimsoll.wiring import dev

    if follow and not json:
        dev.follow(service, last)
    else:
        wiring.output(json=json).result(dev.logs(service, last), draw_logs)
