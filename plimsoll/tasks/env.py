"""`inv env.trust`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from plimsoll import wiring

if TYPE_CHECKING:
    from invoke.context import Context


@task(
    positional=["env"],
    help={
        "env": "remote environment, whose context stands in plimsoll.toml",
        "yes": "write the line without asking; it is shown all the same",
        "dry-run": "show server, UID and the line, and change nothing",
        "json": "print one JSON object to stdout and nothing else",
    },
)
def trust(_c: Context, env: str, yes: bool = False, dry_run: bool = False, json: bool = False) -> None:
    """Write into plimsoll.toml by which API server and UID a remote environment's cluster is recognised."""
    from plimsoll.ui.trust import draw_trust
    from plimsoll.wiring import trust as trusting

    output = wiring.output(json=json)
    output.result(trusting.trust(env, output.reporter, yes=yes, dry_run=dry_run), draw_trust)
