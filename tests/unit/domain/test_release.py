"""Records of releases: their states, what the ledger keeps of them, and what contracts print."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from plimsoll.domain.approval import Approval
from plimsoll.domain.release import LONGEST_CAUSE, NEXT, Release, State, public_smoke
from plimsoll.errors import Bug
from tests.fake_site import record


def test_a_record_read_back_is_the_record_that_was_written() -> None:
    approval = Approval(kind="signed", by="grace", at="2030-01-02T03:00:00Z")
    release = record(
        rollback_of="staging-2", content_of="staging-1", migrated="uid-1", schema="abc", ci="https://ci/1", approval=approval
    )
    assert Release.from_record(json.loads(json.dumps(release.to_record()))) == release


def test_a_record_of_an_earlier_version_without_newer_fields_can_be_read() -> None:
    old = record().to_record()
    for newer in ("untouched", "ci", "migrated", "approval"):
        del old[newer]
    assert Release.from_record(old) == record()


def test_a_record_without_its_content_cannot_be_read() -> None:
    broken = record().to_record()
    del broken["content"]
    with pytest.raises(ValueError, match="content is missing"):
        Release.from_record(broken)


def test_a_release_that_becomes_verified_stays_known_as_once_verified() -> None:
    verified = record().moved(State.APPLIED).moved(State.VERIFIED)
    assert verified.verified
    assert verified.moved(State.SUPERSEDED).once_verified
    assert not verified.moved(State.SUPERSEDED).verified


@pytest.mark.parametrize(
    ("start", "end"), [(start, end) for start in State for end in State if end not in NEXT[start]], ids=lambda state: state.value
)
def test_a_state_that_does_not_follow_is_our_mistake(start: State, end: State) -> None:
    with pytest.raises(Bug, match="cannot go from"):
        record(state=start).moved(end)


def test_a_long_cause_is_cut_in_the_record() -> None:
    failed = record().moved(State.FAILED, cause="x" * 2 * LONGEST_CAUSE)
    assert failed.cause == "x" * LONGEST_CAUSE


def test_history_prints_exactly_the_contract() -> None:
    assert set(record().to_history()) == {
        "release", "state", "git_revision", "images", "actor", "started_at", "finished_at", "cause", "rollback_of", "content_of",
        "broken_glass", "whole",
    }  # fmt: skip


def test_an_image_prints_its_scan_as_verdict_and_database_date_only() -> None:
    web = record().to_history()["images"]["web"]
    assert set(web) == {"reference", "digest", "tag", "unpacked_bytes", "labels", "scan"}
    assert web["scan"] == {"verdict": "clean", "database_date": "2030-01-01T00:00:00Z"}
    assert web["reference"].endswith(web["digest"])


def test_a_smoke_test_that_did_not_run_has_not_passed() -> None:
    assert public_smoke(())["passed"] is False
    assert public_smoke(record().smoke)["passed"] is True
    assert public_smoke((*record().smoke, replace(record().smoke[0], passed=False)))["passed"] is False
