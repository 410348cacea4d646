"""What may be released where: the rules that refuse a deploy before its first write.

A refusal is `misconfigured` (exit 2) where the user changes what he asks for, `failed` (exit 1) where the cluster said no.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from plimsoll.domain.gate import Standing
from plimsoll.domain.gate_rules import BY_KEY, EVIDENCE_MISSING, PROVING, Facts, assess
from plimsoll.domain.images import is_immutable_tag
from plimsoll.errors import Failed, Misconfigured

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plimsoll.domain.gate import Gate, Item, Terms
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


def judge(environment: Environment, candidate: Candidate, *, proven: History | None, terms: Terms) -> tuple[Refusal, ...]:
    """Return why `candidate` may not run in `environment`; `proven` is the ledger of the environment that proves its images."""
    found = []
    moving = sorted(f"{service}:{image.tag}" for service, image in candidate.images.items() if not is_immutable_tag(image.tag))
    if moving:
        found.append(
            Refusal(
                code="moving-tag",
                what=f"these tags can move: {', '.join(moving)}",
                where=environment.name,
                now="use images that `inv build` tagged, or a semantic version",
            )
        )
    # Before it publishes, a deploy has no verdicts yet: nothing is held against that.
    unscanned = all(image.scan is None for image in candidate.images.values())
    waived = replace(terms, required=terms.required - {"scanned"}) if unscanned else terms
    gate = gate_of(environment, candidate, proven=proven, terms=waived, at="")
    return (*found, *(of_gate(environment.name, gate) if gate else ()))


def gate_of(environment: Environment, candidate: Candidate, *, proven: History | None, terms: Terms, at: str) -> Gate | None:
    """Return the gate of a protected environment for `candidate`, judged at the time `at`; other environments have none."""
    return assess(facts_of(candidate, proven=proven, terms=terms, at=at)) if environment.protected else None


def facts_of(candidate: Candidate, *, proven: History | None, terms: Terms, at: str) -> Facts:
    """Return what a gate is judged by."""
    return Facts(
        images=candidate.images,
        git_revision=candidate.git_revision,
        dirty=candidate.dirty,
        proven=proven,
        at=at,
        terms=terms,
    )


def of_gate(environment: str, gate: Gate) -> tuple[Refusal, ...]:
    """Return the refusals of a gate; none when its glass was broken."""
    return () if gate.broken is not None else tuple(_of_item(environment, item) for item in gate.refusing)


def _of_item(environment: str, item: Item) -> Refusal:
    rule = BY_KEY[item.key]
    if item.standing is Standing.NOT_PROVIDED:
        return Refusal(
            code="evidence-missing",
            what=f"{item.title}: not provided ({item.detail})",
            where=f"the gate of {environment}",
            now=rule.provide,
            exit_code=EVIDENCE_MISSING,
        )
    return Refusal(
        code=rule.code,
        what=rule.told.format(environment=environment, detail=item.detail),
        where=f"the gate of {environment}",
        now=rule.now,
        exit_code=rule.exit_code,
    )


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


def lacking(references: Sequence[str]) -> Refusal:
    """Return what is said of images that the registry does not have: no pod could start with them."""
    return Refusal(
        code="image-missing",
        what=f"the registry does not have {', '.join(references)}",
        where=references[0].split("/", 1)[0],
        now="build and push it again: `inv build image.push`; nothing was changed in the cluster",
        exit_code=Failed.exit_code,
    )


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
