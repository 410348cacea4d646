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
# So few rows may take several lines each, to tell all that is missing.
FEW = 7
# Columns of a name (longer ones are cut) and of the seconds.
NAME, SECONDS = 48, 7


def board(rows: Sequence[Standing], told_at: float | None) -> Table:
    """Return the table as it stands now; `told_at` is the time (`time.monotonic`) of what `rows` say, None for now."""
    passed = 0.0 if told_at is None else time.monotonic() - told_at
    # Who is still missing comes first, the longest of them on top: a large release shows where it hangs.
    waiting = sorted((row for row in rows if not row.done), key=lambda row: -row.seconds)
    shown = [*waiting, *(row for row in rows if row.done)][:ROWS]
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(no_wrap=True, min_width=min(max((len(row.name) for row in shown), default=0) + 4, NAME))
    table.add_column(no_wrap=len(shown) > FEW, ratio=1)
    table.add_column(no_wrap=True, min_width=SECONDS, justify="right")
    for row in sorted(shown, key=lambda row: row.name) if len(shown) == len(rows) else shown:
        mark, style = ("✔", "green") if row.done else ("·", "yellow")
        seconds = f"{row.seconds:.1f} s" if row.done else f"{row.seconds + passed:.0f} s"
        name = Text.assemble("  ", (mark, style), f" {row.name}")
        table.add_row(name, Text(row.missing or "ready", style=style, overflow="ellipsis"), Text(seconds, style="dim"))
    if len(shown) < len(rows):
        done = len(rows) - len(waiting)
        table.add_row("", Text(f"and {len(rows) - len(shown)} more; {done} of {len(rows)} are ready", style="dim"), "")
    return table
