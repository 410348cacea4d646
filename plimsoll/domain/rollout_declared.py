"""What a custom resource declares about itself: an annotation of its definition (or its own) says when it is ready, or failed.

`plimsoll.dev/ready: "status.phase=Running"` waits until that field has that value; `plimsoll.dev/failed` gives the release up at
once. A value may be one of several (`status.phase=Running|Succeeded`), a condition is named by its type
(`status.conditions[Synced]=True`), and `true`, `false` and whole numbers are written as JSON writes them. Nothing else is read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

READY, FAILED = "plimsoll.dev/ready", "plimsoll.dev/failed"
STEP = r"[A-Za-z_][A-Za-z0-9_-]*(?:\[[A-Za-z][A-Za-z0-9./-]*\])?"
EXPRESSION = re.compile(rf"status((?:\.{STEP})+)=([^\s=|,]+(?:\|[^\s=|,]+)*)")


@dataclass(frozen=True)
class Expression:
    """A field of the status, and the values that it may have. A step is a name, and for a list of conditions the type meant."""

    steps: tuple[tuple[str, str], ...]
    values: tuple[str, ...]

    def missing(self, live: Mapping[str, Any]) -> str:
        """Return what `live` lacks for this to hold, empty when it does."""
        return "" if self.holds(live) else f"{self.told(live)}, not {' or '.join(self.values)}"

    def holds(self, live: Mapping[str, Any]) -> bool:
        """Tell whether the field has one of the values."""
        return self._found(live) in self.values

    def told(self, live: Mapping[str, Any]) -> str:
        """Return the field with its present value, and the reason that the object gives."""
        status = live.get("status")
        why = str(status.get("message") or status.get("reason") or "") if isinstance(status, dict) else ""
        found = self._found(live)
        said = f"{self.path} is {found}" if found else f"{self.path} is not set"
        return f"{said} ({why})" if why else said

    @property
    def path(self) -> str:
        """The field as it is written in the annotation."""
        return ".".join(["status", *(f"{name}[{kind}]" if kind else name for name, kind in self.steps)])

    def _found(self, live: Mapping[str, Any]) -> str:
        here: Any = live.get("status") or {}
        for name, kind in self.steps:
            here = here.get(name) if isinstance(here, dict) else None
            if kind:
                listed = here if isinstance(here, list) else []
                here = next((each.get("status") for each in listed if isinstance(each, dict) and each.get("type") == kind), None)
        if isinstance(here, bool):
            return "true" if here else "false"
        return str(here) if isinstance(here, str | int) else ""


@dataclass(frozen=True, kw_only=True)
class Declared:
    """When an object is ready and when it has failed, by its own word; None where it does not say."""

    ready: Expression | None = None
    failed: Expression | None = None


def parse(text: str) -> Expression:
    """Read an expression; raise ValueError for anything but `status.FIELD=VALUE`."""
    match = EXPRESSION.fullmatch(text)
    if not match:
        msg = f"{text!r} is no condition; write status.FIELD=VALUE, such as status.phase=Running|Succeeded"
        raise ValueError(msg)
    steps = [(name, kind) for name, kind in re.findall(r"\.([A-Za-z0-9_-]+)(?:\[([^\]]+)\])?", match[1])]
    return Expression(tuple(steps), tuple(match[2].split("|")))


def declared_in(annotations: Mapping[str, str]) -> Declared | None:
    """Return what annotations declare, None when nothing; raise ValueError naming the annotation that cannot be read."""
    found = {}
    for name in (READY, FAILED):
        if name in annotations:
            try:
                found[name] = parse(str(annotations[name]))
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
    return Declared(ready=found.get(READY), failed=found.get(FAILED)) if found else None
