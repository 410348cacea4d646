"""`inv status` and `inv history`: what the ledger says, in the words of the contract."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from plimsoll.domain.release import State
from plimsoll.errors import Failed
from plimsoll.workflows.status import history, status
from tests.fake_site import World, images

SCHEMAS = Path(__file__).parents[3] / "plimsoll" / "schemas"


def validated(told: dict[str, object]) -> dict[str, object]:
    """Return a JSON result after its published schema has accepted it."""
    name, _, version = str(told["schema"]).removeprefix("plimsoll.").partition("/")
    schema = json.loads((SCHEMAS / f"{name}-{version}.json").read_text())
    Draft202012Validator(schema).validate(json.loads(json.dumps(told)))
    return told


def test_status_holds_the_whole_contract_and_nothing_else() -> None:
    world = World()
    world.deploy()
    told = validated(status(world.site()).to_json())
    assert set(told) == {
        "schema", "environment", "release", "state", "verified", "git_revision", "dirty", "url", "images", "smoke", "actor",
        "started_at", "finished_at", "broken_glass",
    }  # fmt: skip
    assert (told["release"], told["state"], told["verified"]) == ("staging-1", "verified", True)
    assert told["url"] == "http://127.0.0.1:8081"
    assert told["smoke"]["passed"] is True


def test_another_process_without_any_state_of_ours_reads_the_same() -> None:
    world = World()
    world.deploy()
    before = status(world.site()).to_json()
    world.host = "elsewhere"
    assert status(world.site()).to_json() == before


def test_an_environment_without_a_release_says_what_to_do() -> None:
    with pytest.raises(Failed, match="staging has no release yet") as failed:
        status(World().site())
    assert failed.value.code == "no-release"
    assert "inv build deploy --env staging" in failed.value.now


def test_a_first_release_that_failed_is_shown_as_what_it_is() -> None:
    world = World(behaviour=lambda workload: "crash" if workload["metadata"]["name"] == "web" else "ready")
    with pytest.raises(Failed):
        world.deploy()
    told = validated(status(world.site()).to_json())
    assert (told["release"], told["state"], told["verified"]) == ("staging-1", "failed", False)


def test_a_release_under_way_is_a_remark_beside_the_one_that_serves() -> None:
    world = World()
    world.deploy()
    live = world.release("staging-1")
    pending = replace(live, name="staging-2", number=2, state=State.PENDING)
    world.site().ledger.append(pending, world.site().ledger.manifests(live))
    found = status(world.site())
    assert found.release.name == "staging-1"
    assert found.remarks == ("staging-2 (pending, by ada) was left unfinished; the next deploy or rollback repairs that",)
    lock = world.site().lock("deploy to staging")
    lock.acquire(0, world.reporter, world.stop)
    assert status(world.site()).remarks[0].startswith("locked by ada on here")
    assert "is under way" in status(world.site()).remarks[1]


def test_status_repairs_nothing() -> None:
    world = World()
    world.deploy()
    before = world.writes(), world.states()
    status(world.site())
    history(world.site())
    assert (world.writes(), world.states()) == before


def test_history_is_newest_first_with_causes_and_rollbacks() -> None:
    world = World()
    world.deploy()
    world.cluster.behaviour = lambda workload: "crash" if images(web="2")["web"].digest in str(workload) else "ready"
    with pytest.raises(Failed):
        world.deploy(images(web="2"))
    told = validated(history(world.site()).to_json())
    assert set(told) == {"schema", "releases"}
    rows = [(each["release"], each["state"], each["rollback_of"], each["content_of"]) for each in told["releases"]]
    assert rows == [
        ("staging-3", "verified", "staging-2", "staging-1"),
        ("staging-2", "failed", None, None),
        ("staging-1", "superseded", None, None),
    ]
    assert "Deployment/web" in told["releases"][1]["cause"]


def test_a_damaged_record_hides_no_other() -> None:
    world = World()
    world.deploy()
    world.deploy(images(web="2"))
    broken = world.cluster.get("v1/ConfigMap", "hello-staging-1", "plimsoll")
    world.cluster.put({**broken, "data": {"release.json": "?"}}, "somebody")
    found = history(world.site())
    assert [release.name for release in found.releases] == ["staging-2"]
    assert found.damaged == ("hello-staging-1",)
    assert any("hello-staging-1" in remark for remark in status(world.site()).remarks)
    assert world.deploy(images(web="3")).release.name == "staging-3"
