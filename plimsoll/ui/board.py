"""The live table of a wait: one row per workload with what is missing, since when, or how long it took."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plimsoll.domain.rollout_board import Standing

# Rows that fit beside the steps on a terminal of 24 lines; the others are counted.
ROWS = 15


def board(rows: Sequence[Standing], told_at: float) -> Table:
    """Return the table as it stands now; `told_at` is the time (`time.monotonic`) of what `rows` say."""
    passed = time.monotonic() - told_at
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="ellipsis", no_wrap=True, ratio=1)
    table.add_column(justify="right", no_wrap=True)
    # Who is still missing comes first, the longest of them on top: a large release shows where it hangs.
    waiting = sorted((row for row in rows if not row.done), key=lambda row: -row.seconds)
    shown = [*waiting, *(row for row in rows if row.done)][:ROWS]
    for row in sorted(shown, key=lambda row: row.name) if len(shown) == len(rows) else shown:
        mark, style = ("✔", "green") if row.done else ("·", "yellow")
        seconds = f"{row.seconds:.1f} s" if row.done else f"{row.seconds + passed:.0f} s"
        table.add_row(
            Text.assemble("  ", (mark, style), f" {row.name}"),
            Text(row.missing or "ready", style=style),
            Text(seconds, style="dim"),
        )
    if len(shown) < len(rows):
        done = len(rows) - len(waiting)
        table.add_row("", Text(f"and {len(rows) - len(shown)} more; {done} of {len(rows)} are ready", style="dim"), "")
    return table
