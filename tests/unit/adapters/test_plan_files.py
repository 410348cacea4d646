"""Plans and approvals as files: written whole or not at all, and read only where they have the published form."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from plimsoll.adapters.plan_files import read_approval, read_plan, write
from plimsoll.domain.approval import SignedApproval, Statement
from plimsoll.errors import Misconfigured
from tests.unit.domain.test_plan_file import file, saved
from tests.unit.test_schemas import check

if TYPE_CHECKING:
    from pathlib import Path

APPROVAL = SignedApproval(
    statement=Statement(
        digest=f"sha256:{'1' * 64}",
        environment="staging",
        approver="grace",
        approved_at="2030-01-02T03:04:05Z",
        expires_at="2030-01-03T03:04:05Z",
    ),
    signature="-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n",
)


def test_what_is_written_is_read_again_and_is_its_owners_alone(tmp_path: Path) -> None:
    write(tmp_path / "plan.json", saved().to_json(), "--save")
    assert read_plan(tmp_path / "plan.json") == saved()
    write(tmp_path / "approval.json", APPROVAL.to_json(), "--out")
    assert read_approval(tmp_path / "approval.json") == APPROVAL
    check(APPROVAL.to_json())
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    assert len(list(tmp_path.iterdir())) == 2, "nothing else is left behind"


def damaged(tmp_path: Path, text: str) -> str:
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(Misconfigured, match="is no plan that could be used") as refused:
        read_plan(tmp_path / "plan.json")
    assert refused.value.code == "plan-damaged"
    assert "inv plan" in refused.value.now
    return refused.value.what


def without(key: str) -> dict[str, Any]:
    found = file()
    del found[key]
    return found


def test_a_file_that_is_no_plan_says_why_in_one_line(tmp_path: Path) -> None:
    whole = json.dumps(file())
    assert "it is not JSON" in damaged(tmp_path, whole[: len(whole) // 2])
    assert "it is not JSON" in damaged(tmp_path, "")
    assert "it is not JSON" in damaged(tmp_path, "[" * 100_000)
    assert "'cluster' is a required property" in damaged(tmp_path, json.dumps(without("cluster")))
    assert "objects[0]" in damaged(tmp_path, json.dumps({**file(), "objects": ["x"]}))
    assert "schema" in damaged(tmp_path, json.dumps({**file(), "schema": "plimsoll.plan-file/2"}))
    assert "it was changed after it was saved" in damaged(tmp_path, json.dumps({**file(), "made_by": "grace"}))
    assert "'x' is not of type 'object'" in damaged(tmp_path, '"x"')


def test_an_approval_without_its_signature_is_none(tmp_path: Path) -> None:
    path = tmp_path / "approval.json"
    path.write_text(json.dumps({**APPROVAL.to_json(), "signature": ""}))
    with pytest.raises(Misconfigured, match="is no approval that could be used: signature") as refused:
        read_approval(path)
    assert refused.value.code == "approval-damaged"


def test_a_file_that_is_not_there_or_cannot_be_written_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "plan.json", tmp_path):
        with pytest.raises(Misconfigured, match="cannot be read"):
            read_plan(path)
    with pytest.raises(Misconfigured, match="cannot be written"):
        write(tmp_path / "nowhere" / "plan.json", {}, "--save")
