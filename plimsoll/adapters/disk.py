"""A full disk, told as what it is."""

from __future__ import annotations

import errno
import shutil
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from plimsoll.errors import EnvironmentLacks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def free_megabytes(path: Path) -> int:
    """Return the megabytes that are left where `path` lies, or would lie."""
    there = next(each for each in (path, *path.parents) if each.exists())
    return shutil.disk_usage(there).free // 1_000_000


def full(path: Path) -> EnvironmentLacks:
    """Return the error for a disk without room, naming where it is."""
    return EnvironmentLacks(
        f"the disk became full at {path} ({free_megabytes(path)} MB are free there now)",
        where=str(path),
        now="free some space (`docker system prune` removes what the engine no longer needs), then run it again",
        code="disk-full",
    )


def forget_unused(home: Path, *, days: int) -> None:
    """Remove what lies in `home` and was not touched for `days`: leftovers of killed processes, and what nobody uses any more."""
    oldest = time.time() - days * 86400
    for path in home.iterdir():
        if path.stat().st_mtime < oldest:
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def room(path: Path) -> Iterator[None]:
    """Raise EnvironmentLacks naming `path` when the disk fills up inside the block."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise full(path) from error
        raise
