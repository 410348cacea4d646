"""Approvals signed and verified by the real ssh-keygen, and what it must not take for one."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from plimsoll.adapters.ssh_signatures import SshSignatures
from plimsoll.domain.approval import SignedApproval, Statement
from plimsoll.domain.approver import Approver
from plimsoll.domain.plan_file import saved_plan
from plimsoll.errors import EnvironmentLacks, Failed, Misconfigured
from plimsoll.workflows import approval as workflow
from tests.fake_site import World
from tests.needs import need_program

if TYPE_CHECKING:
    from pathlib import Path

    from plimsoll.domain.plan_file import SavedPlan

MESSAGE = b'{"digest":"sha256:abc"}'
NOW, LATER, LATEST = "2030-01-02T03:04:05Z", "2030-01-02T05:00:00Z", "2030-01-03T03:04:05Z"


@dataclass(frozen=True)
class Person:
    """Somebody with a key."""

    key: Path
    approver: Approver


def person(folder: Path, name: str, kind: str = "ed25519") -> Person:
    need_program("ssh-keygen")
    key = folder / name
    subprocess.run(("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", f"{name}@example.org", "-f", key), check=True)
    return Person(key, Approver(name, key.with_suffix(".pub").read_text()))


def plan() -> SavedPlan:
    return saved_plan(
        World().plan(),
        project="hello",
        version=None,
        options={},
        made_by="ada",
        made_at=NOW,
        made_with="1.0",
        expires_at=LATEST,
    )


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_what_a_key_signed_is_that_persons_and_nobody_elses(tmp_path: Path, kind: str) -> None:
    ada, grace = person(tmp_path, "ada", kind), person(tmp_path, "grace", kind)
    signature = SshSignatures().sign(str(ada.key), MESSAGE)
    assert SshSignatures().verify(MESSAGE, signature, ada.approver)
    assert not SshSignatures().verify(MESSAGE, signature, Approver("ada", grace.approver.key))


def test_a_changed_message_and_a_damaged_signature_are_nobodys(tmp_path: Path) -> None:
    ada = person(tmp_path, "ada")
    signature = SshSignatures().sign(str(ada.key), MESSAGE)
    assert not SshSignatures().verify(MESSAGE.replace(b"abc", b"abd"), signature, ada.approver)
    for damaged in ("", "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n", signature.replace("A", "B", 5)):
        assert not SshSignatures().verify(MESSAGE, damaged, ada.approver)


def test_a_signature_for_another_purpose_approves_nothing(tmp_path: Path) -> None:
    ada = person(tmp_path, "ada")
    (tmp_path / "message").write_bytes(MESSAGE)
    subprocess.run(("ssh-keygen", "-q", "-Y", "sign", "-f", ada.key, "-n", "git", tmp_path / "message"), check=True)
    assert not SshSignatures().verify(MESSAGE, (tmp_path / "message.sig").read_text(), ada.approver)


def test_both_halves_of_a_key_have_the_fingerprint_that_the_settings_know(tmp_path: Path) -> None:
    ada = person(tmp_path, "ada")
    for half in (ada.key, ada.key.with_suffix(".pub")):
        assert SshSignatures().fingerprint(str(half)) == ada.approver.fingerprint


def test_a_file_that_is_no_key_is_told_without_its_content(tmp_path: Path) -> None:
    need_program("ssh-keygen")
    (tmp_path / "notes").write_text("correct horse\n")
    with pytest.raises(Misconfigured, match="is no SSH key") as refused:
        SshSignatures().fingerprint(str(tmp_path / "notes"))
    assert "correct horse" not in str(refused.value)
    with pytest.raises(Misconfigured, match="there is no key"):
        SshSignatures().fingerprint(str(tmp_path / "nothing"))


def test_a_key_that_others_may_read_signs_nothing(tmp_path: Path) -> None:
    ada = person(tmp_path, "ada")
    ada.key.chmod(0o644)
    with pytest.raises(Failed, match="signed nothing"):
        SshSignatures().sign(str(ada.key), MESSAGE)


def test_a_machine_without_ssh_keygen_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = person(tmp_path, "ada")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentLacks, match="ssh-keygen is not installed"):
        SshSignatures().sign(str(ada.key), MESSAGE)


def signed(grace: Person, **changes: str) -> SignedApproval:
    made = workflow.sign(
        plan(), str(grace.key), approvers={"grace": grace.approver}, signatures=SshSignatures(), now=NOW, expires_at=LATEST
    )
    said = {**made.statement.to_json(), **changes}
    del said["schema"]
    return SignedApproval(statement=Statement(**said), signature=made.signature)


def judged(grace: Person, approval: SignedApproval, *, now: str = LATER, deployer: str = "ada") -> str:
    """Return who approved, or the code of the refusal."""
    try:
        return workflow.signed(
            approval, plan(), approvers={"grace": grace.approver}, signatures=SshSignatures(), now=now, deployers=(deployer,)
        ).by
    except Misconfigured as error:
        return error.code


def test_an_approval_holds_for_its_plan_its_time_and_another_person_than_its_approver(tmp_path: Path) -> None:
    grace = person(tmp_path, "grace")
    approval = signed(grace)
    assert judged(grace, approval) == "grace"
    assert judged(grace, approval, now=LATEST) == "approval-expired"
    for same in ("grace", "Grace@example.org", "12345+grace@users.noreply.github.com"):
        assert judged(grace, approval, deployer=same) == "self-approved"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"expires_at": "2031-01-01T00:00:00Z"}, "approval-invalid"),
        ({"approved_at": "2030-01-02T04:00:00Z"}, "approval-invalid"),
        ({"approver": "linus"}, "unknown-approver"),
        ({"environment": "production"}, "approval-invalid"),
        ({"digest": f"sha256:{'0' * 64}"}, "approval-invalid"),
    ],
)
def test_a_statement_that_was_changed_after_it_was_signed_approves_nothing(
    tmp_path: Path, changes: dict[str, str], code: str
) -> None:
    grace = person(tmp_path, "grace")
    assert judged(grace, signed(grace, **changes)) == code


def test_an_approval_never_holds_longer_than_its_plan(tmp_path: Path) -> None:
    grace = person(tmp_path, "grace")
    approvers = {"grace": grace.approver}
    for asked, given in (("2031-01-01T00:00:00Z", LATEST), (LATER, LATER)):
        made = workflow.sign(plan(), str(grace.key), approvers=approvers, signatures=SshSignatures(), now=NOW, expires_at=asked)
        assert made.statement.expires_at == given


def test_a_key_of_nobody_signs_no_plan(tmp_path: Path) -> None:
    grace, mallory = person(tmp_path, "grace"), person(tmp_path, "mallory")
    with pytest.raises(Misconfigured, match="is no approver's") as refused:
        workflow.sign(
            plan(),
            str(mallory.key),
            approvers={"grace": grace.approver},
            signatures=SshSignatures(),
            now=NOW,
            expires_at=LATEST,
        )
    assert "approvers: grace" in refused.value.now
