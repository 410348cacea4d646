"""`inv lock.status`, `lock.acquire`, `lock.release` and `lock.break`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from plimsoll import wiring

if TYPE_CHECKING:
    from invoke.context import Context

ENV_HELP = "environment (default: local)"
JSON_HELP = "print one JSON object to stdout and nothing else"


@task(help={"env": ENV_HELP, "json": JSON_HELP})
def status(_c: Context, env: str = "local", json: bool = False) -> None:
    """Show who releases to an environment now, who holds it and until when, and what was done to holds."""
    from plimsoll.ui.lock import draw_lock
    from plimsoll.wiring import locks

    output = wiring.output(json=json)
    output.result(locks.status(env, output.reporter), draw_lock)


@task(
    positional=["reason"],
    help={
        "reason": "what those who find the environment held need to know",
        "env": ENV_HELP,
        "for": "how long, such as 30m or 4h; at most 24h (default: 1h)",
        "json": JSON_HELP,
    },
)
def acquire(_c: Context, reason: str, env: str = "local", for_: str = "1h", json: bool = False) -> None:
    """Hold an environment: deploy and rollback refuse it, naming you, the reason and the end, until then."""
    from plimsoll.ui.lock import draw_lock
    from plimsoll.wiring import locks

    output = wiring.output(json=json)
    output.result(locks.acquire(env, reason, for_, output.reporter), draw_lock)


@task(help={"env": ENV_HELP, "json": JSON_HELP})
def release(_c: Context, env: str = "local", json: bool = False) -> None:
    """End your own hold of an environment."""
    from plimsoll.ui.lock import draw_lock
    from plimsoll.wiring import locks

    output = wiring.output(json=json)
    output.result(locks.release(env, output.reporter), draw_lock)


@task(
    name="break",
    positional=["reason"],
    help={"reason": "why somebody else's hold must end; it is recorded with your name", "env": ENV_HELP, "json": JSON_HELP},
)
def break_(_c: Context, reason: str, env: str = "local", json: bool = False) -> None:
    """End somebody else's hold of an environment; this is recorded."""
    from plimsoll.ui.lock import draw_lock
    from plimsoll.wiring import locks

    output = wiring.output(json=json)
    output.result(locks.end(env, reason, output.reporter), draw_lock)
