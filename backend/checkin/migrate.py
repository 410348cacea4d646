"""`python -m checkin.migrate` brings the database to this release's schema. Safe to repeat, and to run twice at once.

Exit codes: 0 the schema is there, 1 it could not be made (the log says why; nothing is half done), 2 wrong settings.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from checkin.database import UNDEFINED_TABLE, engine_for, is_unavailable, sqlstate_of
from checkin.logs import configure_logs, logger
from checkin.revisions import MIGRATIONS, known_revisions
from checkin.settings import MigrationSettings, SettingsError, read_migration_settings

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

RETRY_SECONDS = 1.0
# How long a statement may wait for a table that requests are using. Everything behind it queues up, so not for long.
TABLE_LOCK_SECONDS = 10
# Any number that no other program uses in this database.
ADVISORY_LOCK = 4_831_190_552
LOGIN_REFUSED = "28"  # the SQLSTATE class of a wrong user or password, which waiting does not repair


class MigrationError(Exception):
    """The schema could not be brought up to date."""


def main() -> int:
    """Migrate; return the exit code."""
    configure_logs("info")
    try:
        settings = read_migration_settings(os.environ)
    except SettingsError as error:
        logger.critical("%s", error)
        return 2
    configure_logs(settings.log_level)
    try:
        asyncio.run(migrate(settings))
    except MigrationError as error:
        logger.critical("%s", error)
        return 1
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        logger.critical("The connection to PostgreSQL failed before anything was changed: %s", _plain(error))
        return 1
    return 0


async def migrate(settings: MigrationSettings) -> None:
    """Wait for the database, then for other migrations, then upgrade in one transaction per step.

    Raises MigrationError when the database or another migration takes longer than `settings.wait` seconds, or a step fails.
    """
    engine = engine_for(settings.database, pool_size=1, statement_seconds=None)
    try:
        async with contextlib.aclosing(await _connect(engine, settings)) as connection:
            await _take_turn(connection, settings)
            await _upgrade(connection)
    finally:
        await engine.dispose()


async def _connect(engine: AsyncEngine, settings: MigrationSettings) -> AsyncConnection:
    where = f"{settings.database.host}:{settings.database.port}"
    deadline = asyncio.get_running_loop().time() + settings.wait
    while True:
        try:
            return await engine.connect()
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            reason = _plain(error)
            if sqlstate_of(error).startswith(LOGIN_REFUSED):
                raise MigrationError(f"PostgreSQL at {where} refused the login: {reason}") from error
            if not is_unavailable(error) or asyncio.get_running_loop().time() >= deadline:
                raise MigrationError(f"PostgreSQL at {where} did not answer within {settings.wait} s: {reason}") from error
            logger.info("Waiting for PostgreSQL at %s: %s", where, reason)
            await asyncio.sleep(RETRY_SECONDS)


async def _take_turn(connection: AsyncConnection, settings: MigrationSettings) -> None:
    """Take the lock that only one migration can hold; PostgreSQL gives it back when the connection ends, however it ends."""
    deadline = asyncio.get_running_loop().time() + settings.wait
    while not await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": ADVISORY_LOCK}):
        await connection.commit()
        if asyncio.get_running_loop().time() >= deadline:
            raise MigrationError(f"Another migration is still running after {settings.wait} s; look at its log")
        logger.info("Waiting for another migration to finish")
        await asyncio.sleep(RETRY_SECONDS)
    await connection.execute(text(f"SET lock_timeout = '{TABLE_LOCK_SECONDS}s'"))
    await connection.commit()


async def _upgrade(connection: AsyncConnection) -> None:
    known = known_revisions()
    before = await _current(connection)
    if before == known[-1]:
        logger.info("The schema is at %s already: nothing to do", before)
        return
    if before is not None and before not in known:
        logger.warning("The schema is at %s, which a newer release made: left as it is", before)
        return
    try:
        await connection.run_sync(_run_alembic)
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        reached = await _current_after_failure(connection)
        raise MigrationError(f"A step after {reached or 'the empty database'} failed and was undone: {_plain(error)}") from error
    logger.info("The schema went from %s to %s", before or "nothing", known[-1])


def _run_alembic(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


async def _current(connection: AsyncConnection) -> str | None:
    try:
        revision: str | None = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    except DBAPIError as error:
        if sqlstate_of(error) != UNDEFINED_TABLE:
            raise
        revision = None
    await connection.rollback()
    return revision


async def _current_after_failure(connection: AsyncConnection) -> str | None:
    try:
        await connection.rollback()
        return await _current(connection)
    except (SQLAlchemyError, OSError, TimeoutError):
        return None


def _plain(error: BaseException) -> str:
    """Return what the server said, without the driver's class names and the statement, or the error's own words."""
    said = getattr(error, "orig", None) or error
    return str(said.__cause__ or said).strip() or type(said).__name__


if __name__ == "__main__":
    sys.exit(main())
