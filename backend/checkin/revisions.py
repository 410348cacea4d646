"""Which schema this release was written for: the migrations in its own folder, read without importing Alembic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


def known_revisions() -> Sequence[str]:
    """Return the revisions of this release, oldest first; they are the numbers that the migration files begin with.

    Raises FileNotFoundError when there are none: the release was not copied as a whole.
    """
    revisions = sorted(path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))
    if not revisions:
        raise FileNotFoundError(f"No migrations in {MIGRATIONS}: that folder belongs to the application")
    return revisions


def schema_problem(current: str | None, known: Sequence[str]) -> str | None:
    """Return why this release cannot work with a database at revision `current`, or None when it can.

    A revision that this release does not know belongs to a newer one. That is no problem: migrations only add what the
    release before can ignore, so that it goes on serving during a rollout and after a rollback.
    """
    if current is None:
        return "the schema is missing: run `python -m checkin.migrate`"
    if current in known and current != known[-1]:
        return f"the schema is at {current}, this release needs {known[-1]}: run `python -m checkin.migrate`"
    return None
