"""A failed rollout on one screen: what its headline (the error's first line) leaves open, and GitHub's annotation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from plimsoll.domain.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

# The whole report, its headline, where and now included, fits 40 lines: so many are left for what containers printed.
LOG_LINES = 20


def failure_in(report: object) -> Failure | None:
    """Return the failure that an error's report is, or carries."""
    found = getattr(report, "failure", report)
    return found if isinstance(found, Failure) else None


def draw(failure: Failure, console: Console) -> None:
    """Print events, logs and commands; on a terminal long lines are cut at its width, elsewhere they are whole."""
    for line in _lines(failure):
        if console.is_terminal:
            line.truncate(console.width, overflow="ellipsis")
        console.print(line, soft_wrap=True)


def annotation(failure: Failure) -> str:
    """Return GitHub's workflow command for the failure: its headline and the last line that its containers printed."""
    cause = failure.cause
    last = next((each.lines[-1] for each in failure.excerpts), "")
    text = cause.headline + (f"\n{last}" if last else "")
    return f"::error title={_property(f'{cause.workload} in {failure.environment}')}::{_escaped(text)}"


def _lines(failure: Failure) -> Iterator[Text]:
    for cause in failure.others:
        yield Text.assemble(("  also:  ", "cyan"), f"{cause.workload}: {cause.headline}")
    if failure.events:
        yield Text("  events", style="cyan")
        for event in failure.events:
            times = f" ({event.count} times)" if event.count > 1 else ""
            clock = event.last_seen[11:19]
            yield Text.assemble(
                "    ", (clock, "dim"), f" {event.object} ", (event.reason, "yellow"), f": {event.message}{times}"
            )
    share = LOG_LINES // max(len(failure.excerpts), 1) - 1
    for each in failure.excerpts:
        pods = ", ".join(each.pods)
        when = ", before its last restart" if each.previous else ""
        yield Text(f"  last lines of container {each.container} in {pods}{when}", style="cyan")
        for line in each.lines[-share:]:
            yield Text.assemble(("    | ", "dim"), line)
    if failure.commands:
        yield Text("  look further", style="cyan")
        for command in failure.commands:
            yield Text(f"    {command}")


def _escaped(text: str) -> str:
    """Return text as GitHub's log commands want it."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
