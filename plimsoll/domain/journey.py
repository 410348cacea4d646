"""What `inv up` and `inv down` answer, and which exceptions `up` grants."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from plimsoll.domain.cluster_report import ClusterDown
    from plimsoll.domain.images import Image
    from plimsoll.domain.outcome import DeployResult
    from plimsoll.domain.project import Environment

# A first week to try things in; every `inv up` renews it, and nothing else does.
EXCEPTION_LIFE = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Grant:
    """An exception that this clone is given: `environment` takes images that no scanner could judge, until the end of `until`."""

    environment: str
    reason: str
    until: date


@dataclass(frozen=True, kw_only=True)
class UpResult:
    """What `inv up` brought up (JSON: `plimsoll.up/1`). `built` names the images that were not there before."""

    deployed: DeployResult
    built: tuple[str, ...]
    grants: tuple[Grant, ...]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        told = self.deployed.to_json()
        return {
            **{key: told[key] for key in ("environment", "outcome", "release", "state", "verified", "url")},
            "schema": "plimsoll.up/1",
            "built": list(self.built),
            "exceptions": [
                {"environment": grant.environment, "reason": grant.reason, "until": grant.until.isoformat()}
                for grant in self.grants
            ],
            "seconds": round(self.seconds, 1),
        }


@dataclass(frozen=True, kw_only=True)
class DownResult:
    """What `inv down` removed and what it kept (JSON: `plimsoll.down/1`)."""

    cluster: ClusterDown

    def to_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        return {**self.cluster.to_json(), "schema": "plimsoll.down/1"}


def grants(images: Iterable[Image], environments: Iterable[Environment], today: date) -> tuple[Grant, ...]:
    """Return the exceptions that a first day needs where no scanner could run; none where all images were judged.

    Only for environments of the local cluster whose gate blocks and that are not protected. Findings are never excepted.
    """
    if not any(image.scan is not None and image.scan.verdict in {"not-run", "excepted"} for image in images):
        return ()
    reason = "no scanner could run when `inv up` released local"
    until = today + EXCEPTION_LIFE
    return tuple(
        Grant(environment=each.name, reason=reason, until=until)
        for each in environments
        if each.gate == "block" and not each.protected and each.remote is None
    )
