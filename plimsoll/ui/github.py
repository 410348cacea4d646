"""GitHub's log: commands that only we can give, groups, and annotations at the place of a finding.

The runner takes a line that begins with `::`, blanks aside, or holds `##[` anywhere, for a command. Nothing that a container, a
cluster or a tool said may become one: whatever is printed passes `Log`, and only `Log.command` gives commands.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

if TYPE_CHECKING:
    from rich.console import Console

# The runner begins a new line at a carriage return, too.
FORGED = re.compile(r"(\A|[\r\n])(\s*):(?=:)")
LEGACY = "##["
PLACE = re.compile(r"(?P<file>[^\s:;,]+)(?::(?P<line>\d+))?(?=$|[:;,\s])")


class Log:
    """A text stream into GitHub's log, for a rich Console to print on."""

    def __init__(self, stream: TextIO) -> None:
        """Print on `stream`."""
        self._stream = stream

    @property
    def encoding(self) -> str:
        """The encoding of the stream below."""
        return self._stream.encoding or "utf-8"

    def write(self, text: str) -> int:
        """Print text; nothing in it is a command."""
        self._stream.write(harmless(text))
        return len(text)

    def flush(self) -> None:
        """Hand over what was printed."""
        self._stream.flush()

    def isatty(self) -> bool:
        """Tell whether somebody sees this on a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """Return the descriptor of the stream below."""
        return self._stream.fileno()

    def command(self, name: str, message: str = "", **properties: str) -> None:
        """Give the runner a command; see `command`."""
        self._stream.write(command(name, message, **properties) + "\n")
        self._stream.flush()


def on_github(stream: TextIO) -> TextIO:
    """Return `stream` as a `Log` where GitHub runs us, as it is elsewhere."""
    return cast("TextIO", Log(stream)) if os.environ.get("GITHUB_ACTIONS") else stream


def log_of(console: Console) -> Log | None:
    """Return the log that `console` prints on, None where that is not GitHub's."""
    found: object = console.file
    return found if isinstance(found, Log) else None


def harmless(text: str) -> str:
    """Return text in which the runner finds no command; a person reads the same."""
    return FORGED.sub(r"\1\2: ", text).replace(LEGACY, "## [")


def command(name: str, message: str = "", **properties: str) -> str:
    """Return a workflow command on one line; properties that are empty are left out."""
    given = ",".join(f"{key}={_property(value)}" for key, value in properties.items() if value)
    return f"::{name}{' ' if given else ''}{given}::{_escaped(message)}"


def places(where: str) -> list[dict[str, str]]:
    """Return `file` and `line` of what an error's `where` names (`a.Dockerfile:12; b.toml, [section]`), as far as they are files.

    Paths are relative to the work tree that GitHub checked out.
    """
    found = []
    for part in where.split("; "):
        match = PLACE.match(part)
        path = match and _in_work_tree(match["file"])
        if match and path:
            found.append({"file": path, "line": match["line"] or ""})
    return found


def _in_work_tree(name: str) -> str:
    """Return the path in the work tree of a file that is named from here or from the tree's root; empty when there is none."""
    here = Path.cwd()
    tree = Path(os.environ.get("GITHUB_WORKSPACE") or here).resolve()
    for path in ((here / name).resolve(), (tree / name).resolve()):
        if path.is_file() and path.is_relative_to(tree):
            return path.relative_to(tree).as_posix()
    return ""


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
