"""What a record may still become. A ledger is only appended to: what was begun is filled in, what is closed only moves its state.

begun (pending, applied)      its state along NEXT, and the fields of `FILLED`: what its deploy finds out on the way
closed (all other states)     its state along NEXT (verified -> superseded, rolled-back), and nothing else
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.domain.release import NEXT, UNFINISHED

if TYPE_CHECKING:
    from plimsoll.domain.release import Release

# What a deploy learns after it wrote its record. Who, what, when and from which source stand from the beginning.
FILLED = frozenset(
    {"state", "cause", "finished_at", "once_verified", "proven", "smoke", "secrets", "timings", "migrated", "untouched"}
)
CLOSED = frozenset({"state"})


def rewrite_problem(stored: Release, wanted: Release) -> str:
    """Return why a stored record may not be replaced by `wanted`, empty when it may."""
    before, after = stored.to_record(), wanted.to_record()
    changed = {field for field in before.keys() | after.keys() if before.get(field) != after.get(field)}
    if "state" in changed and wanted.state not in NEXT[stored.state]:
        return f"it is {stored.state}, which does not become {wanted.state}"
    fixed = changed - (FILLED if stored.state in UNFINISHED else CLOSED)
    if fixed:
        return f"it is {stored.state}, and its {', '.join(sorted(fixed))} cannot change any more"
    return ""
