"""[[notify]] of plimsoll.toml: the channels that are told of deploys and rollbacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.domain.channel import DEFAULT_EVENTS, Channel, MailSettings

if TYPE_CHECKING:
    from collections.abc import Collection

    from plimsoll.domain.table import Table


def read_channels(top: Table, environments: Collection[str]) -> tuple[Channel, ...]:
    """Return the channels. An environment that is none of `environments`, and a name used twice, are problems."""
    found: list[Channel] = []
    for table in top.tables("notify"):
        channel = _channel(table)
        if channel is None:
            continue
        if any(channel.name == other.name for other in found):
            table.problem("name", f"{channel.name!r} is taken by another channel")
        for name in channel.environments:
            if name not in environments:
                table.problem("environments", f"there is no environment {name!r}")
        found.append(channel)
    return tuple(found)


def _channel(table: Table) -> Channel | None:
    name, kind = table.text("name"), table.text("kind")
    on, environments = table.texts("on", DEFAULT_EVENTS), table.texts("environments")
    url_from, secret_from = table.text("url_from", None), table.text("secret_from", None)
    host, port, sender, to = table.text("host", None), table.number("port", 587), table.text("from", None), table.texts("to")
    user_from, password_from = table.text("user_from", None), table.text("password_from", None)
    starttls = table.flag("starttls", default=True)

    def mail() -> MailSettings:
        return MailSettings(
            host=host or "",
            port=port,
            sender=sender or "",
            to=to,
            user_from=user_from,
            password_from=password_from,
            starttls=starttls,
        )

    return table.build(
        lambda: Channel(
            name=name,
            kind=kind,
            on=on,
            environments=environments,
            url_from=url_from,
            secret_from=secret_from,
            mail=mail() if host or sender or to else None,
        )
    )
