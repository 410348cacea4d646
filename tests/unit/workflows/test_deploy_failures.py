"""Deploys that fail, row by row of tests/cases/deploy/failures.toml: what is said, what is recorded, who serves afterwards."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from plimsoll.domain.outcome import BrokenRelease
from plimsoll.errors import Failed
from tests import fake_controllers
from tests.fake_site import World, images

CASES = tomllib.loads((Path(__file__).parents[2] / "cases" / "deploy" / "failures.toml").read_text())


class Misbehaving:
    """Lets the workloads of a case misbehave from the moment it is switched on, as long as they run the new content."""

    def __init__(self, behaviour: dict[str, str]) -> None:
        self._behaviour = behaviour
        self.bad_content = ""

    def __call__(self, workload: dict[str, Any]) -> str:
        name = workload["metadata"]["name"]
        # A Job's name goes on with the hash of its spec.
        how = self._behaviour.get(name) or self._behaviour.get(name.rpartition("-")[0], "ready")
        bad = name == "store" or (self.bad_content and self.bad_content in str(workload))
        return how if bad else "ready"


def played(case: dict[str, Any]) -> tuple[World, Failed, int]:
    """Return the world after the failing deploy, its error, and how many writes there were before it."""
    misbehaving = Misbehaving(case.get("behaviour", {}))
    world = World(misbehaving)
    if not case.get("first"):
        world.deploy()
    before = len(world.writes())
    released = images(web="2", schema=case.get("schema", "schema-1"))
    misbehaving.bad_content = released["web"].digest
    world.http.answers |= case.get("http", {})
    world.registry.gone |= {released[service].reference for service in case.get("gone", ())}
    with pytest.raises(Failed) as failed:
        world.deploy(released)
    return world, failed.value, before


@pytest.mark.parametrize("name", CASES)
def test_a_deploy_that_fails_names_its_cause_and_leaves_a_state_to_go_on_from(name: str) -> None:
    case = CASES[name]
    world, error, before = played(case)
    expected = case["error"]
    assert (error.exit_code, error.code) == (expected["exit"], expected["code"])
    assert expected["what"] in error.what
    assert expected.get("now", "") in error.now
    assert world.states() == case["states"]
    if "serves" in case:
        assert world.mark("web") == case["serves"]
    changed = {kind for _verb, kind, _name in world.writes()[before:]}
    assert changed.isdisjoint(case.get("untouched", ()))
    assert world.free()


@pytest.mark.parametrize("name", [name for name in CASES if name != "image_absent_from_the_start"])
def test_after_a_failed_deploy_the_next_good_one_succeeds(name: str) -> None:
    world, _error, _before = played(CASES[name])
    world.http.answers.clear()
    world.cluster.behaviour = "ready"
    fake_controllers.react(world.cluster, world.live("apps/v1/StatefulSet", "store"))
    result = world.deploy(images(web="3", schema="schema-3"))
    assert result.outcome == "released"
    assert world.mark("web") == result.release.name
    assert [state for state in world.states().values() if state == "verified"] == ["verified"]


@pytest.mark.parametrize("name", [name for name in CASES if name != "image_absent_from_the_start"])
def test_the_record_of_a_failed_release_keeps_its_cause_and_its_end(name: str) -> None:
    world, error, _before = played(CASES[name])
    report = error.report
    assert isinstance(report, BrokenRelease)
    failed = world.release(report.release.name)
    assert failed.cause
    assert failed.cause.splitlines()[0] in error.what
    assert failed.finished_at
    assert not failed.once_verified
