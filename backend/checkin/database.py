"""PostgreSQL: connections with short timeouts. Nothing connects before the first request, so the server starts without it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import QueuePool

from checkin.logs import logger
from checkin.problems import Unavailable
from checkin.revisions import schema_problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from checkin.settings import DatabaseSettings

CONNECT_SECONDS = 2.0
STATEMENT_SECONDS = 5.0
PROBE_SECONDS = 1.0  # the readiness probe itself waits for 2

UNDEFINED_TABLE = "42P01"
# SQLSTATE classes that say "not now" rather than "wrong statement": connection lost, out of resources, intervention by the
# operator (a restart, a statement that took too long), login refused, no such database, deadlock, lock not to be had.
_NOT_NOW = ("08", "53", "57", "28", "3D", "40", "55")


def engine_for(settings: DatabaseSettings, *, pool_size: int, statement_seconds: float | None) -> AsyncEngine:
    """Return an engine that has not connected yet. Without `statement_seconds` a statement may take as long as it likes."""
    server_settings = {
        "application_name": "check-in",
        "jit": "off",  # costs more than it gains on short queries
        "idle_in_transaction_session_timeout": "10000",
    }
    if statement_seconds is not None:
        server_settings["statement_timeout"] = str(int(statement_seconds * 1000))
    return create_async_engine(
        URL.create("postgresql+asyncpg", settings.user, settings.password, settings.host, settings.port, settings.name),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=CONNECT_SECONDS,
        pool_pre_ping=True,  # a connection that died while idle is replaced, not handed to a request
        connect_args={
            # Said in either case: left to itself, the driver looks for keys in a home folder that containers do not have.
            "ssl": ssl.create_default_context() if settings.tls else False,
            "timeout": CONNECT_SECONDS,
            # A little later than the server's own limit: its message is the better one.
            "command_timeout": None if statement_seconds is None else statement_seconds + 1,
            "server_settings": server_settings,
        },
    )


def sqlstate_of(error: BaseException) -> str:
    """Return the five characters that PostgreSQL gives an error, or an empty string where it gave none."""
    return str(getattr(getattr(error, "orig", error), "sqlstate", None) or "")


def is_unavailable(error: BaseException) -> bool:
    """Tell whether the error means that the database cannot serve now, as opposed to a fault of ours."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    if isinstance(error, (OSError, TimeoutError, PoolTimeoutError)):
        return True
    state = sqlstate_of(error)
    return state.startswith(_NOT_NOW) or state == UNDEFINED_TABLE


class Database:
    """The pool that requests share, and one connection more for the readiness probe.

    The probe has its own, so that a busy pool is not taken for a database that is down.
    """

    def __init__(self, settings: DatabaseSettings, revisions: Sequence[str]) -> None:
        self._revisions = revisions
        self._engine = engine_for(settings, pool_size=settings.pool_size, statement_seconds=STATEMENT_SECONDS)
        self._probe_engine = engine_for(settings, pool_size=1, statement_seconds=PROBE_SECONDS)

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """Give a session whose work is committed at the end, or rolled back when an exception passes.

        Raises Unavailable when the database does not answer; the cause goes to the log, not to the caller.
        """
        try:
            async with AsyncSession(self._engine, expire_on_commit=False) as session, session.begin():
                yield session
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            if not is_unavailable(error):
                raise
            logger.warning("The database does not answer: %s", error)
            raise Unavailable("The database does not answer. Try again in a moment.") from error

    async def probe(self) -> None:
        """Return when the database answers and has the schema that this release needs; raise an exception that says why not."""
        async with asyncio.timeout(PROBE_SECONDS), self._probe_engine.connect() as connection:
            try:
                revision = await connection.scalar(text("SELECT version_num FROM alembic_version"))
            except DBAPIError as error:
                if sqlstate_of(error) != UNDEFINED_TABLE:
                    raise
                revision = None
        problem = schema_problem(revision, self._revisions)
        if problem is not None:
            raise SchemaError(problem)

    def connections_in_use(self) -> int:
        """Return how many connections of the pool serve a request right now."""
        pool = self._engine.pool
        return pool.checkedout() if isinstance(pool, QueuePool) else 0

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()
        await self._probe_engine.dispose()


class SchemaError(Exception):
    """The database answers, but its schema is not the one that this release needs."""
