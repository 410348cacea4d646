"""What the release tasks answer: one class per JSON contract (plimsoll/schemas), drawn for people by `ui.releases`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plimsoll.domain.release import public_images, public_smoke

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plimsoll.domain.failure import Cause, Failure
    from plimsoll.domain.manifests import Conflict
    from plimsoll.domain.plan import DeployPlan
    from plimsoll.domain.release import Release, SmokeResult

RELEASED, UNCHANGED, PLANNED = "released", "unchanged", "planned"


@dataclass(frozen=True, kw_only=True)
class DeployResult:
    """A deploy that ended well. `outcome` is `released`, `unchanged` (nothing to do, no record) or `planned` (a dry run).

    `release` is the new record, or the live one where nothing changed; `seconds` is the time from the lock to its end.
    """

    environment: str
    outcome: str
    plan: DeployPlan
    release: Release | None = None
    url: str | None = None
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the JSON contract `plimsoll.deploy/1`."""
        return {
            "schema": "plimsoll.deploy/1",
            "environment": self.environment,
            "outcome": self.outcome,
            **_told(self.release),
            "url": self.url,
            "seconds": round(self.seconds, 2),
            "plan": self.plan.to_json(),
        }


@dataclass(frozen=True, kw_only=True)
class RollbackResult:
    """A rollback that ended well: `release` is the new record, `taken_over` the fields that others had changed."""

    environment: str
    release: Release
    taken_over: tuple[Conflict, ...] = ()
    url: str | None = None
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the JSON contract `plimsoll.rollback/1`."""
        return {
            "schema": "plimsoll.rollback/1",
            "environment": self.environment,
            **_told(self.release),
            "rollback_of": self.release.rollback_of,
            "content_of": self.release.content_of,
            "taken_over": [
                {"object": conflict.target, "field": field, "manager": manager}
                for conflict in self.taken_over
                for field, manager in conflict.fields
            ],
            "url": self.url,
            "seconds": round(self.seconds, 2),
        }


@dataclass(frozen=True, kw_only=True)
class BrokenRelease:
    """What the error of a deploy or rollback carries: the record that failed, what was brought back, and what went wrong."""

    environment: str
    release: Release
    restored: Release | None = None
    failure: Failure | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the fields that stand beside `error` in the JSON of a failed deploy or rollback."""
        return {
            "environment": self.environment,
            **_told(self.release),
            "restored": None if self.restored is None else self.restored.name,
            "restored_content_of": None if self.restored is None else self.restored.content_of,
            "failure": self.failure.to_json() if self.failure else None,
        }


@dataclass(frozen=True, kw_only=True)
class StatusResult:
    """The release of an environment. `remarks` are for people: a lock that is held, records that nobody finished.

    `faults` are what keeps its objects from being what they are meant to be now, also when it was verified once.
    """

    environment: str
    release: Release
    url: str | None
    remarks: tuple[str, ...] = ()
    faults: tuple[Cause, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the JSON contract `plimsoll.status/1`; `faults` are left out where there are none."""
        told: dict[str, Any] = {
            "schema": "plimsoll.status/1",
            "environment": self.environment,
            "release": self.release.name,
            "state": self.release.state.value,
            "verified": self.release.verified,
            "git_revision": self.release.git_revision,
            "dirty": self.release.dirty,
            "url": self.url,
            "images": public_images(self.release.images),
            "smoke": public_smoke(self.release.smoke),
            "actor": self.release.actor,
            "started_at": self.release.started_at,
            "finished_at": self.release.finished_at,
            "broken_glass": self.release.broken_glass,
        }
        if self.faults:
            told["faults"] = [cause.to_json() for cause in self.faults]
        return told


@dataclass(frozen=True, kw_only=True)
class HistoryResult:
    """The releases of an environment, newest first; `damaged` names records that cannot be read."""

    environment: str
    releases: tuple[Release, ...]
    damaged: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the JSON contract `plimsoll.history/1`."""
        return {"schema": "plimsoll.history/1", "releases": [release.to_history() for release in self.releases]}


@dataclass(frozen=True, kw_only=True)
class SmokeReport:
    """A smoke test that passed against `url`."""

    url: str
    checks: tuple[SmokeResult, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the JSON contract `plimsoll.smoke/1`."""
        return {"schema": "plimsoll.smoke/1", "url": self.url, **public_smoke(self.checks)}


@dataclass(frozen=True, kw_only=True)
class LogLines:
    """What the pods of an environment say: (pod, line), read as they come, once."""

    environment: str
    lines: Iterable[tuple[str, str]]

    def to_json(self) -> dict[str, Any]:
        """Return the JSON contract `plimsoll.logs/1`."""
        return {
            "schema": "plimsoll.logs/1",
            "environment": self.environment,
            "lines": [{"pod": pod, "line": line} for pod, line in self.lines],
        }


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where an environment is reached, and whether a browser was told."""

    environment: str
    url: str
    opened: bool

    def to_json(self) -> dict[str, Any]:
        """Return the JSON contract `plimsoll.open/1`."""
        return {"schema": "plimsoll.open/1", "environment": self.environment, "url": self.url, "opened": self.opened}


def _told(release: Release | None) -> dict[str, Any]:
    """Return what deploy and rollback tell of a record; without one (a first dry run) all of it is null."""
    return {
        "release": release.name if release else None,
        "state": release.state.value if release else None,
        "verified": bool(release and release.verified),
        "git_revision": release.git_revision if release else None,
        "dirty": bool(release and release.dirty),
        "images": public_images(release.images) if release else {},
        "smoke": public_smoke(release.smoke if release else ()),
        "actor": release.actor if release else None,
        "started_at": release.started_at if release else None,
        "finished_at": release.finished_at if release else None,
    }
