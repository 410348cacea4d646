"""Releases: the record of what ran where, who put it there, and whether it was verified.

A record is appended per deploy or rollback; only its state moves on. At most one record of an environment is `verified`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from plimsoll.domain.images import Image

if TYPE_CHECKING:
    from collections.abc import Mapping


class State(enum.StrEnum):
    """Where a release stands (the JSON contract's words)."""

    PENDING = "pending"
    FAILED = "failed"
    APPLIED = "applied"
    VERIFIED = "verified"
    ROLLED_BACK = "rolled-back"
    SUPERSEDED = "superseded"
    ROLLBACK_FAILED = "rollback-failed"


@dataclass(frozen=True, kw_only=True)
class SmokeResult:
    """The outcome of one smoke check; `seconds` is the time the answer took."""

    name: str
    path: str
    passed: bool
    status: int | None = None
    seconds: float = 0.0
    detail: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return one entry of `smoke.checks`."""
        return {
            "name": self.name,
            "path": self.path,
            "passed": self.passed,
            "status": self.status,
            "seconds": round(self.seconds, 3),
            "detail": self.detail,
        }


@dataclass(frozen=True, kw_only=True)
class Release:
    """One record of the ledger. `name` is `<environment>-<number>`; times are RFC 3339 UTC.

    `workloads` maps a workload (`Deployment/backend`) to the release that last changed it: what `/version` answers.
    `content` is the hash of the manifests without the release's own marks; equal content means nothing to do.
    `secrets` maps `secret/key` to a short hash of its value. `rollback_of` is the release that was rolled back,
    `content_of` the one whose content runs again.
    """

    name: str
    environment: str
    number: int
    state: State
    git_revision: str
    dirty: bool
    images: Mapping[str, Image]
    content: str
    actor: str
    started_at: str
    finished_at: str | None = None
    cause: str | None = None
    rollback_of: str | None = None
    content_of: str | None = None
    schema: str | None = None
    once_verified: bool = False
    workloads: Mapping[str, str] = field(default_factory=dict)
    smoke: tuple[SmokeResult, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)
