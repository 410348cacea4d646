"""Channels that people are told through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Messenger(Protocol):
    """One channel, ready to send."""

    def send(self, message: Mapping[str, Any], *, timeout: float) -> None:
        """Send what `domain.notification_text.message` made for the channel; each step of it takes at most `timeout` seconds.

        Raise EnvironmentLacks in a few words when it does not arrive; no secret of the channel is among them.
        """
