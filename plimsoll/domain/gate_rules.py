"""The rules of the pre-production gate, as a table: how each item is judged, and the refusal that it becomes.

Exit codes are those of the architecture: 2 for what the user changes (dirty git, another branch, a digest not verified in
staging), 1 for evidence that is missing or speaks against the release.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plimsoll.domain.gate import Evidence, Gate, Item, Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from plimsoll.domain.approval import Approval
    from plimsoll.domain.gate import Terms
    from plimsoll.domain.images import Image
    from plimsoll.domain.ledger import History

# The environment in which a digest is proven before a protected one may run it.
PROVING = "staging"
REVISION = 12
EVIDENCE_MISSING = 1


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that the gate is judged by. `proven` is the ledger of the proving environment, None where there is none."""

    images: Mapping[str, Image]
    git_revision: str
    dirty: bool
    proven: History | None
    at: str
    terms: Terms


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One row: how an item is judged. What is not met refuses with `code`, `exit_code` and `told` ({environment}, {detail}).

    `now` is what to do then, `provide` what to do when it is required and not provided.
    """

    key: str
    title: str
    judge: Callable[[Facts], Evidence]
    code: str
    exit_code: int
    told: str
    now: str
    provide: str = "provide it, or take it out of [gate] require in plimsoll.toml"


def unverified(images: Mapping[str, Image], proven: History) -> tuple[str, ...]:
    """Return the services whose digest no once-verified release of the proving environment has run."""
    seen = {(s, image.digest) for release in proven.releases if release.once_verified for s, image in release.images.items()}
    return tuple(sorted(service for service, image in images.items() if (service, image.digest) not in seen))


def branch_evidence(branch: str, seen: Mapping[str, Mapping[str, bool] | None], at: str) -> Evidence:
    """Return whether every commit of a release is on the release branch.

    `seen` maps each commit to the branches of that name that this clone knows (its own, and those of remotes) and whether they
    hold the commit; None where the clone does not know the commit.
    """
    holding = {
        revision[:REVISION]: sorted(ref for ref, holds in (refs or {}).items() if holds) for revision, refs in seen.items()
    }
    for revision, refs in seen.items():
        if refs and not holding[revision[:REVISION]]:
            return _not_met(f"commit {revision[:REVISION]} is not on {branch} (looked at {', '.join(sorted(refs))})", at)
    for revision, refs in seen.items():
        if refs is None:
            return _not_provided(f"this clone does not know the commit {revision[:REVISION]}: `git fetch`")
        if not refs:
            return _not_provided(f"this clone knows no branch {branch}: `git fetch origin {branch}`")
    return _met("; ".join(f"commit {name} is on {', '.join(refs)}" for name, refs in holding.items()), at)


def approval_evidence(approval: Approval) -> Evidence:
    """Return an approval as evidence."""
    return _met(f"{approval.by} ({approval.kind})", approval.at)


def _met(detail: str, at: str | None) -> Evidence:
    return Evidence(standing=Standing.MET, detail=detail, at=at)


def _not_met(detail: str, at: str | None) -> Evidence:
    return Evidence(standing=Standing.NOT_MET, detail=detail, at=at)


def _not_provided(reason: str) -> Evidence:
    return Evidence(standing=Standing.NOT_PROVIDED, detail=reason)


def _known(key: str, otherwise: str) -> Callable[[Facts], Evidence]:
    """Return the judgement of an item whose evidence is collected elsewhere; `otherwise` says why there is none."""
    return lambda facts: facts.terms.known.get(key) or _not_provided(otherwise)


def _clean(facts: Facts) -> Evidence:
    if not facts.dirty:
        return _met(f"commit {facts.git_revision[:REVISION]}", facts.at)
    changed = ", ".join(sorted(service for service, image in facts.images.items() if image.tag.endswith("-dirty")))
    return _not_met(f"uncommitted changes in {changed or 'overlay or settings'}", facts.at)


def _staging(facts: Facts) -> Evidence:
    if facts.proven is None:
        return _not_provided(f"there is no other environment {PROVING!r} to verify it in")
    if missing := unverified(facts.images, facts.proven):
        return _not_met(f"digest not verified in {PROVING}: {', '.join(missing)}", facts.at)
    wanted = {(service, image.digest) for service, image in facts.images.items()}
    for release in reversed(facts.proven.releases):
        if release.once_verified and wanted <= {(service, image.digest) for service, image in release.images.items()}:
            return _met(f"verified as {release.name}", release.finished_at)
    return _met("each digest was verified, in several releases", facts.at)


def _scanned(facts: Facts) -> Evidence:
    verdicts = {service: image.scan.verdict if image.scan else "" for service, image in sorted(facts.images.items())}
    dates = [image.scan.database_date for image in facts.images.values() if image.scan and image.scan.database_date]
    at = min(dates, default=None)
    if bad := [f"{service} ({verdict})" for service, verdict in verdicts.items() if verdict in {"findings", "expired-waiver"}]:
        return _not_met(", ".join(bad), at)
    if lacking := [service for service, verdict in verdicts.items() if verdict != "clean"]:
        reasons = [image.scan.reason for image in facts.images.values() if image.scan and image.scan.reason]
        return _not_provided(f"no verdict over {', '.join(lacking)}" + (f": {reasons[0]}" if reasons else ""))
    return _met(f"{len(verdicts)} images are clean", at)


RULES: tuple[Rule, ...] = (
    Rule(
        key="clean",
        title="committed sources only",
        judge=_clean,
        code="dirty",
        exit_code=2,
        told="{environment} takes committed sources only, and this release would hold {detail}",
        now="commit the changes, then `inv build` and deploy again",
    ),
    Rule(
        key="branch",
        title="on the release branch",
        judge=_known("branch", "git was not asked"),
        code="not-on-branch",
        exit_code=2,
        told="{environment} takes what is on the release branch only: {detail}",
        now="merge it, fetch the release branch, and deploy what is built from there",
    ),
    Rule(
        key="staging",
        title=f"verified in {PROVING}",
        judge=_staging,
        code="not-proven",
        exit_code=2,
        told="{detail}",
        now=f"deploy it there first: `inv deploy --env {PROVING}`",
    ),
    Rule(
        key="scanned",
        title="images scanned",
        judge=_scanned,
        code="scan-verdict",
        exit_code=1,
        told="the scan does not let these images pass: {detail}",
        now="run `inv scan` to see why; correct what it finds",
        provide="run `inv scan` to see what it lacks",
    ),
    Rule(
        key="tests",
        title="tests green",
        judge=_known("tests", "no run of the tests has left evidence for this commit"),
        code="tests-failed",
        exit_code=1,
        told="the tests did not pass: {detail}",
        now="correct them",
    ),
    Rule(
        key="backup",
        title="backup verified",
        judge=_known("backup", "no backup of this environment is known"),
        code="backup-failed",
        exit_code=1,
        told="the backup is not good: {detail}",
        now="make another one",
    ),
    # Last, for a person sees all of the above first. A deploy asks for it, and refuses without: no setting has to.
    Rule(
        key="approval",
        title="approved",
        judge=_known("approval", "asked for when it is deployed"),
        code="unapproved",
        exit_code=2,
        told="not approved: {detail}",
        now="have it approved",
    ),
)
BY_KEY = {rule.key: rule for rule in RULES}
REQUIRABLE = tuple(rule.key for rule in RULES if rule.key != "approval")


def assess(facts: Facts, rules: Sequence[Rule] = RULES) -> Gate:
    """Return the gate as the facts have it, by all rules."""
    found = [(rule, rule.judge(facts)) for rule in rules]
    items = tuple(
        Item(
            key=rule.key,
            title=rule.title,
            standing=evidence.standing,
            detail=evidence.detail,
            at=evidence.at,
            required=rule.key in facts.terms.required,
        )
        for rule, evidence in found
    )
    return Gate(at=facts.at, items=items, broken=facts.terms.broken)
