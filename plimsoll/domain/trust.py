"""Writing down which cluster a remote environment means: one line of plimsoll.toml, changed in place.

Everything else in the file stays byte for byte: comments and layout are its readers', and the change is reviewed in git.
"""

from __future__ import annotations

import copy
import json
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plimsoll.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = "plimsoll.toml"
# An inline table on one line of its own, also under a dotted key (`staging.remote = {`).
REMOTE = re.compile(r'^[ \t]*(?:[\w."\'-]+\.)?remote[ \t]*=[ \t]*\{')
STRING = r"""\"(?:[^\"\\]|\\.)*\"|'[^']*'"""
BODY = re.compile(rf"""(?:{STRING}|[^"'{{}}\[\]#])*""")
PART = re.compile(rf"""(?:{STRING}|[^"',])+""")
PAIR = re.compile(rf"""(?P<head>\s*(?P<key>[\w-]+|{STRING})\s*=\s*)(?:{STRING}|\S+)(?P<tail>\s*)""")


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One changed line: its number (from 1), what it was and becomes, and the whole text with it."""

    line: int
    before: str
    after: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Trust:
    """The cluster that an environment is to mean, and the line that says so. `written`: it stands in the file by now."""

    environment: str
    context: str
    server: str
    uid: str
    edit: Edit
    written: bool = False

    @property
    def changed(self) -> bool:
        """Whether the line was another one before."""
        return self.edit.before != self.edit.after

    def to_json(self) -> dict[str, Any]:
        """Return the JSON contract `plimsoll.env.trust/1`."""
        return {
            "schema": "plimsoll.env.trust/1",
            "environment": self.environment,
            "context": self.context,
            "server": self.server,
            "uid": self.uid,
            "file": FILE,
            "line": self.edit.line,
            "before": self.edit.before,
            "after": self.edit.after,
            "changed": self.changed,
            "written": self.written,
        }


def trusting(text: str, environment: str, *, server: str, uid: str) -> Edit:
    """Return the edit of plimsoll.toml that makes `environment` mean the cluster with this server and UID.

    Raise Misconfigured with the line to paste where the file says it in another layout than one inline table on one line. Whether
    the right line was found and nothing else has changed is not believed but proven: by parsing the text before and after.
    """
    wanted = {"server": server, "uid": uid}
    parsed = tomllib.loads(text)
    remote = parsed["environments"][environment]["remote"]
    expected = copy.deepcopy(parsed)
    expected["environments"][environment]["remote"] |= wanted
    lines = text.splitlines(keepends=True)
    for index, line in enumerate(lines):
        if not REMOTE.match(line):
            continue
        ending = line[len(line.rstrip("\r\n")) :]
        before = line.removesuffix(ending)
        after = _edited(before, wanted)
        changed = "".join((*lines[:index], after, ending, *lines[index + 1 :]))
        if after and _says(changed, expected):
            return Edit(line=index + 1, before=before, after=after, text=changed)
    raise Misconfigured(
        f"{FILE} does not name the cluster of {environment} in one inline table on one line, and is not changed",
        where=f"{FILE}, [environments.{environment}] remote",
        now=f"write this line there yourself: {_line(remote | wanted)}",
        code="settings-layout",
    )


def _says(text: str, expected: Mapping[str, Any]) -> bool:
    try:
        return tomllib.loads(text) == expected
    except tomllib.TOMLDecodeError:
        return False


def _line(remote: Mapping[str, Any]) -> str:
    return f"remote = {{ {', '.join(f'{key} = {json.dumps(value, ensure_ascii=False)}' for key, value in remote.items())} }}"


def _edited(line: str, wanted: Mapping[str, str]) -> str:
    """Return `line` with the wanted values in its inline table, empty where that holds more than plain values."""
    start = line.index("{") + 1
    body = BODY.match(line, start)
    if body is None or line[body.end() : body.end() + 1] != "}":
        return ""
    left = {key: json.dumps(value, ensure_ascii=False) for key, value in wanted.items()}
    written = ",".join(_replaced(part, left) for part in PART.findall(body[0]))
    pairs = written.rstrip()
    more = (f"{key} = {value}" for key, value in left.items())
    return f"{line[:start]}{', '.join((pairs, *more))}{written[len(pairs) :] or ' '}{line[body.end() :]}"


def _replaced(part: str, left: dict[str, str]) -> str:
    """Return `key = value` with the value that is left for this key, which is taken out; spaces stay as they are."""
    found = PAIR.fullmatch(part)
    value = left.pop(found["key"].strip("\"'"), None) if found else None
    return part if found is None or value is None else f"{found['head']}{value}{found['tail']}"
