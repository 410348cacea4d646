"""Releases: the record of what ran where, who put it there, and whether it was verified.

A record is appended per deploy or rollback; only its state moves on, along `NEXT` (`release_moves`). At most one record of an
environment is `verified`: the live one.

pending ── applied ── verified ── superseded      another release took over
   │          │           └────── rolled-back     a person rolled it back
   └──────────┴── failed                          the deploy failed; the last verified release was brought back
   └──────────┴── rollback-failed                 a rollback failed: the environment needs a person
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from plimsoll.domain.approval import Approval
from plimsoll.domain.gate import Gate
from plimsoll.domain.images import Image
from plimsoll.domain.record_shape import require_shape
from plimsoll.errors import Bug

if TYPE_CHECKING:
    from collections.abc import Mapping

# A cause is one paragraph; what is longer stays in the failure report.
LONGEST_CAUSE = 2000


class State(enum.StrEnum):
    """Where a release stands (the JSON contract's words)."""

    PENDING = "pending"
    FAILED = "failed"
    APPLIED = "applied"
    VERIFIED = "verified"
    ROLLED_BACK = "rolled-back"
    SUPERSEDED = "superseded"
    ROLLBACK_FAILED = "rollback-failed"


NEXT: dict[State, frozenset[State]] = {
    State.PENDING: frozenset({State.APPLIED, State.FAILED, State.ROLLBACK_FAILED}),
    State.APPLIED: frozenset({State.VERIFIED, State.FAILED, State.ROLLBACK_FAILED}),
    State.VERIFIED: frozenset({State.SUPERSEDED, State.ROLLED_BACK}),
    State.FAILED: frozenset(),
    State.ROLLED_BACK: frozenset(),
    State.SUPERSEDED: frozenset(),
    State.ROLLBACK_FAILED: frozenset(),
}
UNFINISHED = frozenset({State.PENDING, State.APPLIED})


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

    `content` is the hash of the manifests without the release's own marks, `workloads` maps a workload (`Deployment/backend`)
    to the release that last changed it (what `/version` answers), `inventory` lists the objects it owns (`manifests.Ref`).
    `schema` is the hash of the migrations, `migrated` the UID of the namespace in which the database has reached it.
    `one_way`: that migration is marked incompatible with the releases before it.
    `rollback_of` is the release that was rolled back, `content_of` the one whose content runs again. `secrets` maps `secret/key`
    to a salted hash of its value. `timings` are seconds per step, `ci` the URL of the run that deployed. `untouched`: it failed
    before it changed anything. `proven`: it came up and passed its smoke test, and only its verdict was still to be written.
    `approval` says who let it go ahead, None where nobody had to; `gate` is the gate that it passed, None where
    there is none. `compacted`: only a line of the record is kept.
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
    migrated: str | None = None
    one_way: bool = False
    once_verified: bool = False
    workloads: Mapping[str, str] = field(default_factory=dict)
    inventory: tuple[str, ...] = ()
    smoke: tuple[SmokeResult, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)
    ci: str | None = None
    untouched: bool = False
    proven: bool = False
    approval: Approval | None = None
    gate: Gate | None = None
    compacted: bool = False

    @property
    def verified(self) -> bool:
        """Whether this is the release that runs and was proven."""
        return self.state is State.VERIFIED

    @property
    def origin(self) -> str:
        """The release whose content this is: its own name, or what a rollback brought back."""
        return self.content_of or self.name

    @property
    def content_note(self) -> str:
        """Whose content this is and what it came instead of, for people; empty where it is its own."""
        if not self.content_of:
            return ""
        left = f"instead of {self.rollback_of}" if self.rollback_of else "in a namespace made anew"
        return f"{self.content_of}, {left}"

    @property
    def broken_glass(self) -> str | None:
        """The reason for which it passed a gate that it did not meet, or could not be held to; None for all others."""
        return self.gate.broken if self.gate else None

    def moved(self, state: State, **changes: Any) -> Release:  # noqa: ANN401 -- the fields of a Release
        """Return the record in its next state; raise Bug for a step that no release takes."""
        if state not in NEXT[self.state]:
            raise Bug(f"{self.name} cannot go from {self.state} to {state}", where="the ledger", now="please report this")
        cause = changes.pop("cause", self.cause)
        return replace(
            self,
            state=state,
            cause=cause[:LONGEST_CAUSE] if cause else None,
            once_verified=self.once_verified or state is State.VERIFIED,
            **changes,
        )

    def to_record(self) -> dict[str, Any]:
        """Return everything, as the ledger keeps it."""
        return {
            **{name: getattr(self, name) for name in PLAIN},
            "state": self.state.value,
            "images": {service: image.to_json() for service, image in self.images.items()},
            "workloads": dict(self.workloads),
            "inventory": list(self.inventory),
            "smoke": [check.to_json() for check in self.smoke],
            "secrets": dict(self.secrets),
            "timings": {step: round(seconds, 2) for step, seconds in self.timings.items()},
            "approval": self.approval.to_json() if self.approval else None,
            "gate": self.gate.to_json() if self.gate else None,
        }

    @classmethod
    def from_record(cls, data: Mapping[str, Any], *, compacted: bool = False) -> Release:
        """Read what `to_record`, of an earlier version too, wrote; raise KeyError, TypeError or ValueError for anything else."""
        require_shape(data)
        return cls(
            **{name: data[name] for name in PLAIN if name in data},
            state=State(data["state"]),
            images={service: Image.from_json(service, image) for service, image in data["images"].items()},
            workloads=dict(data["workloads"]),
            inventory=tuple(data["inventory"]),
            smoke=tuple(SmokeResult(**check) for check in data["smoke"]),
            secrets=dict(data["secrets"]),
            timings=dict(data["timings"]),
            approval=Approval.from_json(data.get("approval")),
            gate=Gate.from_json(data.get("gate")),
            compacted=compacted,
        )

    def to_history(self) -> dict[str, Any]:
        """Return one entry of the JSON contract `plimsoll.history/1`."""
        return {
            "release": self.name,
            "state": self.state.value,
            "git_revision": self.git_revision,
            "images": public_images(self.images),
            "actor": self.actor,
            "started_at": self.started_at,
            "finished_at": self.finished_at,
            "cause": self.cause,
            "rollback_of": self.rollback_of,
            "content_of": self.content_of,
            "broken_glass": self.broken_glass,
            "whole": not self.compacted,
        }


# The fields that are JSON as they stand.
PLAIN = (
    "name",
    "environment",
    "number",
    "git_revision",
    "dirty",
    "content",
    "actor",
    "started_at",
    "finished_at",
    "cause",
    "rollback_of",
    "content_of",
    "schema",
    "migrated",
    "one_way",
    "once_verified",
    "ci",
    "untouched",
    "proven",
)


def public_images(images: Mapping[str, Image]) -> dict[str, Any]:
    """Return the images as status, history and deploy print them: what a reader may rely on, and nothing else."""
    found = {}
    for service, image in images.items():
        scan = image.scan
        found[service] = {
            "reference": image.reference,
            "digest": image.digest,
            "tag": image.tag,
            "unpacked_bytes": image.unpacked_bytes,
            "labels": dict(image.labels),
            "scan": {"verdict": scan.verdict, "database_date": scan.database_date} if scan else None,
        }
    return found


def public_smoke(checks: tuple[SmokeResult, ...]) -> dict[str, Any]:
    """Return the smoke test as the JSON contracts print it; a test that did not run has not passed."""
    return {"passed": bool(checks) and all(check.passed for check in checks), "checks": [check.to_json() for check in checks]}
