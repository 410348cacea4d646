"""What GitHub's runner makes of a log: the commands that it finds, and what they say."""

from __future__ import annotations

import re
from dataclasses import dataclass

COMMANDS = frozenset(
    {"add-mask", "add-matcher", "add-path", "debug", "echo", "endgroup", "error", "group", "notice", "save-state", "set-env"}
    | {"set-output", "stop-commands", "warning"}
)
CURRENT = re.compile(r"\s*::(?P<name>[^ :]+)(?: (?P<properties>.*?))?::(?P<message>.*)")
OLDER = re.compile(r".*?##\[(?P<name>[^ \]]+)(?: (?P<properties>[^\]]*))?\](?P<message>.*)")


@dataclass(frozen=True)
class Given:
    """A command of the log."""

    name: str
    message: str
    properties: dict[str, str]


def commands(log: str) -> list[Given]:
    """Return the commands in a log, in order: a line is one when it begins so, or in the older form holds one anywhere."""
    found = (CURRENT.match(line) or OLDER.match(line) for line in re.split(r"\r\n|\r|\n", log))
    return [_given(match) for match in found if match and match["name"] in COMMANDS]


def _given(match: re.Match[str]) -> Given:
    pairs = (pair.partition("=") for pair in (match["properties"] or "").split(",") if pair)
    return Given(match["name"], _unescaped(match["message"]), {key: _unescaped(value) for key, _equals, value in pairs})


def _unescaped(text: str) -> str:
    for token, char in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(token, char)
    return text
