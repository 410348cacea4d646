"""The published JSON schemas: they are schemas, they agree with each other, and what tasks print fits them, failures too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from plimsoll.domain.outcome import Address, LogLines, SmokeReport
from plimsoll.domain.release import SmokeResult
from plimsoll.errors import Failed, Misconfigured, PlimsollError
from plimsoll.ui.errors import error_object
from plimsoll.wiring.releases import require_accepted
from plimsoll.workflows.smoke import require_passed
from plimsoll.workflows.status import history, status
from tests.fake_site import PRODUCTION, World, images

FOLDER = Path(__file__).parents[2] / "plimsoll" / "schemas"
FILES = sorted(FOLDER.glob("*.json"))
SCHEMAS = {path.stem: json.loads(path.read_text()) for path in FILES}


def check(told: dict[str, Any], name: str = "") -> None:
    """Hold a JSON object to the schema that it names, or to `name`."""
    found = name or str(told["schema"]).removeprefix("plimsoll.").replace("/", "-")
    Draft202012Validator(SCHEMAS[found]).validate(json.loads(json.dumps(told)))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_schema_is_one_and_is_named_after_its_file(path: Path) -> None:
    schema = SCHEMAS[path.stem]
    Draft202012Validator.check_schema(schema)
    name, _, version = path.stem.rpartition("-")
    assert schema["$id"] == f"urn:plimsoll:{name}:{version}"
    assert schema["title"]


def test_what_several_schemas_define_is_the_same_everywhere() -> None:
    seen: dict[str, Any] = {}
    for schema in SCHEMAS.values():
        for name, definition in schema.get("$defs", {}).items():
            assert seen.setdefault(name, definition) == definition, name


def crashing() -> World:
    world = World()
    world.deploy()
    world.cluster.behaviour = lambda workload: "crash" if images(web="2")["web"].digest in str(workload) else "ready"
    world.cluster.said["web", "web", False] = "no settings"
    return world


def test_a_failed_deploy_prints_its_record_the_restored_one_and_the_failure() -> None:
    with pytest.raises(Failed) as failed:
        crashing().deploy(images(web="2"))
    told = error_object(failed.value, "deploy")
    check(told)
    check(told, "error-1")
    assert told["error"]["code"] == "rollout"
    assert told["restored"] == "staging-3"
    assert told["failure"]["logs"]


def test_a_failed_rollback_prints_its_record() -> None:
    world = World()
    world.deploy()
    world.deploy(images(web="2"))
    world.http.answers["/api/greetings"] = 500
    with pytest.raises(Failed) as failed:
        world.rollback()
    check(error_object(failed.value, "rollback"))


def test_a_failed_smoke_test_prints_its_checks() -> None:
    checks = (SmokeResult(name="ready", path="/r", passed=False, status=500, detail="answered 500"),)
    report = SmokeReport(url="http://x", checks=checks)
    with pytest.raises(Failed) as failed:
        require_passed(checks, "http://x", report=report)
    told = error_object(failed.value, "smoke")
    check(told)
    assert told["passed"] is False


@pytest.mark.parametrize(
    "task", ["status", "history", "plan", "plan.approve", "deploy", "rollback", "smoke", "logs", "open", "build"]
)
def test_a_task_that_fails_before_it_begins_prints_the_error_alone(task: str) -> None:
    told = error_object(Misconfigured("there is no environment 'x'", where="plimsoll.toml", now="name one", code="unknown"), task)
    check(told)
    check(told, "error-1")
    assert set(told) == {"schema", "error"}


@pytest.mark.parametrize(("prepare", "code"), [("dirty", 2), ("conflict", 1)])
def test_a_plan_that_would_be_refused_prints_itself_and_ends_as_the_deploy_would(prepare: str, code: int) -> None:
    world = World()
    world.deploy(environment=PRODUCTION)
    if prepare == "conflict":
        world.cluster.edit("apps/v1/Deployment", "worker", "hello-production", {"spec": {"replicas": 5}}, manager="kubectl")
    result = world.plan(images(web="2"), PRODUCTION, dirty=prepare == "dirty")
    with pytest.raises(PlimsollError) as refused:
        require_accepted(result)
    assert refused.value.exit_code == code
    told = error_object(refused.value, "plan")
    check(told)
    assert told["error"]["code"] == prepare
    assert told["plan"]["changes"]
    with pytest.raises(PlimsollError) as deployed:
        world.deploy(images(web="2"), PRODUCTION, dirty=prepare == "dirty")
    assert (deployed.value.exit_code, deployed.value.code) == (code, prepare)


def test_results_fit() -> None:
    world = World()
    check(world.plan().to_json())
    for told in (world.deploy(dry_run=True), world.deploy(), world.deploy(), world.deploy(images(web="2")), world.rollback()):
        check(told.to_json())
    check(status(world.site()).to_json())
    check(history(world.site()).to_json())
    check(LogLines(environment="staging", lines=[("web-1", "started")]).to_json())
    check(Address(environment="local", url="http://127.0.0.1:8080", opened=False).to_json())


def test_a_success_without_a_field_of_the_contract_does_not_fit() -> None:
    world = World()
    world.deploy()
    told = status(world.site()).to_json()
    del told["images"]
    assert not Draft202012Validator(SCHEMAS["status-1"]).is_valid(told)
    assert not Draft202012Validator(SCHEMAS["status-1"]).is_valid({**status(world.site()).to_json(), "extra": 1})
