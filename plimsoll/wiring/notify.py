"""Composition of notifications: channels of the settings to what sends, and what all notices of this run say of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

from plimsoll import wiring
from plimsoll.domain.notification import Occasion, of_test
from plimsoll.domain.outcome import DeployResult, RollbackResult
from plimsoll.domain.secret import SecretText
from plimsoll.errors import EnvironmentLacks

if TYPE_CHECKING:
    from collections.abc import Callable

    from plimsoll.domain.channel import Channel
    from plimsoll.domain.notification import Notice, Tried
    from plimsoll.domain.project import Environment
    from plimsoll.ports import Messenger, Reporter
    from plimsoll.workflows.site import Actor

R = TypeVar("R", DeployResult, RollbackResult)


def telling(task: str, environment: Environment, actor: Actor, reporter: Reporter, run: Callable[[], R]) -> R:
    """Return what `run` returns, or raise what it raises, once the channels were told of it."""
    from plimsoll.workflows import notify

    channels = wiring.project().notify
    if not channels:
        return run()

    def tell(notice: Notice) -> None:
        notify.notify(notice, channels, messenger, reporter)

    return notify.telling(run, lambda: occasion(task, environment.name, environment.address, actor), tell, reporter)


def occasion(task: str, environment: str, url: str | None, actor: Actor) -> Occasion:
    """Return what every notice of this run says of it."""
    at = wiring.clock().now().strftime("%Y-%m-%dT%H:%M:%SZ")
    return Occasion(
        project=wiring.project().name, environment=environment, task=task, actor=actor.name, at=at, run=actor.run, url=url
    )


def try_channel(name: str, *, dry_run: bool) -> Tried:
    """Send a test through the channel called `name`, or show what would be sent."""
    from plimsoll.config import unknown
    from plimsoll.wiring.releases import actor
    from plimsoll.workflows.notify import try_channel as workflow

    channels = {each.name: each for each in wiring.project().notify}
    if name not in channels:
        raise unknown("channel", name, channels, where=f"{wiring.SETTINGS_FILE}, [[notify]]")
    channel = channels[name]
    environment = next(iter(channel.environments or wiring.project().environments))
    notice = of_test(name, occasion("notify.test", environment, None, actor()))
    return workflow(notice, channel, messenger, dry_run=dry_run)


def messenger(channel: Channel) -> Messenger:
    """Return what sends through a channel. Raise EnvironmentLacks naming the variable that is not set."""
    secrets = {name: _variable(name) for name in channel.variables}
    if channel.mail is not None:
        from plimsoll.adapters.mail import Mail

        return Mail(channel.mail, secrets.get(channel.mail.user_from or ""), secrets.get(channel.mail.password_from or ""))
    from plimsoll.adapters.webhook import Webhook

    return Webhook(secrets[channel.url_from or ""], secrets.get(channel.secret_from or ""))


def _variable(name: str) -> SecretText:
    value = os.environ.get(name)
    if not value:
        raise EnvironmentLacks(f"the environment variable {name} is not set")
    return SecretText(value)
