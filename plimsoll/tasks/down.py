"""`inv down`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from plimsoll import wiring

if TYPE_CHECKING:
    from invoke.context import Context


@task(
    help={
        "yes": "do not ask before recorded releases are removed with the cluster",
        "purge": "remove the registry's images, too",
        "json": "print one JSON object to stdout and nothing else",
    }
)
def down(_c: Context, yes: bool = False, purge: bool = False, json: bool = False) -> None:
    """Remove what `inv up` made, the cluster with its releases and data first; say what is kept."""
    from plimsoll.ui.journey import draw_down
    from plimsoll.wiring import approval, journey

    output = wiring.output(json=json)
    approval.of_removal(wiring.project().cluster.name, yes=yes)
    output.result(journey.down(output.reporter, purge=purge), draw_down)
