"""What may be released where: the rules that refuse a deploy before its first write.

A refusal is `misconfigured` (exit 2) where the user changes what he asks for, `failed` (exit 1) where the cluster said no.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plimsoll.domain.images import is_immutable_tag
from plimsoll.errors import Failed, Misconfigured

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plimsoll.domain.images import Image
    from plimsoll.domain.ledger import History
    from plimsoll.domain.manifests import Ref
    from plimsoll.domain.plan import Observed
    from plimsoll.domain.project import Environment, Project
    from plimsoll.errors import PlimsollError


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """The images that shall be released, and the source they come from. `dirty`: images or overlay differ from the commit."""

    images: Mapping[str, Image]
    git_revision: str
    dirty: bool


# The environment in which a digest is proven before a protected one may run it.
PROVING = "staging"


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why a release may not go on. `exit_code` is that of the error it becomes."""

    code: str
    what: str
    where: str
    now: str
    exit_code: int = 2

    def to_json(self) -> dict[str, str]:
        """Return the refusal as the plan's JSON prints it."""
        return {"code": self.code, "what": self.what, "where": self.where, "now": self.now}

    def error(self) -> PlimsollError:
        """Return the error that ends a deploy with this refusal."""
        kind: type[PlimsollError] = Failed if self.exit_code == Failed.exit_code else Misconfigured
        return kind(self.what, where=self.where, now=self.now, code=self.code)


def proving_environment(project: Project, environment: Environment) -> Environment | None:
    """Return where a digest must have been verified before `environment` takes it; None where nothing is asked."""
    if not environment.protected:
        return None
    found = project.environments.get(PROVING)
    return None if found is None or found.name == environment.name else found


def judge(environment: Environment, images: Mapping[str, Image], *, dirty: bool, proven: History | None) -> tuple[Refusal, ...]:
    """Return why `images` may not run in `environment`; `proven` is the ledger of the environment that proves them."""
    found = []
    if environment.protected and dirty:
        changed = ", ".join(sorted(service for service, image in images.items() if image.tag.endswith("-dirty")))
        found.append(
            Refusal(
                code="dirty",
                what=f"{environment.name} takes committed sources only, and this release would hold uncommitted changes",
                where=changed or "overlay or settings",
                now="commit the changes, then `inv build` and deploy again",
            )
        )
    moving = sorted(f"{service}:{image.tag}" for service, image in images.items() if not is_immutable_tag(image.tag))
    if moving:
        found.append(
            Refusal(
                code="moving-tag",
                what=f"these tags can move: {', '.join(moving)}",
                where=environment.name,
                now="use images that `inv build` tagged, or a semantic version",
            )
        )
    if proven is not None and (unproven := unverified(images, proven)):
        found.append(
            Refusal(
                code="not-proven",
                what=f"digest not verified in {PROVING}: {', '.join(unproven)}",
                where=environment.name,
                now=f"deploy it there first: `inv deploy --env {PROVING}`",
            )
        )
    return tuple(found)


def unverified(images: Mapping[str, Image], proven: History) -> tuple[str, ...]:
    """Return the services whose digest no once-verified release of the proving environment has run."""
    seen = {(s, image.digest) for release in proven.releases if release.once_verified for s, image in release.images.items()}
    return tuple(sorted(service for service, image in images.items() if (service, image.digest) not in seen))


def objections(observed: Observed, *, take_over: bool) -> tuple[Refusal, ...]:
    """Return what the API server would not take: objects it refuses, and fields of others unless they are taken over."""
    found = [
        Refusal(
            code=error.code,
            what=error.what,
            where=f"{each.short} in {each.namespace or 'the cluster'}",
            now=error.now or "correct the overlay and deploy again",
            exit_code=error.exit_code,
        )
        for each, error in sorted(observed.refused.items(), key=lambda pair: pair[0])
    ]
    if not take_over:
        found += [
            Refusal(code=conflict.code, what=conflict.what, where=conflict.where, now=conflict.now, exit_code=1)
            for _, conflict in sorted(observed.conflicts.items(), key=lambda pair: pair[0])
        ]
    return tuple(found)


def invalid(each: Ref, problems: Sequence[tuple[str, str, str]]) -> tuple[Refusal, ...]:
    """Return what the schemas of the API say against an object that no server could be asked about yet: (path, what, now)."""
    return tuple(
        Refusal(code="invalid", what=f"{each.short}: {path} {what}", where=f"the overlay, {each.short}", now=now)
        for path, what, now in problems
    )


def refuse(refusals: Sequence[Refusal], *, report: object | None = None) -> None:
    """Raise the first refusal with all of them in its text; where a failure meets a misconfiguration, the failure wins.

    `report` is what the error carries for those who render it.
    """
    if not refusals:
        return
    first = min(refusals, key=lambda refusal: refusal.exit_code)
    error = first.error()
    error.report = report
    if len(refusals) > 1:
        error.what = "\n".join([first.what, *(f"also: {other.what}" for other in refusals if other is not first)])
    raise error


def environment_of(release: str, environments: Mapping[str, Environment]) -> Environment | None:
    """Return the environment whose releases are named like `release` (`staging-12`), None when there is none."""
    name, _, number = release.rpartition("-")
    return environments.get(name) if number.isdecimal() else None
