"""Approving a saved plan with a key, and holding an approval to the plan that it came with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.domain.approval import (
    APPROVAL_INVALID,
    REVIEWED,
    SIGNED,
    Approval,
    SignedApproval,
    Statement,
    require_valid,
    reviewer_of,
)
from plimsoll.domain.approver import approver_of
from plimsoll.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from plimsoll.domain.approver import Approver
    from plimsoll.domain.plan_file import SavedPlan
    from plimsoll.ports import RunReviews, Signatures


def sign(
    saved: SavedPlan, key: str, *, approvers: Mapping[str, Approver], signatures: Signatures, now: str, expires_at: str
) -> SignedApproval:
    """Return the approval of a plan by whose key this is; it holds until `expires_at`, and never longer than the plan.

    Raise Misconfigured when the key is no approver's, Failed when nothing was signed with it.
    """
    approver = approver_of(signatures.fingerprint(key), approvers.values())
    statement = Statement(
        digest=saved.digest,
        environment=saved.environment,
        approver=approver.name,
        approved_at=now,
        expires_at=min(expires_at, saved.expires_at),
    )
    return SignedApproval(statement=statement, signature=signatures.sign(key, statement.message))


def signed(
    approval: SignedApproval,
    saved: SavedPlan,
    *,
    approvers: Mapping[str, Approver],
    signatures: Signatures,
    now: str,
    deployers: Iterable[str],
) -> Approval:
    """Return what the record keeps of a signed approval. Raise Misconfigured when it does not let this plan go ahead now.

    `deployers` are the names by which the person who deploys is known.
    """
    said = approval.statement
    approver = approvers.get(said.approver)
    require_valid(approval, approver, digest=saved.digest, environment=saved.environment, now=now, deployers=deployers)
    if approver is None or not signatures.verify(said.message, approval.signature, approver):
        raise Misconfigured(
            f"the signature is not {said.approver}'s, or what it stands under was changed",
            where="--approval",
            now="have the plan approved again: `inv plan.approve FILE --key KEY`",
            code=APPROVAL_INVALID,
        )
    return Approval(kind=SIGNED, by=said.approver, at=said.approved_at)


def reviewed(environment: str, run: RunReviews, *, starters: Iterable[str], now: str) -> Approval:
    """Return what the record keeps of the review of this run. Raise Misconfigured when nobody else reviewed it.

    `starters` are those whom the runner names as having started the run; GitHub itself is asked, too.
    """
    dispatchers = {*starters, *run.dispatchers()}
    return Approval(kind=REVIEWED, by=reviewer_of(run.reviews(), environment, dispatchers), at=now)
