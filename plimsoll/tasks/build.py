"""`inv build`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from plimsoll import wiring

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invoke.context import Context


@task(
    iterable=["service"],
    help={
        "service": "build this service only; may be given several times",
        "dry_run": "say what would be built and build nothing",
        "check_reproducible": "build twice from two clones of the commit, running every step, and compare the digests",
        "json": "print one JSON object to stdout and nothing else",
    },
)
def build(
    _c: Context,
    service: Sequence[str] | None = None,
    dry_run: bool = False,
    check_reproducible: bool = False,
    json: bool = False,
) -> None:
    """Build the images whose sources changed, check their sizes, and keep them on this machine. Pushes nothing."""
    from plimsoll.ui import images as ui
    from plimsoll.wiring import images

    output = wiring.output(json=json)
    service = service or ()
    if check_reproducible:
        reproduction = images.check_reproducible(service, output.reporter)
        reproduction.require_equal()
        output.result(reproduction, ui.draw_reproduction)
    elif dry_run:
        output.result(images.preview(service, output.reporter), ui.draw_preview)
    else:
        output.result(images.build(service, output.reporter), ui.draw_build)
