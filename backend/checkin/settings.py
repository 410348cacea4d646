"""The environment variables, read once, at the start. Every problem is found before the first one is reported."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LOG_LEVELS = ("debug", "info", "warning", "error", "critical")


class SettingsError(Exception):
    """The environment cannot be used; the message names every variable at fault and what it should hold."""


@dataclass(frozen=True)
class DatabaseSettings:
    """Where PostgreSQL is, and how many connections one process may hold for requests.

    With `tls` the connection is encrypted and the server's certificate checked, against the CAs that OpenSSL trusts.
    """

    host: str
    port: int
    name: str
    user: str
    password: str = field(repr=False)
    tls: bool
    pool_size: int


@dataclass(frozen=True)
class RedisSettings:
    """Where Redis is. Without a password none is sent. `tls` as for the database."""

    host: str
    port: int
    password: str | None = field(repr=False)
    tls: bool


@dataclass(frozen=True)
class ShutdownSettings:
    """What happens on SIGTERM: keep serving for `delay` seconds, then up to `timeout` seconds for what is in flight.

    `graceful` is off in tests and demonstrations only: the process then ends at once, whatever it was doing.
    """

    delay: float
    timeout: int
    graceful: bool


@dataclass(frozen=True)
class Settings:
    """All that the server needs to know."""

    host: str
    port: int
    log_level: str
    release: str
    revision: str
    late_after: timedelta
    database: DatabaseSettings
    redis: RedisSettings
    shutdown: ShutdownSettings


@dataclass(frozen=True)
class MigrationSettings:
    """All that the migration needs to know: the database, and for how many seconds to wait for it."""

    log_level: str
    database: DatabaseSettings
    wait: int


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Return the server's settings; raise SettingsError naming every variable that is missing or wrong."""
    reader = _Reader(environ)
    settings = Settings(
        host=reader.text("HOST", default="0.0.0.0"),  # noqa: S104 -- a container serves its whole network namespace
        port=reader.whole("PORT", default=3001, low=1, high=65535),
        log_level=_log_level(reader),
        release=reader.text("RELEASE", default="unreleased"),
        revision=reader.text("REVISION", default="unknown"),
        late_after=timedelta(minutes=reader.whole("LATE_AFTER_MINUTES", default=10, low=0, high=24 * 60)),
        database=_database(reader),
        redis=RedisSettings(
            host=reader.text("REDIS_HOST", meaning="the host name of Redis"),
            port=reader.whole("REDIS_PORT", default=6379, low=1, high=65535),
            password=reader.text("REDIS_PASSWORD", default="") or None,
            tls=_tls(reader, "REDIS_TLS"),
        ),
        shutdown=ShutdownSettings(
            delay=reader.whole("SHUTDOWN_DELAY_SECONDS", default=5, low=0, high=300),
            timeout=reader.whole("SHUTDOWN_TIMEOUT_SECONDS", default=20, low=1, high=3600),
            graceful=reader.choice("GRACEFUL_SHUTDOWN", default="on", choices=("on", "off")) == "on",
        ),
    )
    reader.finish()
    return settings


def read_migration_settings(environ: Mapping[str, str]) -> MigrationSettings:
    """Return the migration's settings; raise SettingsError naming every variable that is missing or wrong."""
    reader = _Reader(environ)
    settings = MigrationSettings(
        log_level=_log_level(reader),
        database=_database(reader),
        wait=reader.whole("MIGRATE_WAIT_SECONDS", default=60, low=0, high=3600),
    )
    reader.finish()
    return settings


def _log_level(reader: _Reader) -> str:
    return reader.choice("LOG_LEVEL", default="info", choices=LOG_LEVELS)


def _tls(reader: _Reader, name: str) -> bool:
    # No third choice: encryption without checking who is at the other end protects from very little.
    return reader.choice(name, default="off", choices=("off", "verify")) == "verify"


def _database(reader: _Reader) -> DatabaseSettings:
    return DatabaseSettings(
        host=reader.text("DATABASE_HOST", meaning="the host name of PostgreSQL"),
        port=reader.whole("DATABASE_PORT", default=5432, low=1, high=65535),
        name=reader.text("DATABASE_NAME", default="checkin"),
        user=reader.text("DATABASE_USER", default="checkin"),
        password=reader.text("DATABASE_PASSWORD", meaning="the password of the database user"),
        tls=_tls(reader, "DATABASE_TLS"),
        # 10 replicas and one more in a rollout, with 5 and the probe's one each, stay under PostgreSQL's default of 100.
        pool_size=reader.whole("DATABASE_POOL_SIZE", default=5, low=1, high=100),
    )


class _Reader:
    """Reads variables and collects what is wrong with them. A variable that is set but empty counts as not set."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._problems: list[str] = []

    def text(self, name: str, *, default: str | None = None, meaning: str = "") -> str:
        """Return the variable; without a default it is required, and `meaning` says what it should hold."""
        value = self._environ.get(name) or default
        if value is None:
            self._problems.append(f"{name} is not set: give {meaning}")
            return ""
        if not value.isprintable():
            # Never show the value: it may be a password. A line break at its end is what a file read as a secret leaves.
            self._problems.append(f"{name} holds a line break or another control character: remove it")
        return value

    def whole(self, name: str, *, default: int, low: int, high: int) -> int:
        """Return the variable as a whole number from `low` to `high`."""
        value = self._environ.get(name)
        if not value:
            return default
        if value.isascii() and value.isdigit() and len(value) <= len(str(high)) and low <= int(value) <= high:
            return int(value)
        problem = f"{name} must be a whole number from {low} to {high}, not {value!r:.60}"
        if value.startswith("tcp://"):
            problem += " (Kubernetes sets it for a Service of that name: set it explicitly, or enableServiceLinks: false)"
        self._problems.append(problem)
        return default

    def choice(self, name: str, *, default: str, choices: tuple[str, ...]) -> str:
        """Return the variable in lower case, one of `choices`."""
        value = (self._environ.get(name) or default).lower()
        if value not in choices:
            self._problems.append(f"{name} must be one of {', '.join(choices)}, not {value!r:.60}")
        return value

    def finish(self) -> None:
        """Raise SettingsError when anything was wrong."""
        if self._problems:
            raise SettingsError("Wrong settings: " + "; ".join(self._problems))
