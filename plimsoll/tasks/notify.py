"""`inv notify.*`: the channels that are told of deploys and rollbacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from plimsoll import wiring

if TYPE_CHECKING:
    from invoke.context import Context


@task(
    name="test",
    help={
        "channel": "the channel's name in plimsoll.toml, [[notify]]",
        "dry-run": "print what would be sent, and send nothing",
        "json": "print one JSON object to stdout and nothing else",
    },
)
def try_channel(_c: Context, channel: str, dry_run: bool = False, json: bool = False) -> None:
    """Send a test message through a channel."""
    from plimsoll.ui.notify import draw_tried
    from plimsoll.wiring import notify

    wiring.output(json=json).result(notify.try_channel(channel, dry_run=dry_run), draw_tried)
