"""`inv scan`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from plimsoll import wiring

if TYPE_CHECKING:
    from invoke.context import Context


@task(
    iterable=["service"],
    help={"service": "scan this service only (may be repeated)", "json": "print one JSON object to stdout and nothing else"},
)
def scan(_c: Context, service: list[str] | None = None, json: bool = False) -> None:
    """Judge the built images: known vulnerabilities against the gate and the waivers."""
    from plimsoll.ui.scan import draw
    from plimsoll.wiring import scan as scans
    from plimsoll.workflows.scan import require

    output = wiring.output(json=json)
    output.result(scans.scan(service or (), output.reporter), draw, require)
