"""What came of trying a channel."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

    from plimsoll.domain.notification import Tried


def draw_tried(tried: Tried, console: Console) -> None:
    """Print that a message was sent; or, of a dry run, what would be sent: a mail as text, anything else as JSON."""
    channel, message = tried.channel, tried.message
    if tried.sent:
        console.print(Text.assemble(("✔ ", "green"), (channel.name, "bold"), f" was told ({channel.kind})"))
        return
    console.print(Text(f"{channel.name} ({channel.kind}) would be told:", style="cyan"))
    if channel.mail is None:
        console.print(Text(json.dumps(message, indent=2, ensure_ascii=False)), soft_wrap=True)
        return
    for label, text in (("From", message["from"]), ("To", ", ".join(message["to"])), ("Subject", message["subject"])):
        console.print(Text(f"{label}: {text}"), soft_wrap=True)
    console.print(Text(f"\n{message['text']}".rstrip()), soft_wrap=True)
