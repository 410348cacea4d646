"""`inv smoke`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from plimsoll import wiring

if TYPE_CHECKING:
    from invoke.context import Context


@task(
    help={
        "env": "environment to ask (default: local)",
        "url": "address to ask instead of an environment's",
        "json": "print one JSON object to stdout and nothing else",
    }
)
def smoke(_c: Context, env: str | None = None, url: str | None = None, json: bool = False) -> None:
    """Ask the routes of the smoke test, and fail when one does not answer as it should."""
    from plimsoll.ui.releases import draw_smoke
    from plimsoll.wiring import serving

    output = wiring.output(json=json)
    output.result(serving.smoke(env, url, output.reporter), draw_smoke)
