"""The pre-production gate as it was found: each item with its evidence and the time of that.

An item is `met`, `not met` or `not provided` (nobody could tell, and why). What is not met refuses; what is not provided is shown
and recorded, and refuses only where the settings require it (`[gate] require`). A broken glass lets a release pass all of it, and
stands in its record. The rules are in `gate_rules`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plimsoll.domain.images import Image

# Shorter than this, a reason for breaking the glass explains nothing to whoever reads the history.
SHORTEST_REASON = 12


class Standing(enum.StrEnum):
    """How an item stands (the JSON contract's words)."""

    MET = "met"
    NOT_MET = "not met"
    NOT_PROVIDED = "not provided"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is known of one item: how it stands, in words, and since when (RFC 3339, UTC; None where nothing was seen)."""

    standing: Standing
    detail: str
    at: str | None = None


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a deploy brings along for the gate.

    `known` is evidence that was collected before, by the item's key; `required` are the items that the settings require; `broken`
    is the reason for which the glass was broken.
    """

    known: Mapping[str, Evidence] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    broken: str | None = None


@dataclass(frozen=True, kw_only=True)
class Item:
    """One item of a gate as it was found. A `required` one refuses when it is not provided, too."""

    key: str
    title: str
    standing: Standing
    detail: str
    at: str | None
    required: bool = False

    @property
    def refuses(self) -> bool:
        """Whether a release does not pass because of it."""
        return self.standing is Standing.NOT_MET or (self.required and self.standing is Standing.NOT_PROVIDED)

    def to_json(self) -> dict[str, Any]:
        """Return one entry of `items`."""
        return {
            "key": self.key,
            "title": self.title,
            "standing": self.standing.value,
            "detail": self.detail,
            "at": self.at,
            "required": self.required,
            "refuses": self.refuses,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Item:
        """Read what `to_json` wrote; raise KeyError or ValueError for anything else."""
        return cls(
            key=data["key"],
            title=data["title"],
            standing=Standing(data["standing"]),
            detail=data["detail"],
            at=data["at"],
            required=data["required"],
        )


@dataclass(frozen=True, kw_only=True)
class Gate:
    """The gate as it stood `at` a time; `broken` is the reason for which a release passed it all the same."""

    at: str
    items: tuple[Item, ...]
    broken: str | None = None

    @property
    def refusing(self) -> tuple[Item, ...]:
        """The items that refuse."""
        return tuple(item for item in self.items if item.refuses)

    @property
    def passes(self) -> bool:
        """Whether a release may go on."""
        return self.broken is not None or not self.refusing

    def to_json(self) -> dict[str, Any]:
        """Return the gate as records and JSON contracts hold it."""
        return {"at": self.at, "passes": self.passes, "broken": self.broken, "items": [item.to_json() for item in self.items]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Gate | None:
        """Read what `to_json` wrote; None for none. Raise KeyError, TypeError or ValueError for anything else."""
        if data is None:
            return None
        return cls(at=data["at"], items=tuple(Item.from_json(each) for each in data["items"]), broken=data["broken"])


@dataclass(frozen=True, kw_only=True)
class GateReport:
    """What `inv release.gate` shows: the gate of an environment for a candidate that may be released to it."""

    environment: str
    git_revision: str
    images: Mapping[str, Image]
    gate: Gate

    def to_json(self) -> dict[str, Any]:
        """Return the JSON contract `plimsoll.release.gate/1`."""
        return {
            "schema": "plimsoll.release.gate/1",
            "environment": self.environment,
            "git_revision": self.git_revision,
            "images": {service: image.reference for service, image in self.images.items()},
            **self.gate.to_json(),
        }


def reason_problem(reason: str) -> str:
    """Return what is wrong with a reason for breaking the glass, empty when nothing is."""
    if not reason.strip().isprintable():
        return "a reason is one line of text: everybody who asks for the status will read it"
    words = reason.split()
    if len(" ".join(words)) < SHORTEST_REASON or len(words) == 1:
        return f"{reason.strip()!r} is no reason: say in {SHORTEST_REASON} characters and two words or more what cannot wait"
    return ""
