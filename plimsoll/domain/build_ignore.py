"""`.dockerignore`: which files of a build context stay outside.

The rules are BuildKit's: patterns in order, the last one that matches decides, `!` brings back, and a pattern that matches a
folder matches all that is in it.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Pattern:
    """One line: the paths it matches, and whether it brings them back."""

    expression: re.Pattern[str]
    keeps: bool


@dataclass(frozen=True)
class Ignore:
    """A parsed `.dockerignore`."""

    patterns: tuple[Pattern, ...] = ()

    def keeps(self, path: str) -> bool:
        """Tell whether the file at `path` (relative to the context) is part of the context."""
        parts = path.split("/")
        above = ["/".join(parts[: count + 1]) for count in range(len(parts))]
        kept = True
        for pattern in self.patterns:
            if pattern.keeps != kept and any(pattern.expression.fullmatch(each) for each in above):
                kept = pattern.keeps
        return kept


def parse(text: str) -> Ignore:
    """Read a `.dockerignore`; empty lines and comments mean nothing."""
    patterns = []
    for raw in text.removeprefix("\ufeff").splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        keeps = line.startswith("!")
        cleaned = posixpath.normpath(line.lstrip("!").strip()).lstrip("/")
        if cleaned != ".":
            patterns.append(Pattern(re.compile(_expression(cleaned)), keeps))
    return Ignore(tuple(patterns))


def _expression(pattern: str) -> str:
    out, at = "", 0
    while at < len(pattern):
        rest = pattern[at:]
        if rest.startswith("**/"):
            out, at = out + "(?:.*/)?", at + 3
        elif rest.startswith("**"):
            out, at = out + ".*", at + 2
        elif rest[0] == "*":
            out, at = out + "[^/]*", at + 1
        elif rest[0] == "?":
            out, at = out + "[^/]", at + 1
        elif rest[0] == "[" and "]" in rest[2:]:
            end = rest.index("]", 2)
            inner = rest[1:end].replace("\\", "\\\\")
            out, at = f"{out}[{inner}]", at + end + 1
        elif rest[0] == "\\" and len(rest) > 1:
            out, at = out + re.escape(rest[1]), at + 2
        else:
            out, at = out + re.escape(rest[0]), at + 1
    return out
