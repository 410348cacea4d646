"""Migrations that cannot be gone back over: code from before them does not run on the database after them.

`plimsoll.dev/migration: incompatible` on the migration's Job says so, in the commit that changes the schema. The release's record
keeps it, and no rollback crosses it: that would put old code before a database which it does not understand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.domain.manifests import ref
from plimsoll.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from plimsoll.domain.ledger import History
    from plimsoll.domain.release import Release

ANNOTATION = "plimsoll.dev/migration"
INCOMPATIBLE, COMPATIBLE = "incompatible", "compatible"


class MigrationCrossed(Misconfigured):
    """A rollback would cross an incompatible migration; nothing was changed."""

    default_code = "migration-crossed"


def one_way(objects: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether the migration of a release is marked incompatible; raise Misconfigured for a mark that says neither."""
    found = False
    for each in objects:
        mark = (each["metadata"].get("annotations") or {}).get(ANNOTATION)
        if mark is None:
            continue
        if each["kind"] != "Job" or mark not in {INCOMPATIBLE, COMPATIBLE}:
            short = ref(each).short
            raise Misconfigured(
                f"{short} has the annotation {ANNOTATION}: {mark}, which says nothing about a migration",
                where=f"the overlay, {short}",
                now=f"write {INCOMPATIBLE} or {COMPATIBLE}, and on the migration's Job only",
                code="invalid",
            )
        found = found or mark == INCOMPATIBLE
    return found


def crossing(history: History, schema: str | None, namespace_uid: str | None) -> Release | None:
    """Return the first release whose incompatible migration lies between `schema` and the database of this very namespace."""
    first: dict[str, int] = {}
    for release in history.releases:
        if release.schema and release.migrated and release.migrated == namespace_uid:
            first.setdefault(release.schema, release.number)
    if schema is None or schema not in first:
        return None
    later = (each for each in history.releases if each.one_way and each.migrated == namespace_uid)
    return next((each for each in later if first.get(each.schema or "", 0) > first[schema]), None)


def in_doubt(history: History, schema: str | None) -> tuple[Release, ...]:
    """Return releases that began an incompatible migration to another schema, and did not live to say whether it was reached."""
    unsure = (each for each in history.releases if each.one_way and not each.migrated and not each.untouched)
    return tuple(each for each in unsure if each.schema != schema)


def refusal(crossed: Release, target: Release, *, sure: bool) -> MigrationCrossed:
    """Return the error that says why `target` is not brought back, and how to go on. `sure`: the migration has ended well."""
    done = "has changed" if sure else "may have changed"
    unless = "" if sure else ". If it certainly changed nothing, delete its Job and roll back again"
    return MigrationCrossed(
        f"{target.name} is not brought back: the migration of {crossed.name} is marked incompatible and {done} the database, "
        f"on which {target.name} does not run",
        where=f"the database of {target.environment}",
        now=(
            f"go forward: correct the source and deploy. To go back, restore the database from a backup made before "
            f"{crossed.started_at}, then `inv deploy --env {target.environment} --version {target.name}`{unless}"
        ),
    )
