"""Conflicts of server-side apply: fields that somebody else set to another value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plimsoll.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True, order=True)
class OwnedField:
    """A field (`.spec.replicas`) and the field manager that owns it (`kubectl-edit`)."""

    field: str
    manager: str

    def __str__(self) -> str:
        """Return the words of the error message."""
        return f"{self.field} (set by {self.manager})"


class Conflict(Failed):
    """Other managers own fields that we want to set otherwise: exit code 1. Nothing of this object was changed.

    `obj` is `Kind/namespace/name`, `fields` what is contested.
    """

    default_code = "conflict"

    def __init__(self, obj: str, fields: Sequence[OwnedField]) -> None:
        """List object, fields and managers."""
        super().__init__(
            f"{obj}: fields were changed by somebody else: {', '.join(str(field) for field in fields)}",
            where=obj,
            now="take that change into the manifests or undo it in the cluster, then repeat",
        )
        self.obj = obj
        self.fields = tuple(fields)
