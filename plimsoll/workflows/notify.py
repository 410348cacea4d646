"""Telling channels what became of a deploy or rollback. Whatever goes wrong here, the outcome stays what it was."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from plimsoll.domain.notification import Tried, of_error, of_result
from plimsoll.domain.notification_text import message
from plimsoll.domain.outcome import DeployResult, RollbackResult
from plimsoll.errors import EnvironmentLacks, PlimsollError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plimsoll.domain.channel import Channel
    from plimsoll.domain.notification import Notice, Occasion
    from plimsoll.ports import Messenger, Reporter

    Messengers = Callable[[Channel], Messenger]

# Seconds that all channels together may take: a deploy that is over does not wait for a chat.
TIMEOUT = 5.0
R = TypeVar("R", DeployResult, RollbackResult)


def telling(run: Callable[[], R], occasion: Callable[[], Occasion], tell: Callable[[Notice], None], reporter: Reporter) -> R:
    """Return what `run` returns, or raise what it raises, after `tell` was given the notice of it. Nothing of that changes it."""
    try:
        result = run()
    except Exception as error:
        _safely(partial(of_error, error), occasion, tell, reporter)
        raise
    _safely(partial(of_result, result), occasion, tell, reporter)
    return result


def notify(
    notice: Notice, channels: Sequence[Channel], messengers: Messengers, reporter: Reporter, *, timeout: float = TIMEOUT
) -> None:
    """Tell every channel that wants to know, all at once and within `timeout` seconds; one that is dead is a warning."""
    chosen = [each for each in channels if each.wants(notice.events, notice.occasion.environment)]
    for channel, problem in deliver(notice, chosen, messengers, timeout=timeout):
        if problem:
            reporter.warn(f"the channel {channel.name} was not told: {problem}. The outcome stays as it is")


def deliver(
    notice: Notice, channels: Sequence[Channel], messengers: Messengers, *, timeout: float = TIMEOUT
) -> list[tuple[Channel, str]]:
    """Return each channel with what went wrong, empty where the notice arrived."""
    # Threads that hang are left behind: they end with the process, which does not wait for them.
    sendings = [_Sending(notice, channel, messengers, timeout) for channel in channels]
    deadline = time.monotonic() + timeout
    for sending in sendings:
        sending.start()
    for sending in sendings:
        sending.join(max(0.0, deadline - time.monotonic()))
    return [(sending.channel, sending.problem) for sending in sendings]


def try_channel(notice: Notice, channel: Channel, messengers: Messengers, *, dry_run: bool, timeout: float = TIMEOUT) -> Tried:
    """Send a notice through one channel, or only show it. Raise EnvironmentLacks when it does not arrive."""
    told = message(notice, channel)
    if dry_run:
        return Tried(channel=channel, message=told, sent=False)
    ((_channel, problem),) = deliver(notice, [channel], messengers, timeout=timeout)
    if problem:
        raise EnvironmentLacks(
            f"the channel {channel.name} was not told: {problem}",
            where=f"plimsoll.toml, [[notify]] name = {channel.name!r}",
            now="correct what it names, and try again; deploys go on without this channel",
            code="channel-dead",
        )
    return Tried(channel=channel, message=told, sent=True)


def _safely(
    of: Callable[[Occasion], Notice | None],
    occasion: Callable[[], Occasion],
    tell: Callable[[Notice], None],
    reporter: Reporter,
) -> None:
    try:
        notice = of(occasion())
        if notice is not None:
            tell(notice)
    except KeyboardInterrupt:
        reporter.warn("interrupted: not waiting for notifications. The outcome stays as it is")
    except Exception as error:  # noqa: BLE001 -- a mistake in a notice must not turn a verified release into a failure
        reporter.warn(f"nobody was told: {type(error).__name__}. The outcome stays as it is")


class _Sending(threading.Thread):
    """One notice on its way to one channel."""

    def __init__(self, notice: Notice, channel: Channel, messengers: Messengers, timeout: float) -> None:
        super().__init__(name=f"notify {channel.name}", daemon=True)
        self.channel = channel
        self.problem = f"no answer within {timeout:g} s"
        self._notice = notice
        self._messengers = messengers
        self._timeout = timeout

    def run(self) -> None:
        try:
            self._messengers(self.channel).send(message(self._notice, self.channel), timeout=self._timeout)
            self.problem = ""
        except PlimsollError as error:
            self.problem = error.what
        except Exception as error:  # noqa: BLE001 -- a thread has nobody else to tell; its text might hold the secret
            self.problem = f"a mistake in Plimsoll: {type(error).__name__}"
