"""`inv logs`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from plimsoll import wiring

if TYPE_CHECKING:
    from invoke.context import Context


@task(
    help={
        "env": "environment to read (default: local)",
        "service": "one service only (default: all)",
        "since": "how far to look back, such as 10m (default: 1h)",
        "follow": "go on as long as you let it",
        "json": "print one JSON object to stdout and nothing else",
    }
)
def logs(
    _c: Context, env: str = "local", service: str | None = None, since: str = "1h", follow: bool = False, json: bool = False
) -> None:
    """Print what the pods of an environment say."""
    from plimsoll.ui.releases import draw_logs
    from plimsoll.wiring import serving

    output = wiring.output(json=json)
    output.result(serving.logs(env, service, since, follow=follow and not json), draw_logs)
