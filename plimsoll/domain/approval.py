"""Approvals: who let a plan go ahead, and how that is shown.

There are three ways: a file signed by an approver's key (`inv plan.approve`), the environment's name typed at a terminal, and
the review of a job's environment in GitHub Actions. Nobody approves their own deploy, but by typing the name.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plimsoll.domain.manifests import canonical
from plimsoll.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SIGNED, TYPED, REVIEWED = "signed", "typed", "github-review"
# What a signature is good for: one made for git commits or another tool's files approves nothing.
NAMESPACE = "plimsoll-plan"
# No blank, comma, quote or wildcard: each means something in the file of allowed signers.
APPROVER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+@-]*")
KEY_TYPES = (
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
)
# Bytes of an RSA key of 2048 bits with its exponent and lengths: shorter ones can be forged.
SHORTEST_RSA = 275
# GitHub's private addresses: a number, the login, and this domain.
NOREPLY = "users.noreply.github.com"
NOT_APPROVED, SELF_APPROVED, APPROVAL_EXPIRED, APPROVAL_INVALID = (
    "unapproved",
    "self-approved",
    "approval-expired",
    "approval-invalid",
)
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


@dataclass(frozen=True)
class Approver:
    """A person who may approve, by name and public key. `key` is a line as `ssh-keygen` writes it into a file `.pub`."""

    name: str
    key: str

    def __post_init__(self) -> None:
        """Refuse names and keys that a file of allowed signers could not hold."""
        if not APPROVER.fullmatch(self.name):
            msg = f"{self.name!r} is no name for an approver; write an e-mail address or a login"
            raise ValueError(msg)
        kind, _, rest = self.key.strip().partition(" ")
        if kind not in KEY_TYPES or "\n" in self.key.strip():
            msg = f"{self.key[:40]!r} is no public key; paste the line of a file .pub, such as 'ssh-ed25519 AAAA... ada'"
            raise ValueError(msg)
        try:
            blob = base64.b64decode(rest.split(" ")[0], validate=True)
        except (binascii.Error, ValueError) as error:
            msg = f"the public key of {self.name} is damaged: it is not base64"
            raise ValueError(msg) from error
        # The key names its own type again, after that name's length in four bytes.
        if blob[4 : 4 + len(kind)] != kind.encode() or int.from_bytes(blob[:4], "big") != len(kind):
            msg = f"the public key of {self.name} is damaged: it is not of the type {kind}"
            raise ValueError(msg)
        if kind == "ssh-rsa" and len(blob) < SHORTEST_RSA:
            msg = f"the RSA key of {self.name} is shorter than 2048 bits; make a new one: `ssh-keygen -t ed25519`"
            raise ValueError(msg)

    @property
    def public(self) -> str:
        """The key's type and data, without a comment."""
        return " ".join(self.key.split()[:2])

    @property
    def fingerprint(self) -> str:
        """The key's SHA256 fingerprint, as `ssh-keygen -l` prints it."""
        digest = hashlib.sha256(base64.b64decode(self.key.split()[1])).digest()
        return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"

    @property
    def names(self) -> tuple[str, ...]:
        """The names by which this person may be known: the one in the settings, and the key's comment."""
        return (self.name, *self.key.split()[2:])


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


def approver_of(fingerprint: str, approvers: Iterable[Approver]) -> Approver:
    """Return who signs with the key of this fingerprint. Raise Misconfigured when it is nobody's."""
    known = tuple(approvers)
    found = next((each for each in known if each.fingerprint == fingerprint), None)
    if found is None:
        names = ", ".join(each.name for each in known) or "none"
        raise Misconfigured(
            f"the key {fingerprint} is no approver's",
            where="plimsoll.toml, [approvers]",
            now=f"add its public key there, and have that reviewed (approvers: {names})",
            code="unknown-approver",
        )
    return found


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


def same_person(one: str, other: str) -> bool:
    """Tell whether two names may be one person's; a login and an e-mail address are compared by what stands before the @."""
    first, second = _plain(one), _plain(other)
    if first == second:
        return True
    if "@" in first and "@" in second:
        return False
    return first.partition("@")[0] == second.partition("@")[0]


def _plain(name: str) -> str:
    name = name.strip().casefold()
    local, _, domain = name.partition("@")
    return local.rpartition("+")[2] if domain == NOREPLY else name
