"""What a deploy would do, what is refused before the first write, and what is never shown."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from plimsoll.domain.approval import Approval
from plimsoll.errors import Failed, Misconfigured
from tests.fake_site import PRODUCTION, STAGING, World, images

if TYPE_CHECKING:
    from typing import Any

    from tests.fake_cluster import Call


def test_a_dry_run_writes_and_publishes_nothing() -> None:
    world = World()
    result = world.deploy(dry_run=True)
    assert result.outcome == "planned"
    assert result.release is None
    assert world.writes() == []
    assert world.published == []
    assert world.cluster.get("v1/Namespace", "plimsoll") is None


def test_a_dry_run_is_the_plan_that_a_deploy_carries_out() -> None:
    world = World()
    world.deploy()
    planned = world.deploy(images(web="2"), dry_run=True).plan
    assert world.deploy(images(web="2")).plan.digest == planned.digest


def test_a_dry_run_shows_why_a_release_would_be_refused() -> None:
    world = World()
    result = world.deploy(environment=PRODUCTION, dirty=True, proven=world.history(), dry_run=True)
    assert {refusal.code for refusal in result.plan.refusals} == {"dirty", "not-proven"}


def test_uncommitted_changes_are_refused_for_production_before_anything_is_pushed() -> None:
    world = World()
    with pytest.raises(Misconfigured, match="committed sources only"):
        world.deploy(environment=PRODUCTION, dirty=True)
    assert world.published == []
    assert world.writes() == []


def test_production_takes_what_staging_verified() -> None:
    world = World()
    with pytest.raises(Misconfigured, match="digest not verified in staging"):
        world.deploy(environment=PRODUCTION, proven=world.history())
    world.deploy()
    assert world.deploy(environment=PRODUCTION, proven=world.history()).outcome == "released"
    assert world.states(PRODUCTION) == {"production-1": "verified"}


def test_a_protected_environment_asks_and_others_do_not() -> None:
    world = World()
    world.deploy()
    assert world.asked == []
    world.deploy(environment=PRODUCTION)
    assert world.asked == ["production"]
    assert world.release("production-1", PRODUCTION).approval == Approval(kind="typed", by="grace", at="2030-01-02T03:04:05Z")
    assert world.release("staging-1").approval is None
    world.deploy(environment=PRODUCTION)
    assert world.asked == ["production"], "nothing to do is nothing to ask"


def test_a_cluster_that_changed_since_the_plan_was_approved_is_not_written_to() -> None:
    world = World()
    world.deploy(environment=PRODUCTION)
    site = world.site(PRODUCTION)
    original = world._approve

    def approve_while_somebody_works(plan: Any) -> Any:  # noqa: ANN401 -- from a DeployPlan to an Approval
        live = site.cluster.get("v1/ServiceAccount", "web", "hello-production")
        world.cluster.put({**live, "metadata": {**live["metadata"], "labels": {}}}, "somebody")
        return original(plan)

    world._approve = approve_while_somebody_works  # type: ignore[method-assign] -- the test plays a person who is slow to answer
    before = world.writes()
    with pytest.raises(Misconfigured, match="has changed since the plan was made") as stale:
        world.deploy(images(web="2"), environment=PRODUCTION)
    assert stale.value.code == "plan-stale"
    assert "ServiceAccount/web: metadata.labels" in stale.value.what
    assert world.writes() == before


def test_a_conflict_stops_the_deploy_before_the_first_write_and_taking_over_goes_on() -> None:
    world = World()
    world.deploy()
    world.cluster.edit("apps/v1/Deployment", "worker", "hello-staging", {"spec": {"replicas": 5}}, manager="kubectl-scale")
    before = world.writes()
    with pytest.raises(Failed, match="replicas belongs to kubectl-scale") as refused:
        world.deploy(images(web="2"))
    assert refused.value.code == "conflict"
    assert world.writes() == before
    assert world.states() == {"staging-1": "verified"}
    assert world.deploy(images(web="2"), take_over=True).outcome == "released"
    assert world.live("apps/v1/Deployment", "worker")["spec"]["replicas"] == 1


def test_an_object_that_the_api_refuses_is_told_before_the_first_write() -> None:
    world = World()
    world.deploy()

    def refuse(call: Call) -> None:
        if call.verb == "apply" and call.name == "worker":
            raise Misconfigured("the API server refuses Deployment/worker: spec.selector: field is immutable", code="refused")

    world.cluster.on_call.append(refuse)
    before = world.writes()
    with pytest.raises(Misconfigured, match="field is immutable"):
        world.deploy(images(worker="2"))
    assert world.writes() == before


def test_objects_of_a_namespace_to_be_made_are_judged_by_the_schemas() -> None:
    world = World()
    world.schemas.problems = lambda each: [("spec.x", "is not a field", "remove it")] if each["kind"] == "Service" else ()
    with pytest.raises(Misconfigured, match=r"Service/store: spec\.x is not a field"):
        world.deploy()
    assert world.writes() == []


def test_a_cluster_of_another_identity_is_refused_before_the_first_write() -> None:
    world = World()
    calls = []

    def guard() -> None:
        calls.append(len(world.writes()))
        raise Misconfigured("another cluster answers", code="other-cluster")

    site = replace(world.site(), guard=guard)
    world.site = lambda _environment=STAGING: site  # type: ignore[method-assign] -- the same site with another guard
    with pytest.raises(Misconfigured, match="another cluster"):
        world.deploy()
    assert calls == [0]
    assert world.writes() == []


def test_no_secret_value_appears_in_plan_record_or_output() -> None:
    world = World(behaviour=lambda workload: "crash" if workload["metadata"]["name"] == "web" else "ready")
    world.cluster.said["web", "web", True] = ""
    with pytest.raises(Failed) as failed:
        world.deploy()
    secret = world.live("v1/Secret", "hello-secrets")["data"]["store-password"]
    told = [failed.value.what, failed.value.now, str(world.reporter.said), json.dumps(failed.value.report.to_json())]
    told += [json.dumps(each) for each in world.cluster.list("v1/ConfigMap", "plimsoll")]
    assert len(base64.b64decode(secret)) == 32
    for text in told:
        assert secret not in text
        assert base64.b64decode(secret).decode() not in text


def test_what_a_program_printed_is_told_without_the_secrets_in_it() -> None:
    world = World()
    world.deploy()
    value = base64.b64decode(world.live("v1/Secret", "hello-secrets")["data"]["store-password"]).decode()
    world.cluster.said["web", "web", False] = f"cannot connect with {value}"
    world.cluster.said["web", "web", True] = f"cannot connect with {value}"
    world.cluster.behaviour = lambda workload: "crash" if images(web="2")["web"].digest in str(workload) else "ready"
    with pytest.raises(Failed) as failed:
        world.deploy(images(web="2"))
    report = json.dumps(failed.value.report.to_json())
    assert "cannot connect with ***" in report
    assert value not in report
