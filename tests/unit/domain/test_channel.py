"""[[notify]]: which channels are refused and why, and what each is told of."""

from __future__ import annotations

from typing import Any

import pytest

from plimsoll.domain.channel import Channel, MailSettings

MAIL: dict[str, Any] = {"host": "mail.example.org", "sender": "plimsoll@example.org", "to": ("team@example.org",)}


def slack(**more: Any) -> Channel:  # noqa: ANN401 -- the fields of Channel
    return Channel(**{"name": "team", "kind": "slack", "url_from": "TEAM_URL", **more})


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"name": "The Team"}, "no DNS label"),
        ({"kind": "pager"}, "must be one of slack, webhook, email"),
        ({"on": ("broken",)}, "must be one of verified, failed, rolled-back"),
        ({"on": ()}, "would never be told"),
        ({"url_from": None}, "url_from is missing"),
        ({"secret_from": "KEY"}, "is for kind 'webhook'"),
        ({"mail": MailSettings(**MAIL)}, "are for kind 'email'"),
        ({"kind": "email", "url_from": None}, "host, from and to are missing"),
        ({"kind": "email", "mail": MailSettings(**MAIL)}, "email has a host"),
    ],
)
def test_a_channel_that_could_not_be_told_is_refused(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        slack(**wrong)


@pytest.mark.parametrize("secret", ["https://hooks.example.org/T0KEN", "hunter2", "T0KEN-x", ""])
def test_a_secret_in_the_settings_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(ValueError, match="url_from") as refused:
        slack(url_from=secret)
    assert not secret or secret not in str(refused.value)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"host": ""}, "host is missing"),
        ({"to": ()}, "to is missing"),
        ({"to": ("team",)}, "'team' is no mail address"),
        ({"sender": "a@b\nBcc: c@d"}, "is no mail address"),
        ({"sender": "ä@example.org"}, "is no mail address"),
        ({"port": 0}, "port 0 must be between 1 and 65535"),
        ({"user_from": "USER"}, "come together"),
        ({"user_from": "USER", "password_from": "WORD", "starttls": False}, "in the clear"),
    ],
)
def test_mail_that_could_not_be_sent_safely_is_refused(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        MailSettings(**{**MAIL, **wrong})


@pytest.mark.parametrize(
    ("events", "environment", "told"),
    [
        (("failed",), "production", True),
        (("rolled-back", "failed"), "production", True),
        (("verified",), "production", False),
        (("failed",), "staging", False),
    ],
)
def test_a_channel_is_told_of_its_events_in_its_environments(events: tuple[str, ...], environment: str, told: bool) -> None:
    assert slack(on=("failed",), environments=("production",)).wants(events, environment) is told


def test_a_channel_without_environments_is_told_of_all() -> None:
    assert slack().wants(("failed",), "anywhere")


def test_a_channel_names_the_variables_that_it_needs() -> None:
    assert Channel(name="hook", kind="webhook", url_from="A", secret_from="B").variables == ("A", "B")  # noqa: S106 -- a name
    login = MailSettings(**MAIL, user_from="C", password_from="D")  # noqa: S106 -- a name
    assert Channel(name="post", kind="email", mail=login).variables == ("C", "D")
