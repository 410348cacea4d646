"""`python -m checkin.seed` fills an empty application with a few sessions and people to try it with. Safe to repeat.

Only ever run by hand. Exit codes: 0 done, 1 the database does not answer, 2 wrong settings.
"""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from datetime import UTC, datetime, timedelta

from sqlalchemy.dialects.postgresql import insert

from checkin.cache import PageCache
from checkin.database import Database
from checkin.logs import configure_logs, logger
from checkin.metrics import Metrics
from checkin.problems import Unavailable
from checkin.revisions import known_revisions
from checkin.settings import Settings, SettingsError, read_settings
from checkin.tables import Participant, Session

# Ids are made from names under this one, so that repeating the command finds its own rows.
_NAMESPACE = uuid.UUID("6f0c1a6e-0c59-4f0e-9d0b-3a8f4c2f5b1d")
# Title, start relative to now, capacity: one that is over, one that has just begun, one to come.
_SESSIONS = (
    ("Harbour tour", timedelta(days=-1), 12),
    ("Knots for beginners", timedelta(minutes=-5), 20),
    ("Reading the load line", timedelta(hours=2), 3),
)
_PEOPLE = ("Samuel Reed", "Ines Carvalho", "Tomasz Zielinski", "Aoife Byrne", "Kenji Mori", "Amina Diallo")


def main() -> int:
    """Fill; return the exit code."""
    configure_logs("info")
    try:
        asyncio.run(seed(read_settings(os.environ)))
    except SettingsError as error:
        logger.critical("%s", error)
        return 2
    except Unavailable as error:
        logger.critical("%s", error)
        return 1
    return 0


async def seed(settings: Settings) -> None:
    """Add the rows that are not there yet. Raises Unavailable when the database does not answer."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    sessions = [
        {"id": uuid.uuid5(_NAMESPACE, title), "title": title, "starts_at": now + start, "capacity": capacity}
        for title, start, capacity in _SESSIONS
    ]
    people = [
        {"id": uuid.uuid5(_NAMESPACE, name), "name": name, "email": f"{name.lower().replace(' ', '.')}@example.org"}
        for name in _PEOPLE
    ]
    database = Database(settings.database, known_revisions())
    cache = PageCache(settings.redis, Metrics(release="seed", revision="seed"), release=settings.release)
    try:
        async with database.transaction() as db:
            new_sessions = await db.scalars(insert(Session).on_conflict_do_nothing().returning(Session.id), sessions)
            new_people = await db.scalars(insert(Participant).on_conflict_do_nothing().returning(Participant.id), people)
            counts = len(new_sessions.all()), len(new_people.all())
        await cache.forget_pages()
    finally:
        await database.close()
        await cache.close()
    logger.info("Added %d sessions and %d participants", *counts)


if __name__ == "__main__":
    sys.exit(main())
