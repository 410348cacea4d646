"""Errors as people and programs read them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from rich.text import Text

from plimsoll.ui.failure import annotation, draw, failure_in
from plimsoll.ui.output import console

if TYPE_CHECKING:
    from plimsoll.errors import PlimsollError


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
    """Print what, where and what now to stderr, and the anatomy of a failed rollout; in GitHub's log as an annotation too."""
    screen = console(stderr=True)
    first, *rest = error.what.splitlines() or [""]
    screen.print(Text.assemble(("✘ ", "bold red"), (first, "bold")))
    for line in rest:
        screen.print(Text(line))
    for label, text in (("where", error.where), ("now", error.now)):
        if text:
            screen.print(Text.assemble((f"  {label + ':':<7}", "cyan"), text))
    failure = failure_in(error.report)
    if failure is not None:
        draw(failure, screen)
    if os.environ.get("GITHUB_ACTIONS"):
        screen.print(Text(annotation(failure) if failure else f"::error title={error.code}::{first}"))
