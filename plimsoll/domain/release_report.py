"""What `inv release.show` and `inv release.export` tell of one record: all of it but secrets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plimsoll.domain.release import public_smoke

if TYPE_CHECKING:
    from plimsoll.domain.manifests import Manifest
    from plimsoll.domain.release import Release


@dataclass(frozen=True, kw_only=True)
class ReleaseReport:
    """A release with its manifests, in which secrets are hidden: `hidden` are the paths.

    `problem` says why there are no manifests any more; it is empty where the release is whole.
    """

    release: Release
    manifests: tuple[Manifest, ...] = ()
    hidden: tuple[str, ...] = ()
    problem: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the JSON contract `plimsoll.release.show/1`. Of secrets only the names are told."""
        release = self.release
        return {
            "schema": "plimsoll.release.show/1",
            "release": release.name,
            "environment": release.environment,
            "number": release.number,
            "state": release.state.value,
            "verified": release.verified,
            "once_verified": release.once_verified,
            "git_revision": release.git_revision,
            "dirty": release.dirty,
            "content": release.content,
            "content_of": release.content_of,
            "rollback_of": release.rollback_of,
            "cause": release.cause,
            "actor": release.actor,
            "approval": release.approval.to_json() if release.approval else None,
            "gate": release.gate.to_json() if release.gate else None,
            "ci": release.ci,
            "started_at": release.started_at,
            "finished_at": release.finished_at,
            "timings": {step: round(seconds, 2) for step, seconds in release.timings.items()},
            "images": {service: image.to_json() for service, image in release.images.items()},
            "schema_revision": release.schema,
            "migrated": release.migrated,
            "one_way": release.one_way,
            "untouched": release.untouched,
            "proven": release.proven,
            "workloads": dict(release.workloads),
            "inventory": list(release.inventory),
            "secrets": sorted(release.secrets),
            "smoke": public_smoke(release.smoke),
            "manifests": {
                "whole": not self.problem,
                "objects": len(self.manifests),
                "hidden": list(self.hidden),
                "problem": self.problem or None,
            },
        }


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A release that was written to `file`: its size in bytes, the hash of its bytes, and what was hidden in it."""

    release: str
    file: str
    octets: int
    sha256: str
    objects: int
    hidden: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the JSON contract `plimsoll.release.export/1`."""
        return {
            "schema": "plimsoll.release.export/1",
            "release": self.release,
            "file": self.file,
            "bytes": self.octets,
            "sha256": self.sha256,
            "objects": self.objects,
            "hidden": list(self.hidden),
        }
