"""`inv doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from plimsoll import wiring

if TYPE_CHECKING:
    from invoke.context import Context


@task(
    help={
        "env": "also ask this environment's cluster whether we may release to it (remote ones are always asked)",
        "json": "print one JSON object to stdout and nothing else",
    }
)
def doctor(_c: Context, env: str | None = None, json: bool = False) -> None:
    """Look at every tool, the engine, the machine and our rights in clusters, and name the command that repairs each."""
    from plimsoll.ui.doctor import draw
    from plimsoll.wiring import tools
    from plimsoll.workflows.doctor import require

    output = wiring.output(json=json)
    output.result(tools.doctor(env, output.reporter), draw, require)
