"""The pre-production gate, row by row (tests/cases/gate/gate.toml), and what a broken glass lets pass."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from plimsoll.domain.approval import Approval
from plimsoll.domain.gate import Evidence, Gate, Standing, Terms, reason_problem
from plimsoll.domain.gate_rules import BY_KEY, REQUIRABLE, RULES, Facts, approval_evidence, assess, branch_evidence
from plimsoll.domain.ledger import History
from plimsoll.domain.promotion import of_gate
from plimsoll.domain.release import State
from tests.fake_site import REVISION, image, images, record

CASES = tomllib.loads((Path(__file__).parents[2] / "cases" / "gate" / "gate.toml").read_text())
NOW = "2030-01-02T03:04:05Z"


def history(releases: dict[str, str]) -> History:
    """Return the ledger of staging: release -> the content of its image `web`."""
    return History(
        tuple(
            record(
                name=name,
                number=number,
                images=images(web=web),
                once_verified=True,
                state=State.SUPERSEDED,
                finished_at=f"2030-01-01T00:00:0{number}Z",
            )
            for number, (name, web) in enumerate(releases.items(), 1)
        )
    )


def facts(case: dict[str, Any]) -> Facts:
    released = images()
    for service, tag in case.get("tags", {}).items():
        released[service] = image(service, tag=tag)
    for service, each in released.items():
        scan = each.scan
        assert scan is not None
        scan = replace(
            scan,
            verdict=case.get("scans", {}).get(service, "clean"),
            database_date=case.get("database", {}).get(service, "2030-01-01T00:00:00Z"),
            reason=case.get("reason"),
        )
        released[service] = replace(each, scan=scan)
    known = {key: Evidence(**{**found, "standing": Standing(found["standing"])}) for key, found in case.get("known", {}).items()}
    if "branches" in case:
        seen = {**dict.fromkeys(case.get("unknown", ())), **case["branches"]}
        known["branch"] = branch_evidence("main", seen, NOW)
    return Facts(
        images=released,
        git_revision=REVISION,
        dirty=case.get("dirty", False),
        proven=None if case.get("alone") else history(case.get("proven", {"staging-1": "1"})),
        at=NOW,
        terms=Terms(known=known, required=frozenset(case.get("required", ()))),
    )


def told(case: dict[str, Any], gate: Gate) -> dict[str, Any]:
    """Return what the gate says in the terms of the case."""
    (item,) = [each for each in gate.items if each.key == case["item"]]
    found: dict[str, Any] = {"standing": item.standing.value, "detail": case["detail"] in item.detail}
    if "at" in case:
        found["at"] = item.at
    refusals = of_gate("production", gate)
    if refusals:
        (refusal,) = refusals
        what = case.get("refusal", {}).get("what", "")
        found["refusal"] = {
            "code": refusal.code,
            "exit": refusal.exit_code,
            "what": what if what in refusal.what else refusal.what,
        }
    return found


def expected(case: dict[str, Any]) -> dict[str, Any]:
    return {**{key: case[key] for key in ("standing", "at", "refusal") if key in case}, "detail": True}


@pytest.mark.parametrize("name", CASES)
def test_an_item_stands_as_its_evidence_says(name: str) -> None:
    case = CASES[name]
    assert told(case, assess(facts(case))) == expected(case)


@pytest.mark.parametrize("key", BY_KEY)
def test_switching_a_rule_off_makes_its_cases_fail(key: str) -> None:
    off = tuple(
        replace(rule, judge=lambda _facts: Evidence(standing=Standing.MET, detail="switched off")) if rule.key == key else rule
        for rule in RULES
    )
    own = [case for case in CASES.values() if case["item"] == key and "refusal" in case]
    assert own, f"no case refuses by {key}"
    assert all(told(case, assess(facts(case), off)) != expected(case) for case in own)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "refusal" in case])
def test_broken_glass_lets_pass_whatever_refuses_and_hides_none_of_it(name: str) -> None:
    found = facts(CASES[name])
    gate = assess(replace(found, terms=replace(found.terms, broken="the site is down")))
    assert gate.passes
    assert of_gate("production", gate) == ()
    assert gate.refusing
    assert gate.broken == "the site is down"


@pytest.mark.parametrize("key", REQUIRABLE)
def test_every_item_but_the_approval_may_be_required(key: str) -> None:
    assert key != "approval"
    gate = assess(facts({"alone": True, "required": [key], "scans": {"web": "not-run"}}))
    assert [item.key for item in gate.items if item.required] == [key]


def test_digests_that_several_releases_of_staging_verified_are_proven() -> None:
    pair = (images(web="1", worker="2"), images(web="2", worker="1"))
    proven = History(
        tuple(record(name=f"staging-{n}", number=n, images=each, once_verified=True) for n, each in enumerate(pair, 1))
    )
    (item,) = [each for each in assess(replace(facts({}), proven=proven)).items if each.key == "staging"]
    assert (item.standing, item.detail) == (Standing.MET, "each digest was verified, in several releases")


def test_a_gate_read_back_is_the_gate_that_was_recorded() -> None:
    gate = assess(facts({"required": ["tests"], "dirty": True}))
    assert Gate.from_json(json.loads(json.dumps(gate.to_json()))) == gate
    assert Gate.from_json(None) is None


def test_an_approval_is_evidence_with_its_time() -> None:
    found = approval_evidence(Approval(kind="signed", by="grace", at=NOW))
    assert (found.standing, found.detail, found.at) == (Standing.MET, "grace (signed)", NOW)


@pytest.mark.parametrize("reason", ["", " ", "x", "emergency", "emergencyemergency", "a b", "now    plea"])
def test_a_reason_that_explains_nothing_is_none(reason: str) -> None:
    assert "is no reason" in reason_problem(reason)


@pytest.mark.parametrize("reason", ["checkout is down\nreally", "checkout is \x1b[31mdown", "checkout is down\x07 now"])
def test_a_reason_is_one_line_of_plain_text(reason: str) -> None:
    assert "one line of text" in reason_problem(reason)


def test_a_reason_of_some_length_is_one() -> None:
    assert reason_problem("checkout is down, INC-4711") == ""
