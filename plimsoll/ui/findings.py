"""Findings of linters with their places, read from what they print."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from plimsoll.domain.failure import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plimsoll.domain.checks import ChecksResult

# `a.py:3:1: E501 too long` of most; ` --> a.py:3:1` of ruff, the message above it; yamllint's own commands for GitHub;
# `In a.sh line 3:` of ShellCheck, the message two lines below it.
FORMS = (
    re.compile(r"(?P<file>[^\s:]+):(?P<line>\d+)(?::\d+)?:?\s+(?P<message>\S.*)"),
    re.compile(r"\s*--> (?P<file>[^\s:]+):(?P<line>\d+):\d+"),
    re.compile(r"::(?:error|warning) file=(?P<file>[^,]+),line=(?P<line>\d+)[^:]*::(?P<message>.*)"),
    re.compile(r"In (?P<file>\S+) line (?P<line>\d+):"),
)
BELOW = re.compile(r"\s*\^-*\^? (?P<message>SC\d+.*)")


def findings(result: ChecksResult) -> Iterator[tuple[str, str, str]]:
    """Yield (file, line, message) of every finding that names its place; files as they lie from the repository's root."""
    for check in result.failed:
        before = ""
        lines = clean(check.output).splitlines()
        for number, line in enumerate(lines):
            match = next((found for form in FORMS if (found := form.fullmatch(line))), None)
            if match:
                # A checker may name an absolute path, which stays what it is.
                yield (
                    str(PurePosixPath(check.folder) / match["file"]),
                    match["line"],
                    match.groupdict().get("message") or _below(lines[number + 1 :]) or before,
                )
            elif line.strip():
                before = line.strip()


def _below(lines: list[str]) -> str:
    found = next((match for line in lines[:4] if (match := BELOW.match(line))), None)
    return found["message"] if found else ""
