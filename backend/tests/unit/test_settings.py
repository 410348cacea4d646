"""What the environment may hold."""

from __future__ import annotations

from datetime import timedelta

import pytest

from checkin.settings import SettingsError, read_migration_settings, read_settings

ENOUGH = {"DATABASE_HOST": "db", "DATABASE_PASSWORD": "open sesame", "REDIS_HOST": "redis"}


def test_three_variables_are_enough() -> None:
    settings = read_settings(ENOUGH)
    assert (settings.port, settings.late_after, settings.release) == (3001, timedelta(minutes=10), "unreleased")
    assert settings.shutdown.graceful
    assert settings.redis.password is None


def test_every_problem_is_reported_at_once() -> None:
    environment = {"PORT": "eighty", "LATE_AFTER_MINUTES": "-1", "LOG_LEVEL": "loud", "GRACEFUL_SHUTDOWN": "maybe"}
    with pytest.raises(SettingsError) as caught:
        read_settings(environment)
    for name in (
        "PORT",
        "LATE_AFTER_MINUTES",
        "LOG_LEVEL",
        "GRACEFUL_SHUTDOWN",
        "DATABASE_HOST",
        "DATABASE_PASSWORD",
        "REDIS_HOST",
    ):
        assert name in str(caught.value)


@pytest.mark.parametrize("value", ["", "0", "65536", "3.5", " 80", "+80", "٨٠", "9" * 5000, "tcp://10.0.0.7:6379"])
def test_a_port_is_a_whole_number_in_range(value: str) -> None:
    environment = {**ENOUGH, "REDIS_PORT": value}
    if not value:  # set but empty counts as not set
        assert read_settings(environment).redis.port == 6379
        return
    with pytest.raises(SettingsError, match="REDIS_PORT must be a whole number from 1 to 65535") as caught:
        read_settings(environment)
    assert len(str(caught.value)) < 300


def test_a_port_set_by_kubernetes_service_links_is_explained() -> None:
    with pytest.raises(SettingsError, match="enableServiceLinks: false"):
        read_settings({**ENOUGH, "REDIS_PORT": "tcp://10.0.0.7:6379"})


def test_an_empty_password_counts_as_missing() -> None:
    with pytest.raises(SettingsError, match="DATABASE_PASSWORD is not set"):
        read_settings({**ENOUGH, "DATABASE_PASSWORD": ""})


def test_a_password_is_never_shown() -> None:
    with pytest.raises(SettingsError, match="DATABASE_PASSWORD holds a line break") as caught:
        read_settings({**ENOUGH, "DATABASE_PASSWORD": "open sesame\n"})
    assert "sesame" not in str(caught.value)
    assert "sesame" not in repr(read_settings({**ENOUGH, "REDIS_PASSWORD": "open sesame"}))


def test_a_migration_does_not_ask_for_redis() -> None:
    settings = read_migration_settings({"DATABASE_HOST": "db", "DATABASE_PASSWORD": "open sesame"})
    assert (settings.database.name, settings.wait) == ("checkin", 60)
