"""A failed rollout on one screen: what its headline (the error's first line) leaves open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from plimsoll.domain.failure import Failure
from plimsoll.ui.github import log_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from plimsoll.domain.failure import Event

# The whole report, its headline, where and now included, fits 40 lines: so many are left for what containers printed.
LOG_LINES = 20


def failure_in(report: object) -> Failure | None:
    """Return the failure that an error's report is, or carries."""
    found = getattr(report, "failure", report)
    return found if isinstance(found, Failure) else None


def draw(failure: Failure, console: Console) -> None:
    """Print events, logs and commands, in GitHub's log as a group. A terminal cuts long lines; elsewhere they are whole."""
    lines = list(_lines(failure))
    log = log_of(console) if lines else None
    if log is not None:
        log.command("group", f"{failure.cause.workload} in {failure.environment}: events, last lines, commands")
    for line in lines:
        if console.is_terminal:
            line.truncate(console.width, overflow="ellipsis")
        console.print(line, soft_wrap=True)
    if log is not None:
        log.command("endgroup")


def often(event: Event) -> str:
    """Return how often an event was reported, empty for once: ` (12 times, 4 objects)`."""
    objects = f", {event.objects} objects" if event.objects > 1 else ""
    return f" ({event.count} times{objects})" if event.count > 1 else ""


def _lines(failure: Failure) -> Iterator[Text]:
    for cause in failure.others:
        yield Text.assemble(("  also:  ", "cyan"), f"{cause.workload}: {cause.headline}")
    if failure.events:
        yield Text("  events", style="cyan")
        for event in failure.events:
            clock = event.last_seen[11:19]
            yield Text.assemble(
                "    ", (clock, "dim"), f" {event.object} ", (event.reason, "yellow"), f": {event.message}{often(event)}"
            )
    share = LOG_LINES // max(len(failure.excerpts), 1) - 1
    for each in failure.excerpts:
        yield Text(f"  {each.title}", style="cyan")
        for line in each.lines[-share:]:
            yield Text.assemble(("    | ", "dim"), line)
    if failure.excerpts and failure.failed_pods > len({pod for each in failure.excerpts for pod in each.pods}):
        yield Text(f"  {failure.failed_pods} pods are not ready in all", style="cyan")
    if failure.commands:
        yield Text("  look further", style="cyan")
        for command in failure.commands:
            yield Text(f"    {command}")
