"""A failed rollout on one screen: what its headline (the error's first line) leaves open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from plimsoll.domain.failure import Failure
from plimsoll.ui.github import log_of
from plimsoll.ui.wrap import fitted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

# A report fits a terminal of so many rows; the headline, where and what now take some of them.
ROWS = 40
HEAD = 8
# Causes of other workloads that are shown; a cluster in trouble would fill the screen with them.
OTHERS = 4
# Rows that the newest event, and the last line of a log, may take: the reason often stands at their end.
LONGEST = 3


def failure_in(report: object) -> Failure | None:
    """Return the failure that an error's report is, or carries."""
    found = getattr(report, "failure", report)
    return found if isinstance(found, Failure) else None


def draw(failure: Failure, console: Console) -> None:
    """Print other causes, events, logs and commands, in that order; in GitHub's log as a group.

    On a terminal it fits a screen, by cutting long lines and showing the ends of logs; elsewhere everything is whole.
    """
    before = [*_others(failure, console), *_events(failure, console)]
    after = _commands(failure)
    room = ROWS - HEAD - len(before) - sum(1 + line.cell_len // max(console.width, 1) for line in after)
    lines = [*before, *_logs(failure, console, room), *after]
    log = log_of(console) if lines else None
    if log is not None:
        log.command("group", f"{failure.cause.workload} in {failure.environment}: events, last lines, commands")
    for line in lines:
        console.print(line, soft_wrap=True)
    if log is not None:
        log.command("endgroup")


def _others(failure: Failure, console: Console) -> Iterator[Text]:
    shown = OTHERS if console.is_terminal else len(failure.others)
    for cause in failure.others[:shown]:
        yield from fitted(console, Text("  also:  ", style="cyan"), Text(f"{cause.workload}: {cause.headline}"), rows=1)
    if len(failure.others) > shown:
        yield Text(f"  also:  {len(failure.others) - shown} more workloads", style="cyan")


def _events(failure: Failure, console: Console) -> Iterator[Text]:
    if failure.events:
        yield Text("  events", style="cyan")
    for event in failure.events:
        body = Text.assemble(f"{event.object} ", (event.reason, "yellow"), f": {event.told}")
        rows = LONGEST if event is failure.events[-1] else 1
        yield from fitted(console, Text(f"    {event.last_seen[11:19]} ", style="dim"), body, rows=rows)


def _logs(failure: Failure, console: Console, room: int) -> Iterator[Text]:
    share = max(room // max(len(failure.excerpts), 1) - 1, 1)
    for each in failure.excerpts:
        yield from fitted(console, Text("  "), Text(each.title, style="cyan"), rows=1)
        bar = Text("    | ", style="dim")
        rows = fitted(console, bar, Text(each.lines[-1]), rows=min(LONGEST, share), mark="    |")
        for line in reversed(each.lines[:-1]):
            if console.is_terminal and len(rows) >= share:
                break
            rows = [*fitted(console, bar, Text(line), rows=1), *rows]
        yield from rows
    if failure.excerpts and failure.failed_pods > len({pod for each in failure.excerpts for pod in each.pods}):
        yield Text(f"  {failure.failed_pods} pods are not ready in all", style="cyan")


def _commands(failure: Failure) -> list[Text]:
    """Return the commands, never cut or wrapped by us: they are copied."""
    title = [Text("  look further", style="cyan")] if failure.commands else []
    return [*title, *(Text(f"    {command}") for command in failure.commands)]
