"""`inv rollback`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from plimsoll import wiring

if TYPE_CHECKING:
    from invoke.context import Context


@task(
    help={
        "env": "environment to roll back (default: local)",
        "to": "release to go back to (default: the one before that was verified)",
        "yes": "go ahead without asking, in protected environments too",
        "wait-lock": "seconds to wait for a deploy that is under way (default: 30)",
        "json": "print one JSON object to stdout and nothing else",
    }
)
def rollback(
    _c: Context, env: str = "local", to: str | None = None, yes: bool = False, wait_lock: int = 30, json: bool = False
) -> None:
    """Bring back a release that was verified before, configuration included."""
    from plimsoll.ui.releases import draw_rollback
    from plimsoll.wiring import releases

    output = wiring.output(json=json)
    output.result(releases.rollback(env, to, output.reporter, yes=yes, wait_lock=wait_lock), draw_rollback)
