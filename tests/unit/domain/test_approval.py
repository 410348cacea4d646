"""Who may approve, and who is the same person as who deploys."""

from __future__ import annotations

import base64

import pytest

from plimsoll.domain.approval import Approval
from plimsoll.domain.approver import Approver, same_person
from plimsoll.domain.project import Project
from tests.fake_site import PROJECT

ED25519 = "ssh-ed25519"


def key(kind: str = ED25519, content: bytes = b"1" * 36, comment: str = "ada@example.org") -> str:
    """Return a public key's line; ssh-keygen is not needed to tell its parts."""
    blob = len(kind).to_bytes(4, "big") + kind.encode() + content
    return f"{kind} {base64.b64encode(blob).decode()} {comment}".strip()


@pytest.mark.parametrize(
    ("name", "line", "problem"),
    [
        ("ada lovelace", key(), "is no name for an approver"),
        ("*", key(), "is no name for an approver"),
        ("ada,grace", key(), "is no name for an approver"),
        ("ada", "", "is no public key"),
        ("ada", "-----BEGIN OPENSSH PRIVATE KEY-----", "is no public key"),
        ("ada", key("ssh-dss"), "is no public key"),
        ("ada", f'cert-authority,namespaces="git" {key()}', "is no public key"),
        ("ada", f"{key()}\n{key()}", "is no public key"),
        ("ada", f"{ED25519} not-base64!", "it is not base64"),
        ("ada", f"{ED25519}", "is not of the type"),
        ("ada", key("ssh-rsa").replace("ssh-rsa", ED25519, 1), "is not of the type ssh-ed25519"),
        ("ada", key("ssh-rsa", b"1" * 128), "shorter than 2048 bits"),
    ],
)
def test_what_could_not_stand_among_allowed_signers_is_no_approver(name: str, line: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Approver(name, line)


def test_a_key_is_known_by_its_fingerprint_whatever_its_comment() -> None:
    assert Approver("ada", key()).fingerprint == Approver("ada", key(comment="")).fingerprint
    assert Approver("ada", key()).fingerprint != Approver("ada", key(content=b"2" * 36)).fingerprint
    assert Approver("ada", key()).fingerprint.startswith("SHA256:")


def test_one_key_under_two_names_is_refused() -> None:
    approvers = {name: Approver(name, key(comment=name)) for name in ("ada", "grace")}
    with pytest.raises(ValueError, match="ada and grace have the same key"):
        Project(**{**vars(PROJECT), "approvers": approvers})


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("ada", "ada", True),
        ("Ada ", "ada", True),
        ("ada", "ada@example.org", True),
        ("ada@example.org", "ADA@example.org", True),
        ("ada@example.org", "ada@example.com", False),
        ("ada", "12345+ada@users.noreply.github.com", True),
        ("ada@example.org", "12345+ada@users.noreply.github.com", True),
        ("grace", "12345+ada@users.noreply.github.com", False),
        ("ada", "grace", False),
        ("ada", "adam", False),
    ],
)
def test_a_login_and_an_address_of_the_same_name_count_as_one_person(one: str, other: str, same: bool) -> None:
    assert same_person(one, other) is same
    assert same_person(other, one) is same


def test_the_comment_of_a_key_is_another_name_of_its_owner() -> None:
    assert Approver("release-team", key()).names == ("release-team", "ada@example.org")


def test_an_approval_read_back_is_the_one_that_was_kept() -> None:
    approval = Approval(kind="signed", by="grace", at="2030-01-02T03:04:05Z")
    assert Approval.from_json(approval.to_json()) == approval
    assert Approval.from_json(None) is None
