"""Channels of the settings: who is told of deploys and rollbacks, of which events, of which environments."""

from __future__ import annotations

import re
from dataclasses import dataclass

from plimsoll.domain.project import check_name

VERIFIED, FAILED, ROLLED_BACK = "verified", "failed", "rolled-back"
EVENTS = (VERIFIED, FAILED, ROLLED_BACK)
DEFAULT_EVENTS = (FAILED, ROLLED_BACK)
SLACK, WEBHOOK, EMAIL = "slack", "webhook", "email"
KINDS = (SLACK, WEBHOOK, EMAIL)
# Capitals only: a webhook's URL or a password that was written here by mistake is told from a variable's name.
VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
VARIABLES = ("url_from", "secret_from", "user_from", "password_from")
ADDRESS = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+")
PORTS = range(1, 65536)
HERE = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, kw_only=True)
class MailSettings:
    """Where mail goes. The login is read from the environment variables `user_from` and `password_from`, together or not at all.

    Without `starttls` a password is sent to this machine only.
    """

    host: str
    sender: str
    to: tuple[str, ...]
    port: int = 587
    user_from: str | None = None
    password_from: str | None = None
    starttls: bool = True

    def __post_init__(self) -> None:
        """Refuse what no mail server could use."""
        wrong = next((each for each in (self.sender, *self.to) if not (each.isascii() and ADDRESS.fullmatch(each))), None)
        _refuse(
            (not self.host, "host is missing; it names the mail server"),
            (self.port not in PORTS, f"port {self.port} must be between 1 and {PORTS[-1]}"),
            (not self.to, "to is missing; it names who gets the mail"),
            (wrong is not None, f"{wrong!r} is no mail address"),
            ((self.user_from is None) != (self.password_from is None), "user_from and password_from come together"),
            (
                bool(self.user_from) and not self.starttls and self.host not in HERE,
                "a login without starttls would send the password in the clear",
            ),
        )


@dataclass(frozen=True, kw_only=True)
class Channel:
    """One [[notify]] of the settings: who is told, of which events, of which environments (none named: of all).

    Secrets (`url_from`: the webhook's URL; `secret_from`: the key that signs what a generic webhook gets) are names of
    environment variables, never the values.
    """

    name: str
    kind: str
    on: tuple[str, ...] = DEFAULT_EVENTS
    environments: tuple[str, ...] = ()
    url_from: str | None = None
    secret_from: str | None = None
    mail: MailSettings | None = None

    def __post_init__(self) -> None:
        """Refuse channels that nothing could be sent through, and secrets in the settings."""
        check_name(self.name)
        unknown = next((event for event in self.on if event not in EVENTS), None)
        mails = self.kind == EMAIL
        _refuse(
            (self.kind not in KINDS, f"kind {self.kind!r} must be one of {', '.join(KINDS)}"),
            (unknown is not None, f"on {unknown!r} must be one of {', '.join(EVENTS)}"),
            (not self.on, "on is empty: this channel would never be told"),
            (mails and self.mail is None, "host, from and to are missing; they say where mail goes"),
            (not mails and self.mail is not None, "host, from and to are for kind 'email'"),
            (mails and bool(self.url_from), "url_from is for slack and webhook; email has a host"),
            (not mails and not self.url_from, "url_from is missing; it names the variable that holds the webhook's URL"),
            (
                bool(self.secret_from) and self.kind != WEBHOOK,
                "secret_from is for kind 'webhook'; nobody else checks a signature",
            ),
            (
                not all(VARIABLE.fullmatch(name) for name in self.variables),
                f"{' and '.join(VARIABLES)} name environment variables, in capitals; the value itself is a secret",
            ),
        )

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that it needs."""
        mail = (self.mail.user_from, self.mail.password_from) if self.mail else ()
        return tuple(name for name in (self.url_from, self.secret_from, *mail) if name)

    def wants(self, events: tuple[str, ...], environment: str) -> bool:
        """Tell whether this channel is told of any of these events in an environment."""
        return (not self.environments or environment in self.environments) and any(event in self.on for event in events)


def _refuse(*rules: tuple[bool, str]) -> None:
    """Raise ValueError with the first message whose rule is broken."""
    for broken, message in rules:
        if broken:
            raise ValueError(message)
