"""What a user sees when something goes wrong: one message and its exit code, never a traceback."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import traceback
from datetime import UTC, datetime
from pathlib import Path

from plimsoll import __version__
from plimsoll.errors import Bug, Interrupted, PlimsollError


def as_plimsoll_error(error: BaseException, argv: list[str]) -> PlimsollError:
    """Return `error` as one of ours; anything unexpected becomes a Bug whose report is saved first."""
    if isinstance(error, PlimsollError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return Interrupted("interrupted", now="run the same command again; what was done is kept")
    report = save_report(error, argv)
    bug = Bug(
        f"this is a mistake in Plimsoll: {type(error).__name__}: {error}",
        where=str(report),
        now="please report it with this file; it holds no secret that Plimsoll knows of",
    )
    bug.__cause__ = error
    return bug


def save_report(error: BaseException, argv: list[str]) -> Path:
    """Write a report that can be pasted into an issue and return its path."""
    home = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "plimsoll" / "reports"
    now = datetime.now(tz=UTC)
    trace = "".join(traceback.format_exception(error))
    text = (
        f"# Plimsoll {__version__}: {type(error).__name__}\n\n"
        f"- when: {now:%Y-%m-%dT%H:%M:%SZ}\n- command: `inv {' '.join(argv)}`\n"
        f"- Python {platform.python_version()} on {platform.platform()}\n\n```\n{trace}```\n"
    )
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = home / f"bug-{now:%Y%m%dT%H%M%S}-{os.getpid()}.md"
        path.write_text(text, encoding="utf-8")
    except OSError:  # a full disk or a read-only home must not hide the error itself
        with tempfile.NamedTemporaryFile("w", prefix="plimsoll-bug-", suffix=".md", delete=False) as file:
            file.write(text)
            path = Path(file.name)
    return path


def show(error: PlimsollError, *, task: str | None, json: bool) -> None:
    """Print the error to stderr, and to stdout the task's JSON object when that was asked for."""
    from plimsoll.ui.errors import draw_error, error_object
    from plimsoll.ui.output import print_json

    if json:
        print_json(error_object(error, task or "error"))
    draw_error(error)
    sys.stderr.flush()
