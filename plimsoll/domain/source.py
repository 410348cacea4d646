"""What version control says: commits, and which files each of them touched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Commit:
    """A commit: its full revision, and the time at which it was committed (aware, UTC)."""

    revision: str
    time: datetime


@dataclass(frozen=True, kw_only=True)
class Change:
    """A commit, and those of the asked-for files that it touched; a merge touches what it changes against its first parent."""

    commit: Commit
    paths: tuple[str, ...]
