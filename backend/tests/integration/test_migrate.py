"""Bringing the database to the schema that a release needs."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, TypeVar

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, inspect

from checkin.database import engine_for
from checkin.migrate import ADVISORY_LOCK, MigrationError, migrate
from checkin.revisions import MIGRATIONS, known_revisions
from checkin.settings import MigrationSettings, read_migration_settings
from checkin.tables import Base
from tests.integration.backend import run_module
from tests.integration.conftest import database_environment
from tests.integration.waiting import free_port, in_background, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from tests.integration.servers import Postgres

Result = TypeVar("Result")
WRONG = "open sesame"
REVISION = "SELECT version_num FROM alembic_version"


def settings_for(postgres: Postgres, name: str, **changes: str) -> MigrationSettings:
    return read_migration_settings({**database_environment(postgres, name), "MIGRATE_WAIT_SECONDS": "10", **changes})


def on_connection(settings: MigrationSettings, work: Callable[[Connection], Result]) -> Result:
    async def run() -> Result:
        engine = engine_for(settings.database, pool_size=1, statement_seconds=None)
        async with engine.begin() as connection:
            result = await connection.run_sync(work)
        await engine.dispose()
        return result

    return asyncio.run(run())


def failure_of(settings: MigrationSettings) -> str:
    with pytest.raises(MigrationError) as caught:
        asyncio.run(migrate(settings))
    return str(caught.value)


def test_an_empty_database_gets_the_schema_and_a_second_run_leaves_it(
    postgres: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    name = postgres.new_database()
    first = run_module("checkin.migrate", environment=database_environment(postgres, name))
    assert first.returncode == 0
    assert json.loads(first.stdout.splitlines()[-1])["message"] == f"The schema went from nothing to {known_revisions()[-1]}"
    assert postgres.run_sql(REVISION, database=name) == known_revisions()[-1]
    with caplog.at_level("INFO"):
        asyncio.run(migrate(settings_for(postgres, name)))
    assert caplog.messages[-1].endswith("nothing to do")


def test_migrations_make_the_tables_that_the_code_describes(postgres: Postgres) -> None:
    settings = settings_for(postgres, postgres.new_database())
    asyncio.run(migrate(settings))

    def differences(connection: Connection) -> list[object]:
        made, described = inspect(connection), Base.metadata.tables
        found = [*compare_metadata(MigrationContext.configure(connection), Base.metadata)]
        for name, table in described.items():
            checks = {check["name"] for check in made.get_check_constraints(name)}
            wanted = {rule.name for rule in table.constraints if isinstance(rule, CheckConstraint)}
            found += checks ^ wanted
        return found

    assert on_connection(settings, differences) == []


def test_every_step_can_be_taken_back_and_repeated(postgres: Postgres) -> None:
    name = postgres.new_database()
    settings = settings_for(postgres, name)
    asyncio.run(migrate(settings))

    def down_and_up(connection: Connection) -> None:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(MIGRATIONS))
        command.downgrade(config, "base")
        assert set(inspect(connection).get_table_names()) == {"alembic_version"}
        command.upgrade(config, "head")

    on_connection(settings, down_and_up)
    assert postgres.run_sql(REVISION, database=name) == known_revisions()[-1]


def test_two_at_once_take_turns(postgres: Postgres) -> None:
    name = postgres.new_database()
    settings = settings_for(postgres, name)

    async def both() -> None:
        await asyncio.gather(migrate(settings), migrate(settings))

    asyncio.run(both())
    assert postgres.run_sql(REVISION, database=name) == known_revisions()[-1]


def test_a_migration_that_never_ends_is_not_waited_for_forever(postgres: Postgres) -> None:
    name = postgres.new_database()
    settings = settings_for(postgres, name, MIGRATE_WAIT_SECONDS="1")
    hold = f"SELECT pg_advisory_lock({ADVISORY_LOCK}); SELECT pg_sleep(60)"
    holding = in_background(lambda: postgres.run_sql(hold, database=name))
    wait_until(lambda: postgres.run_sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == "1", "the lock is held")
    try:
        assert "Another migration is still running after 1 s" in failure_of(settings)
    finally:
        postgres.run_sql("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
        assert isinstance(holding.exception(), AssertionError)


def test_a_step_that_fails_is_undone_and_named(postgres: Postgres) -> None:
    name = postgres.new_database()
    postgres.run_sql("CREATE TABLE participants (surprise int)", database=name)
    done = run_module("checkin.migrate", environment=database_environment(postgres, name))
    assert done.returncode == 1
    assert done.stderr == ""
    last = json.loads(done.stdout.splitlines()[-1])
    assert last["level"] == "critical"
    assert 'relation "participants" already exists' in last["message"]
    assert "\n" not in last["message"]
    assert postgres.run_sql("SELECT to_regclass('sessions') IS NULL", database=name) == "t"


def test_a_schema_of_a_newer_release_is_left_alone(postgres: Postgres, migrated_database: str) -> None:
    name = postgres.new_database(template=migrated_database)
    postgres.run_sql("UPDATE alembic_version SET version_num = '9999'", database=name)
    asyncio.run(migrate(settings_for(postgres, name)))
    assert postgres.run_sql(REVISION, database=name) == "9999"


def test_a_database_that_is_not_there_yet_is_waited_for(postgres: Postgres) -> None:
    name = "made_later"
    waiting = in_background(lambda: asyncio.run(migrate(settings_for(postgres, name))))
    time.sleep(0.5)
    postgres.run_sql(f"CREATE DATABASE {name}")
    waiting.result(15)
    assert postgres.run_sql(REVISION, database=name) == known_revisions()[-1]


def test_a_database_that_never_comes_ends_the_wait_with_its_address(postgres: Postgres) -> None:
    port = str(free_port())
    message = failure_of(settings_for(postgres, "checkin", DATABASE_PORT=port, MIGRATE_WAIT_SECONDS="1"))
    assert f"PostgreSQL at 127.0.0.1:{port} did not answer within 1 s" in message


def test_a_refused_login_is_not_tried_again(postgres: Postgres) -> None:
    began = time.monotonic()
    message = failure_of(settings_for(postgres, "postgres", DATABASE_PASSWORD=WRONG, MIGRATE_WAIT_SECONDS="60"))
    assert "refused the login" in message
    assert WRONG not in message
    assert time.monotonic() - began < 10
