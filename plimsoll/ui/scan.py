"""Scan verdicts on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

    from plimsoll.domain.images import ScanSummary
    from plimsoll.domain.scan import ScanResult

STYLES = {"clean": "green", "findings": "bold red", "expired-waiver": "bold red", "not-run": "yellow", "excepted": "bold red"}
SHOWN = 10


def verdict(summary: ScanSummary | None) -> Text:
    """Return the verdict as one coloured phrase."""
    if summary is None:
        return Text("not scanned", style="yellow")
    text = summary.verdict
    if summary.excepted_until:
        text = f"not scanned, excepted until {summary.excepted_until}"
    return Text(text, style=STYLES.get(summary.verdict, ""))


def draw(result: ScanResult, console: Console) -> None:
    """Print a line per image and the findings that matter."""
    table = Table(box=None, pad_edge=False)
    for name in ("image", "verdict", "findings", "without a fix", "waived", "database"):
        table.add_column(name)
    for each in result.judgements:
        summary = each.summary
        counts = "  ".join(f"{count} {severity.lower()}" for severity, count in reversed(list(summary.counts.items()))) or "none"
        known = counts if summary.verdict not in {"not-run", "excepted"} else (summary.reason or "")
        date = summary.database_date or "none"
        table.add_row(each.service, verdict(summary), known, str(summary.unfixed), str(len(each.waived)), date)
    console.print(table)
    for each in result.judgements:
        for finding in each.blocking[:SHOWN]:
            what = f"{finding.severity} {finding.id} in {finding.package} {finding.installed}"
            line = f"  {each.service}: {what}, fixed in {finding.fixed or 'nothing yet'}"
            console.print(Text(line, style="red"))
        if len(each.blocking) > SHOWN:
            console.print(Text(f"  {each.service}: and {len(each.blocking) - SHOWN} more (--json shows all)", style="dim"))
