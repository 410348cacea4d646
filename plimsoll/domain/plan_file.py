"""Saved plans: everything that `inv deploy --plan FILE` needs to do exactly what was looked at, and nothing secret.

The file holds the objects as they are applied, the images by digest, and what the plan was made from: cluster, ledger, time. Its
digest is over all of that, so an approval of the digest approves every field. Values of Secrets are in no plan; a plan whose
objects hold a password in the open is not saved at all.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

from plimsoll.domain.diff import hidden_paths
from plimsoll.domain.images import Image
from plimsoll.domain.manifests import canonical, marked, ref, refuse
from plimsoll.domain.project import duration_flag
from plimsoll.domain.promotion import Candidate
from plimsoll.errors import Misconfigured, PlimsollError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from plimsoll.domain.manifests import Manifest
    from plimsoll.domain.plan_report import PlanResult

SCHEMA = "plimsoll.plan-file/1"
# A plan is for today's change; what lies around longer describes a cluster that nobody knows any more.
LONGEST_EXPIRY = 7 * 86400
TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, kw_only=True)
class SavedPlan:
    """A plan as its file holds it. `plan` is what `DeployPlan.to_json` told, `objects` what it applies, marks included.

    `cluster` is the UID of kube-system, `number` the number that the release would get, `version` the recorded release whose
    images were taken (None: those of the source). `options` are the flags that the plan depends on. Times are RFC 3339, UTC.
    """

    project: str
    environment: str
    cluster: str
    number: int
    candidate: Candidate
    version: str | None
    options: Mapping[str, bool]
    plan: Mapping[str, Any]
    objects: tuple[Manifest, ...]
    made_by: str
    made_at: str
    expires_at: str
    made_with: str

    @property
    def digest(self) -> str:
        """The hash of everything in the file."""
        return f"sha256:{hashlib.sha256(canonical(self._body())).hexdigest()}"

    @property
    def plan_digest(self) -> str:
        """The digest that `DeployPlan.digest` has for an equal plan."""
        return hashlib.sha256(canonical([dict(self.plan), list(self.objects)])).hexdigest()

    @property
    def unmarked(self) -> tuple[Manifest, ...]:
        """The objects without the release's marks: what a plan is decided from."""
        return tuple(marked(each, None) for each in self.objects)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON contract `plimsoll.plan-file/1`."""
        return {**self._body(), "digest": self.digest}

    def _body(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "project": self.project,
            "environment": self.environment,
            "cluster": self.cluster,
            "ledger": {"next": self.number, "live": self.plan.get("live")},
            "candidate": {
                "git_revision": self.candidate.git_revision,
                "dirty": self.candidate.dirty,
                "version": self.version,
                "images": {service: image.to_json() for service, image in self.candidate.images.items()},
            },
            "options": dict(self.options),
            "plan": dict(self.plan),
            "objects": list(self.objects),
            "made_by": self.made_by,
            "made_at": self.made_at,
            "made_with": self.made_with,
            "expires_at": self.expires_at,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SavedPlan:
        """Read what `to_json` wrote; raise ValueError when anything in it was changed, or could not be applied."""
        try:
            source = data["candidate"]
            found = cls(
                project=data["project"],
                environment=data["environment"],
                cluster=data["cluster"],
                number=data["ledger"]["next"],
                candidate=Candidate(
                    images={service: Image.from_json(service, image) for service, image in source["images"].items()},
                    git_revision=source["git_revision"],
                    dirty=source["dirty"],
                ),
                version=source["version"],
                options=data["options"],
                plan=data["plan"],
                objects=tuple(data["objects"]),
                made_by=data["made_by"],
                made_at=data["made_at"],
                made_with=data["made_with"],
                expires_at=data["expires_at"],
            )
            for each in found.unmarked:
                refuse(each)
                ref(each)
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            msg = f"it does not have the form of a plan ({type(error).__name__}: {error})"
            raise ValueError(msg) from error
        except PlimsollError as error:
            raise ValueError(error.what) from error
        if found.digest != data["digest"]:
            msg = "its content does not have the digest that it names: it was changed after it was saved"
            raise ValueError(msg)
        return found


def saved_plan(
    result: PlanResult,
    *,
    project: str,
    version: str | None,
    options: Mapping[str, bool],
    made_by: str,
    made_at: str,
    made_with: str,
    expires_at: str,
) -> SavedPlan:
    """Return a plan as its file will hold it. Raise Misconfigured when it would hold a secret."""
    require_no_secret(result.plan.objects)
    return SavedPlan(
        project=project,
        environment=result.plan.environment,
        cluster=result.cluster,
        number=int(result.plan.release.rpartition("-")[2]),
        candidate=result.candidate,
        version=version,
        options=options,
        plan=result.plan.to_json(),
        objects=result.plan.objects,
        made_by=made_by,
        made_at=made_at,
        made_with=made_with,
        expires_at=expires_at,
    )


def expiry(now: datetime, lasts: str) -> str:
    """Return when something that lasts so long (`24h`) from `now` expires. Raise Misconfigured for what is no such time."""
    seconds = duration_flag(lasts, flag="--expires", now="write 30m, 2h or 1d")
    if not 0 < seconds <= LONGEST_EXPIRY:
        raise Misconfigured(
            f"{lasts} is no time for a plan to last: more than nothing, and at most 7 days",
            where="--expires",
            now="write 30m, 2h or 1d",
            code="flags",
        )
    return (now.astimezone(UTC) + timedelta(seconds=seconds)).strftime(TIME)


def require_no_secret(objects: Iterable[Manifest]) -> None:
    """Raise Misconfigured when an object holds a value that a plan never shows: its file would hold it."""
    found = [f"{ref(each).short} {path}" for each in objects for path in hidden_paths(each)]
    if found:
        raise Misconfigured(
            f"the plan cannot be saved, for it would hold what looks like a secret: {', '.join(found)}",
            where="the overlay",
            now="name it under [secrets] in plimsoll.toml and refer to it by `secretKeyRef`, or deploy without a saved plan",
            code="secret-in-plan",
        )


def require_usable(saved: SavedPlan, *, project: str, environment: str | None, now: str) -> None:
    """Raise Misconfigured when a saved plan is not for this project or environment (None: any), or has expired."""
    for what, there, here in (("project", saved.project, project), ("environment", saved.environment, environment)):
        if here is not None and there != here:
            raise Misconfigured(
                f"this is a plan for the {what} {there}, not for {here}",
                where="--plan",
                now=f"make one: `inv plan --env {environment or saved.environment} --save FILE`",
                code="plan-elsewhere",
            )
    if saved.expires_at <= now:
        raise Misconfigured(
            f"the plan has expired at {saved.expires_at}",
            where="--plan",
            now=f"make a new one and look at it: `inv plan --env {saved.environment} --save FILE`",
            code="plan-expired",
        )


def require_cluster(saved: SavedPlan, uid: str) -> None:
    """Raise Misconfigured when a saved plan was made for another cluster than the one with this UID."""
    if saved.cluster != uid:
        raise Misconfigured(
            f"the plan was made for another cluster: kube-system has the UID {uid} here, and {saved.cluster} there",
            where=f"--plan, {saved.environment}",
            now=f"make a new one: `inv plan --env {saved.environment} --save FILE`",
            code="plan-elsewhere",
        )
