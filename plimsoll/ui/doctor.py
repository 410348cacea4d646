"""The doctor's report: one line per thing, and the command that repairs what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from plimsoll.domain.tools import State

if TYPE_CHECKING:
    from rich.console import Console

    from plimsoll.domain.tools_verdict import Check, Diagnosis


def draw(diagnosis: Diagnosis, console: Console) -> None:
    """Print a table of what was wanted and found, then the repairs, most urgent first."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("", "what", "wanted", "found", "state", "from"):
        table.add_column(heading, overflow="fold")
    for check in diagnosis.checks:
        mark, style = _look(check)
        source = Text(check.source, style="dim")
        table.add_row(
            Text(mark, style=style), check.name, check.wanted, check.found or "-", Text(check.state, style=style), source
        )
    console.print(table)
    for check in sorted((each for each in diagnosis.checks if each.note or each.repair), key=lambda each: each.good):
        mark, style = _look(check)
        console.print(Text.assemble((f"{mark} {check.name}", style), f": {check.note}" if check.note else ""))
        if check.repair:
            console.print(Text.assemble("    ", (check.repair, "bold cyan")))
    if diagnosis.ok:
        console.print(Text("everything needed is there", style="green"))


def _look(check: Check) -> tuple[str, str]:
    if check.state is State.OK:
        return "✔", "green"
    if not check.good:
        return "✘", "bold red"
    return ("·", "dim") if check.state is State.OPTIONAL else ("!", "yellow")
