"""The servers that the integration tests share, and the backend in front of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import missing
from tests.integration.backend import Backend, backend_process, run_module
from tests.integration.servers import PASSWORD, Postgres, Server, postgres_server, redis_server
from tests.integration.waiting import find_binary

if TYPE_CHECKING:
    from collections.abc import Iterator

Environment = dict[str, str]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    binary = find_binary("postgres") or missing("PostgreSQL (Debian package postgresql)")
    with postgres_server(binary) as server:
        yield server


@pytest.fixture(scope="session")
def redis() -> Iterator[Server]:
    binary = find_binary("redis-server") or missing("Redis (Debian package redis-server)")
    with redis_server(binary) as server:
        yield server


@pytest.fixture(scope="session")
def migrated_database(postgres: Postgres) -> str:
    """Make a database with the schema, to be copied, not used."""
    name = postgres.new_database()
    done = run_module("checkin.migrate", environment=database_environment(postgres, name))
    assert done.returncode == 0, done.stdout + done.stderr
    return name


@pytest.fixture(scope="module")
def environment(postgres: Postgres, redis: Server, migrated_database: str) -> Environment:
    """Return what the backend needs to serve from an empty database of the module's own."""
    return environment_with(postgres, redis, postgres.new_database(template=migrated_database))


@pytest.fixture(scope="module")
def backend(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """Run one backend for the tests of a module, with an empty database at the start."""
    with backend_process(environment, tmp_path_factory.mktemp("backend")) as running:
        yield running


@pytest.fixture(scope="session")
def shared_backend(
    postgres: Postgres, redis: Server, migrated_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Backend]:
    """Run one backend for all tests that do not care what others leave in its database."""
    environment = environment_with(postgres, redis, postgres.new_database(template=migrated_database))
    with backend_process(environment, tmp_path_factory.mktemp("shared")) as running:
        yield running


def environment_with(postgres: Postgres, redis: Server, database: str) -> Environment:
    return {
        **database_environment(postgres, database),
        "REDIS_HOST": "127.0.0.1",
        "REDIS_PORT": str(redis.port),
        "REDIS_PASSWORD": PASSWORD,
        "RELEASE": database,  # keeps the cached pages of the modules apart, as of releases that serve side by side
        "REVISION": "0123abc",
        "SHUTDOWN_DELAY_SECONDS": "0",
    }


def database_environment(postgres: Postgres, name: str) -> Environment:
    return {
        "DATABASE_HOST": "127.0.0.1",
        "DATABASE_PORT": str(postgres.port),
        "DATABASE_NAME": name,
        "DATABASE_PASSWORD": PASSWORD,
    }
