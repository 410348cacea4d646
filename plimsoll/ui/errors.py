"""Errors as people, programs and GitHub read them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from rich.text import Text

from plimsoll.domain.checks import ChecksResult
from plimsoll.ui.failure import draw, failure_in
from plimsoll.ui.findings import findings
from plimsoll.ui.github import log_of, places
from plimsoll.ui.output import console
from plimsoll.ui.step_summary import append, of_error
from plimsoll.ui.wrap import fitted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plimsoll.errors import PlimsollError

# GitHub shows ten errors of a step; the last one is the error itself.
FINDINGS = 9


def error_object(error: PlimsollError, task: str) -> dict[str, Any]:
    """Return what a task asked for JSON prints instead of its result.

    A report that knows how to be JSON (`to_json`) adds its own fields, so that a failed deploy is told whole.
    """
    partial = getattr(error.report, "to_json", None)
    fields: dict[str, Any] = partial() if partial else {}
    return {
        "schema": f"plimsoll.{task}/1",
        **fields,
        "error": {"code": error.code, "what": error.what, "where": error.where, "now": error.now},
    }


def draw_error(error: PlimsollError) -> None:
    """Print what, where and what now to stderr, and the anatomy of a failed rollout.

    On GitHub also annotations, at the files that the error names, and a part of the step's summary.
    """
    screen = console(stderr=True)
    first, *rest = error.what.splitlines() or [""]
    said = [(Text("✘ ", style="bold red"), Text(first, style="bold"))]
    said += [(Text(line[: len(line) - len(line.lstrip())]), Text(line.lstrip())) for line in rest]
    said += [
        (Text(f"  {label + ':':<7}", style="cyan"), Text(text))
        for label, text in (("where", error.where), ("now", error.now))
        if text
    ]
    for prefix, body in said:
        for row in fitted(screen, prefix, body):
            screen.print(row, soft_wrap=True)
    failure = failure_in(error.report)
    if failure is not None:
        draw(failure, screen)
    log = log_of(screen)
    if log is not None:
        for message, properties in annotated(error):
            log.command("error", message, **properties)
        append(of_error(error), log)


def annotated(error: PlimsollError) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield GitHub's annotations: (message, title with file and line), one for each place that the error names."""
    failure = failure_in(error.report)
    if failure is not None:
        last = next((each.lines[-1] for each in failure.excerpts), "")
        text = "\n".join(filter(None, (failure.cause.headline, last, error.now)))
        yield text, {"title": f"{failure.cause.workload} in {failure.environment}"}
        return
    if isinstance(error.report, ChecksResult):
        yield from _placed(error.report)
    found, whats = places(error.where), error.what.splitlines()
    # Errors of several files are told line by line, in the order of their places.
    for number, place in enumerate(found or [{}]):
        what = whats[number] if len(found) == len(whats) else error.what
        yield "\n".join(filter(None, (what, error.now))), {"title": error.code, **place}


def _placed(result: ChecksResult) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the findings that lie in files of the work tree, no more than GitHub shows."""
    found = ((message, place) for file, line, message in findings(result) for place in places(f"{file}:{line}"))
    for message, place in islice(found, FINDINGS):
        yield message, {"title": result.verb, **place}
