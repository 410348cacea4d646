"""How Alembic reaches the database: over the connection that checkin.migrate holds, or, from its own command line, a new one."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from alembic import context

from checkin.database import engine_for
from checkin.settings import read_migration_settings
from checkin.tables import Base

if TYPE_CHECKING:
    from sqlalchemy import Connection


def run_on(connection: Connection) -> None:
    """Run the steps that Alembic was asked for, each in a transaction of its own."""
    context.configure(connection=connection, target_metadata=Base.metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


async def run_on_new_connection() -> None:
    """Connect with the DATABASE_* variables and run the steps."""
    engine = engine_for(read_migration_settings(os.environ).database, pool_size=1, statement_seconds=None)
    async with engine.connect() as connection:
        await connection.run_sync(run_on)
    await engine.dispose()


if context.is_offline_mode():  # `alembic upgrade head --sql` prints the statements and needs no database
    context.configure(dialect_name="postgresql", target_metadata=Base.metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
elif (given := context.config.attributes.get("connection")) is not None:
    run_on(given)
else:
    asyncio.run(run_on_new_connection())
