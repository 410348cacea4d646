"""Locks and holds as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from plimsoll.domain.hold import stamp

if TYPE_CHECKING:
    from rich.console import Console

    from plimsoll.domain.hold import LockReport

# As many as a screen shows; `--json` prints all.
EVENTS = 10


def draw_lock(report: LockReport, console: Console) -> None:
    """Print whether releases may come, who works or holds, and the last events, newest first."""
    hold = report.hold
    if report.book.damaged:
        line = Text(f"✘ the hold of {report.environment} cannot be read: nobody may release", style="red")
    elif hold is not None:
        line = Text.assemble(("■ ", "yellow"), (f"{report.environment} is held", "bold"), f" by {hold.actor}: {hold.reason}")
    else:
        line = Text.assemble(("✔ ", "green"), f"{report.environment} is not held")
    console.print(line, soft_wrap=True)
    rows = [("since", stamp(hold.since)), ("until", f"{stamp(hold.until)} ({_left(report)})")] if hold else []
    if report.under_way:
        rows.append(("at work", report.under_way))
    for label, text in rows:
        console.print(Text.assemble((f"  {label:<8}", "cyan"), text), soft_wrap=True)
    for event in reversed(report.book.events[-EVENTS:]):
        until = f" until {stamp(event.until)}" if event.until else ""
        console.print(
            Text.assemble((f"  {stamp(event.at)} ", "dim"), f"{event.what} by {event.actor}{until}: {event.reason}"),
            soft_wrap=True,
        )


def _left(report: LockReport) -> str:
    left = int((report.hold.until - report.now).total_seconds()) if report.hold else 0
    hours, minutes = left // 3600, left % 3600 // 60
    return f"{hours} h {minutes} min left" if hours else f"{minutes} min left" if minutes else f"{left} s left"
