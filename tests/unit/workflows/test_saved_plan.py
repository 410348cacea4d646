"""Plans that are saved and carried out later: exactly, or not at all and with the name of what moved."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from plimsoll.domain.plan_file import SavedPlan, saved_plan
from plimsoll.errors import Failed, Misconfigured
from tests.fake_site import PRODUCTION, STAGING, World, images

if TYPE_CHECKING:
    from plimsoll.domain.project import Environment
    from tests.fake_cluster import Call


class Killed(BaseException):
    """The process ends here and now."""


def saved(world: World, web: str = "2", environment: Environment = STAGING) -> SavedPlan:
    """Return a plan that went through a file."""
    made = saved_plan(
        world.plan(images(web=web), environment),
        project="hello",
        version=None,
        options={"take_over": False},
        made_by="ada",
        made_at="2030-01-02T03:04:05Z",
        made_with="1.0",
        expires_at="2030-01-03T03:04:05Z",
    )
    return SavedPlan.from_json(json.loads(json.dumps(made.to_json())))


def running(environment: Environment = STAGING) -> World:
    world = World()
    world.deploy(environment=environment)
    return world


def refused(world: World, plan: SavedPlan, environment: Environment = STAGING) -> Misconfigured:
    """Return the error of a saved plan that is refused before anything is written."""
    before, asked = world.writes(), list(world.asked)
    with pytest.raises(Misconfigured) as raised:
        world.deploy(saved=plan, environment=environment)
    assert raised.value.exit_code == 2
    assert world.writes() == before
    assert world.asked == asked, "nobody is asked about a plan that is refused anyway"
    assert world.free(environment)
    return raised.value


def test_making_a_plan_writes_and_publishes_nothing() -> None:
    world = World()
    plan = world.plan().plan
    assert plan.release == "staging-1"
    assert world.writes() == []
    assert world.published == []
    assert world.cluster.get("v1/Namespace", "plimsoll") is None


def test_a_plan_says_why_a_release_would_be_refused() -> None:
    world = World()
    result = world.plan(environment=PRODUCTION, dirty=True, proven=world.history())
    assert {refusal.code for refusal in result.plan.refusals} == {"dirty", "not-proven"}
    assert result.protected


def test_a_plan_of_a_recorded_release_names_images_that_are_gone_from_the_registry() -> None:
    world = World()
    world.registry.gone.add(images()["web"].reference)
    assert world.plan().plan.refusals == (), "an image of the present source is pushed by the deploy"
    (refusal,) = world.plan(recorded=True).plan.refusals
    assert (refusal.code, refusal.exit_code) == ("image-missing", 1)
    assert images()["web"].reference in refusal.what


def test_a_plan_says_who_holds_the_environment_and_who_deploys_there_just_now() -> None:
    world = World()
    world.deploy()
    assert world.plan().remarks == ()
    world.site().holds.acquire("grace", "a freeze for the launch", "1h")
    (held,) = world.plan().remarks
    assert "grace" in held
    assert "a freeze for the launch" in held
    world.site().holds.release("grace")
    world.site().lock("deploy to staging").acquire(0, world.reporter, world.stop)
    (locked,) = world.plan().remarks
    assert "locked by ada on here" in locked
    assert world.plan().plan.refusals == ()


def test_a_saved_plan_is_carried_out_as_it_was_looked_at() -> None:
    world = running()
    plan = saved(world)
    result = world.deploy(saved=plan)
    assert result.outcome == "released"
    assert result.plan.digest == plan.plan_digest
    assert world.release("staging-2").images["web"].digest == images(web="2")["web"].digest
    assert world.mark("web") == "staging-2"
    assert world.mark("worker") == "staging-1"


def test_a_saved_plan_of_a_first_release_is_carried_out() -> None:
    world = World()
    assert world.deploy(saved=saved(world)).outcome == "released"


def test_the_overlay_of_another_day_does_not_change_what_a_saved_plan_does() -> None:
    world = running()
    plan = saved(world)
    world.overlay.settings = "greeting=good day"
    world.overlay.change = lambda objects: objects.clear()
    assert world.deploy(saved=plan).outcome == "released"
    assert [each["data"]["settings"] for each in world.cluster.list("v1/ConfigMap", "hello-staging")] == ["greeting=hello"]
    assert world.cluster.get("apps/v1/Deployment", "worker", "hello-staging") is not None


def test_a_saved_plan_with_nothing_to_do_does_nothing() -> None:
    world = running()
    assert world.deploy(saved=saved(world, web="1")).outcome == "unchanged"


def test_a_release_since_then_is_named() -> None:
    world = running()
    plan = saved(world)
    world.deploy(images(web="3"))
    error = refused(world, plan)
    assert error.code == "plan-stale"
    assert "staging-2 was recorded since: verified, by ada" in error.what
    assert "the verified release was staging-1 and is staging-2" in error.what


def test_a_field_that_drifted_since_then_is_named_with_both_values() -> None:
    world = running()
    plan = saved(world)
    world.cluster.edit(
        "apps/v1/Deployment", "worker", "hello-staging", {"spec": {"template": {"metadata": {"labels": {"tier": "back"}}}}}
    )
    live = world.live("v1/Service", "web")
    live["spec"]["ports"][0]["port"] = 8080
    world.cluster.put(live, "plimsoll")
    error = refused(world, plan)
    assert "Service/web: spec.ports" in error.what
    assert "8080" in error.what
    assert "tier" not in error.what, "a field that nobody here owns would not change, before or after"


def test_an_object_that_is_gone_since_then_is_named() -> None:
    world = running()
    plan = saved(world)
    world.cluster.remove("v1/Service", "web", "hello-staging")
    assert "Service/web is gone from the cluster" in refused(world, plan).what


def test_a_conflict_since_then_is_named_with_the_other_manager() -> None:
    world = running()
    plan = saved(world)
    world.cluster.edit("apps/v1/Deployment", "worker", "hello-staging", {"spec": {"replicas": 5}}, manager="kubectl-scale")
    error = refused(world, plan)
    assert "Deployment/worker: spec.replicas was 1 and is 5" in error.what
    assert "replicas belongs to kubectl-scale" in error.what


def test_a_secret_that_is_gone_since_then_is_named() -> None:
    world = running()
    plan = saved(world)
    world.cluster.remove("v1/Secret", "hello-secrets", "hello-staging")
    assert "the Secret's key hello-secrets/store-password is missing now" in refused(world, plan).what


def test_an_image_that_is_gone_since_then_is_named() -> None:
    world = running()
    plan = saved(world)
    world.registry.gone.add(images(web="2")["web"].reference)
    with pytest.raises(Failed, match="the registry does not have localhost:5001/hello/web@sha256"):
        world.deploy(saved=plan)


def test_another_cluster_is_refused() -> None:
    world = running()
    error = refused(world, replace(saved(world), cluster="uid-of-another"))
    assert error.code == "plan-elsewhere"
    assert "made for another cluster" in error.what


def test_what_moves_while_the_lock_is_waited_for_is_seen_too() -> None:
    world = running()
    plan = saved(world)
    drifted = []

    def drift(call: Call) -> None:
        # The lease is there, from the deploy before; it is taken by a replacement.
        if call.verb == "replace" and call.kind.endswith("Lease") and not drifted:
            drifted.append(call)
            world.cluster.remove("v1/Service", "web", "hello-staging")

    world.cluster.on_call.append(drift)
    assert "Service/web is gone from the cluster" in refused(world, plan).what
    assert drifted


def test_a_plan_made_while_a_killed_deploy_left_its_traces_is_carried_out_after_the_repair() -> None:
    world = running()

    def die(call: Call) -> None:
        if call.verb == "apply" and call.name == "web" and not call.dry_run and call.kind.endswith("Deployment"):
            raise Killed

    world.cluster.on_call.append(die)
    with pytest.raises(Killed):
        world.deploy(images(web="3"))
    world.cluster.on_call.clear()
    plan = saved(world)
    assert world.deploy(saved=plan).outcome == "released"
    assert world.states() == {"staging-1": "superseded", "staging-2": "failed", "staging-3": "verified"}


def delete_namespace(world: World) -> None:
    for kind, namespace, name in [key for key in world.cluster._objects if key[1] == "hello-staging"]:
        world.cluster.remove(kind, name, namespace)
    world.cluster.remove("v1/Namespace", "hello-staging")


def test_a_plan_made_after_the_namespace_was_deleted_says_so_and_is_carried_out() -> None:
    world = running()
    delete_namespace(world)
    plan = saved(world)
    assert any("database content is gone" in note for note in plan.plan["notes"])
    assert world.deploy(saved=plan).outcome == "released"
    assert world.states() == {"staging-1": "superseded", "staging-2": "verified"}


def test_a_plan_made_before_the_namespace_was_deleted_is_refused_and_touches_nothing() -> None:
    world = running()
    plan = saved(world)
    delete_namespace(world)
    assert "Namespace/hello-staging is gone from the cluster" in refused(world, plan).what
    assert world.states() == {"staging-1": "verified"}


def test_a_dry_run_of_a_saved_plan_says_what_moved() -> None:
    world = running()
    plan = saved(world)
    assert world.deploy(saved=plan, dry_run=True).outcome == "planned"
    assert world.asked == []
    assert world.deploy(saved=plan, attested=True, dry_run=True).outcome == "planned"
    assert world.asked == ["staging"], "the approval that is handed over is looked at"
    world.deploy(images(web="3"))
    with pytest.raises(Misconfigured, match="staging-2 was recorded since"):
        world.deploy(saved=plan, dry_run=True)


def test_a_protected_environment_asks_for_a_saved_plan_and_records_the_answer() -> None:
    world = running(PRODUCTION)
    world.asked.clear()
    world.deploy(saved=saved(world, environment=PRODUCTION), environment=PRODUCTION)
    assert world.asked == ["production"]
    approval = world.release("production-2", PRODUCTION).approval
    assert approval is not None
    assert (approval.kind, approval.by) == ("typed", "grace")


def test_an_approval_that_is_handed_over_is_looked_at_where_none_is_needed() -> None:
    world = running()
    world.deploy(saved=saved(world), attested=True)
    assert world.asked == ["staging"]
    assert world.release("staging-2").approval is not None


def test_no_generated_secret_is_in_a_plan_or_its_file() -> None:
    world = running()
    value = world.live("v1/Secret", "hello-secrets")["data"]["store-password"]
    plain = base64.b64decode(value).decode()
    told = json.dumps([saved(world).to_json(), world.plan(images(web="2")).to_json()])
    assert value not in told
    assert plain not in told


def test_a_generated_secret_that_somebody_copied_elsewhere_is_not_shown_either() -> None:
    world = running()
    plain = base64.b64decode(world.live("v1/Secret", "hello-secrets")["data"]["store-password"]).decode()
    live = world.live("apps/v1/Deployment", "worker")
    live["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "GREETING", "value": f"hi {plain}!"}]
    world.cluster.put(live, "plimsoll")
    told = json.dumps(world.plan().to_json())
    assert "hi ***!" in told
    assert plain not in told
