"""`inv setup`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from plimsoll import wiring

if TYPE_CHECKING:
    from invoke.context import Context


@task(
    help={
        "tests": "also what `inv lint` and `inv test` need (they install it themselves otherwise)",
        "yes": "go ahead without asking (CI=true does so too)",
        "dry-run": "only say what would be done",
        "json": "print one JSON object to stdout and nothing else",
    }
)
def setup(_c: Context, tests: bool = False, yes: bool = False, dry_run: bool = False, json: bool = False) -> None:
    """Install and start what is missing: the engine, its plugins and the pinned tools."""
    from plimsoll.ui.setup import draw
    from plimsoll.wiring import tools

    output = wiring.output(json=json)
    output.result(tools.setup(output.reporter, tests=tests, yes=yes, dry_run=dry_run), draw)
