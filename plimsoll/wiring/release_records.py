"""Composition of what `inv release.*` tells of recorded releases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from plimsoll import wiring
from plimsoll.wiring import releases
from plimsoll.workflows.release_records import Records

if TYPE_CHECKING:
    from plimsoll.domain.release_diff import ReleaseDiff
    from plimsoll.domain.release_report import Exported, ReleaseReport
    from plimsoll.ports import Reporter


def _records(reporter: Reporter) -> Records:
    return Records(wiring.project().environments, lambda environment: releases.site(environment, reporter))


def show(name: str, reporter: Reporter) -> ReleaseReport:
    """Return everything that is recorded of the release called `name`."""
    return _records(reporter).show(name)


def diff(before: str, after: str, reporter: Reporter) -> ReleaseDiff:
    """Return how the release called `after` differs from the one called `before`."""
    return _records(reporter).diff(before, after)


def export(name: str, out: str | None, reporter: Reporter) -> Exported:
    """Write the release called `name` to `out` (default: PROJECT-RELEASE.tar.gz in the present folder)."""
    from plimsoll.adapters.output_file import write_new

    file = Path(out or f"{wiring.project().name}-{name}.tar.gz")
    return _records(reporter).export(name, str(file), lambda content: write_new(file, content))
