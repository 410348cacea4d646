"""`inv lint`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from plimsoll import wiring

if TYPE_CHECKING:
    from invoke.context import Context


@task(help={"json": "print one JSON object to stdout and nothing else"})
def lint(_c: Context, json: bool = False) -> None:
    """Check style, types, import contracts, Dockerfiles, shell, YAML and manifests."""
    from plimsoll.ui.checks import draw
    from plimsoll.wiring import checks
    from plimsoll.workflows.checks import require

    output = wiring.output(json=json)
    output.result(checks.lint(output.reporter), draw, require)
