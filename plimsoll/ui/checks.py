"""The outcome of checks and suites."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

    from plimsoll.domain.checks import ChecksResult


def draw(result: ChecksResult, console: Console) -> None:
    """Print what failed with its output, then one line per check."""
    for each in result.failed:
        console.print(Text.assemble(("✘ ", "bold red"), (each.name, "bold"), f"  {each.command}  (exit code {each.code})"))
        console.print(Text(each.output.rstrip()))
    table = Table.grid(padding=(0, 2))
    for each in result.results:
        mark = Text("✔", style="green") if each.passed else Text("✘", style="red")
        table.add_row(mark, each.name, Text(f"{each.seconds:.1f} s", style="dim"))
    console.print(table)
