"""Approvals: who let a plan go ahead, and how that is shown.

There are three ways: a file signed by an approver's key (`inv plan.approve`), the environment's name typed at a terminal, and
the review of a job's environment in GitHub Actions. Nobody approves their own deploy, but by typing the name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plimsoll.domain.approver import same_person
from plimsoll.domain.manifests import canonical
from plimsoll.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from plimsoll.domain.approver import Approver

SIGNED, TYPED, REVIEWED = "signed", "typed", "github-review"
# What a signature is good for: one made for git commits or another tool's files approves nothing.
NAMESPACE = "plimsoll-plan"
# The codes of refusals.
NOT_APPROVED, SELF_APPROVED = "unapproved", "self-approved"
APPROVAL_EXPIRED, APPROVAL_INVALID = "approval-expired", "approval-invalid"
WAYS = (
    "approve it in one of three ways: a file signed by an approver (`inv plan --save FILE`, `inv plan.approve FILE --key KEY`, "
    "then `inv deploy --plan FILE --approval FILE`); the environment's name, typed at a terminal; or the review of the job's "
    "environment in GitHub Actions"
)


@dataclass(frozen=True, kw_only=True)
class Approval:
    """What a release's record keeps: the way (`signed`, `typed`, `github-review`), who, and when (RFC 3339, UTC)."""

    kind: str
    by: str
    at: str

    def to_json(self) -> dict[str, str]:
        """Return the approval as records and JSON contracts hold it."""
        return {"kind": self.kind, "by": self.by, "at": self.at}

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Approval | None:
        """Read what `to_json` wrote; None for none."""
        return None if data is None else cls(kind=str(data["kind"]), by=str(data["by"]), at=str(data["at"]))


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What an approver signs: this plan (by the digest of its file) may go to this environment until then (RFC 3339, UTC)."""

    digest: str
    environment: str
    approver: str
    approved_at: str
    expires_at: str

    def to_json(self) -> dict[str, str]:
        """Return the statement as the file holds it."""
        return {
            "schema": "plimsoll.approval/1",
            "digest": self.digest,
            "environment": self.environment,
            "approver": self.approver,
            "approved_at": self.approved_at,
            "expires_at": self.expires_at,
        }

    @property
    def message(self) -> bytes:
        """The very bytes that are signed."""
        return canonical(self.to_json())


@dataclass(frozen=True, kw_only=True)
class SignedApproval:
    """A statement and its signature (armoured, as `ssh-keygen -Y sign` writes it)."""

    statement: Statement
    signature: str

    def to_json(self) -> dict[str, str]:
        """Return the JSON contract `plimsoll.approval/1`."""
        return {**self.statement.to_json(), "signature": self.signature}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SignedApproval:
        """Read what `to_json` wrote; raise KeyError for anything else."""
        names = ("digest", "environment", "approver", "approved_at", "expires_at")
        return cls(statement=Statement(**{name: str(data[name]) for name in names}), signature=str(data["signature"]))


@dataclass(frozen=True, kw_only=True)
class Review:
    """A review of a run in GitHub Actions: `state` is `approved`, `rejected` or `pending`, `user` the reviewer's login."""

    state: str
    user: str
    environments: frozenset[str]


def require_valid(
    approval: SignedApproval, approver: Approver | None, *, digest: str, environment: str, now: str, deployers: Iterable[str]
) -> None:
    """Raise Misconfigured unless the statement is of this plan, still holds, and is by another person than who deploys.

    Times are RFC 3339 in UTC, `deployers` the names by which the deploying person is known. The signature is verified apart.
    """
    said = approval.statement
    if said.digest != digest or said.environment != environment:
        raise Misconfigured(
            f"the approval is of another plan: {said.digest[:23]} for {said.environment}, and this one is {digest[:23]} "
            f"for {environment}",
            where="--approval",
            now="have this very plan approved: `inv plan.approve FILE --key KEY`",
            code=APPROVAL_INVALID,
        )
    if approver is None:
        raise Misconfigured(
            f"{said.approver} is no approver of this repository",
            where="plimsoll.toml, [approvers]",
            now="have the plan approved by somebody who is named there",
            code="unknown-approver",
        )
    if said.expires_at <= now:
        raise Misconfigured(
            f"the approval by {said.approver} has expired at {said.expires_at}",
            where="--approval",
            now="have the plan approved again: `inv plan.approve FILE --key KEY`",
            code=APPROVAL_EXPIRED,
        )
    own = next((name for name in deployers if any(same_person(name, other) for other in approver.names)), None)
    if own is not None:
        raise Misconfigured(
            f"{said.approver} signed the approval and deploys as {own}: nobody approves their own deploy",
            where="--approval",
            now="have the plan approved by somebody else, or have somebody else deploy it",
            code=SELF_APPROVED,
        )


def reviewer_of(reviews: Iterable[Review], environment: str, dispatchers: Iterable[str]) -> str:
    """Return who approved the job's environment. Raise Misconfigured when nobody did but those who started the run."""
    starters = {name.casefold() for name in dispatchers if name}
    approving = [
        each.user
        for each in reviews
        if each.state == "approved" and each.user and environment.casefold() in {name.casefold() for name in each.environments}
    ]
    others = [user for user in approving if user.casefold() not in starters]
    if others:
        return others[0]
    if approving:
        raise Misconfigured(
            f"{approving[0]} reviewed the run and started it: nobody approves their own deploy",
            where=f"the review of the environment {environment} in GitHub Actions",
            now="have somebody else review it (the environment's setting 'prevent self-review' holds that, too)",
            code=SELF_APPROVED,
        )
    raise Misconfigured(
        f"{environment} is protected, and nobody has reviewed this run for it",
        where=f"the review of the environment {environment} in GitHub Actions",
        now=f"name `environment: {environment}` in the job and give it required reviewers in the repository's settings; "
        f"or {WAYS}",
        code=NOT_APPROVED,
    )
