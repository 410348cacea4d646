"""`inv deploy`: what is written and when, what is recorded, what is refused, and what an interruption leaves."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from plimsoll.domain.outcome import BrokenRelease
from plimsoll.domain.release import State
from plimsoll.errors import EnvironmentLacks, Failed, Interrupted, Misconfigured
from tests.fake_site import PRODUCTION, STAGING, World, images

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tests.fake_cluster import Call

# Requests at which a deploy of a changed release can be stopped: verb and kind of the first that matches.
STEPS = ["apply v1/ConfigMap", "apply apps/v1/Deployment", "watch apps/v1/StatefulSet", "watch apps/v1/Deployment"]


class Killed(BaseException):
    """SIGKILL: nothing of the program runs after it."""


def at(world: World, step: str, act: Callable[[], None]) -> None:
    """Call `act` at the first request that matches `step`."""
    verb, _, kind = step.partition(" ")

    def look(call: Call) -> None:
        if call.verb == verb and kind in call.kind and not call.dry_run and call.namespace != "plimsoll":
            world.cluster.on_call.remove(look)
            act()

    world.cluster.on_call.append(look)


def killed_deploy(world: World, step: str, released: dict[str, Any]) -> None:
    """Deploy and die at `step`: nothing is written any more, not even to give the lock back."""

    def die() -> None:
        world.cluster.on_call.append(dead)
        raise Killed

    def dead(_call: Call) -> None:
        raise Killed

    at(world, step, die)
    with pytest.raises(Killed):
        world.deploy(released)
    world.cluster.on_call.clear()


# --- good deploys ----------------------------------------------------------------------------------------


def test_a_first_deploy_is_verified_and_recorded() -> None:
    world = World()
    result = world.deploy()
    assert result.outcome == "released"
    record = world.release("staging-1")
    assert record.state is State.VERIFIED
    assert record.once_verified
    assert [check.name for check in record.smoke] == ["ready", "greetings"]
    assert record.actor == "ada"
    assert record.finished_at is not None
    assert set(record.timings) == {"foundation", "data", "migration", "workloads", "smoke"}
    assert record.workloads["Deployment/web"] == "staging-1"
    assert world.free()


def test_waves_are_applied_in_order() -> None:
    world = World()
    world.deploy()
    order = [kind for verb, kind, _name in world.writes() if verb in {"apply", "create"}]
    assert order[0] == "Namespace"
    foundation, data, job, workload = (order.index(kind) for kind in ("ConfigMap", "StatefulSet", "Job", "Deployment"))
    assert foundation < order.index("Secret") < data < job < workload


def test_an_unchanged_deploy_applies_nothing_and_writes_no_record() -> None:
    world = World()
    world.deploy()
    before = world.writes()
    result = world.deploy()
    assert result.outcome == "unchanged"
    assert result.release is not None
    assert result.release.name == "staging-1"
    assert world.writes() == before
    assert world.states() == {"staging-1": "verified"}


def test_only_what_changed_is_applied_and_only_that_workload_is_rolled() -> None:
    world = World()
    world.deploy()
    before = len(world.writes())
    world.deploy(images(web="2"))
    assert world.writes()[before:] == [("apply", "Deployment", "web"), ("delete", "Job", world.writes()[-1][2])]
    assert world.mark("web") == "staging-2"
    assert world.mark("worker") == "staging-1"
    assert world.states() == {"staging-1": "superseded", "staging-2": "verified"}


def test_drift_is_repaired_under_a_record_of_its_own() -> None:
    world = World()
    world.deploy()
    # The label is ours and was taken away, not given to somebody else.
    live = world.live("v1/ServiceAccount", "web")
    del live["metadata"]["labels"]
    world.cluster.put(live, "somebody")
    result = world.deploy()
    assert result.outcome == "released"
    assert [change.ref.short for change in result.plan.changes] == ["ServiceAccount/web"]
    assert world.mark("web") == "staging-1"


def test_changed_configuration_rolls_the_pods_that_read_it_and_the_old_one_stays() -> None:
    world = World()
    world.deploy()
    (old,) = (each["metadata"]["name"] for each in world.cluster.list("v1/ConfigMap", "hello-staging"))
    world.overlay.settings = "greeting=good day"
    world.deploy()
    assert world.mark("web") == "staging-2"
    names = [each["metadata"]["name"] for each in world.cluster.list("v1/ConfigMap", "hello-staging")]
    assert len(names) == 2
    assert old in names


def test_what_left_the_overlay_is_pruned_only_after_the_release_is_verified() -> None:
    world = World()
    world.deploy()
    world.overlay.change = lambda objects: objects.remove(next(o for o in objects if o["metadata"]["name"] == "worker"))
    seen: list[str] = []

    def note(call: Call) -> None:
        if call.verb == "delete" and call.name == "worker":
            seen.append(world.states()["staging-2"])

    world.cluster.on_call.append(note)
    world.deploy()
    assert seen == ["verified"]
    assert world.cluster.get("apps/v1/Deployment", "worker", "hello-staging") is None


def test_a_release_whose_leftovers_cannot_be_pruned_is_verified_with_a_warning() -> None:
    world = World()
    world.deploy()
    world.overlay.change = lambda objects: objects.remove(next(o for o in objects if o["metadata"]["name"] == "worker"))

    def refuse(call: Call) -> None:
        if call.verb == "delete" and call.name == "worker":
            raise Failed("a finalizer holds it")

    world.cluster.on_call.append(refuse)
    assert world.deploy().outcome == "released"
    assert any("worker" in line and "could not be removed" in line for line in world.reporter.lines("warn"))


def test_a_cluster_that_is_lost_while_pruning_does_not_undo_a_verified_release() -> None:
    world = World()
    world.deploy()

    def lose(call: Call) -> None:
        record = world.cluster._objects.get(("v1/ConfigMap", "plimsoll", "hello-staging-2"), {})
        if call.verb == "list" and '"state": "verified"' in str(record):
            raise EnvironmentLacks("the API server does not answer")

    world.cluster.on_call.append(lose)
    result = world.deploy(images(web="2"))
    assert result.release is not None
    assert result.release.verified
    assert any("leftovers of earlier releases stay for now" in line for line in world.reporter.lines("warn"))


def test_the_migration_runs_once_for_a_schema() -> None:
    world = World()
    for content, schema in (("1", "schema-1"), ("2", "schema-1"), ("3", "schema-2")):
        world.deploy(images(web=content, schema=schema))
    jobs = [name for verb, kind, name in world.writes() if (verb, kind) == ("apply", "Job")]
    assert len(jobs) == 2


def test_a_job_that_failed_is_made_anew() -> None:
    world = World(behaviour=lambda workload: "fail" if workload["kind"] == "Job" else "ready")
    with pytest.raises(Failed):
        world.deploy()
    world.cluster.behaviour = "ready"
    assert world.deploy().outcome == "released"


def test_replicas_stay_as_the_autoscaler_set_them() -> None:
    world = World()
    world.deploy()
    world.cluster.edit("apps/v1/Deployment", "web", "hello-staging", {"spec": {"replicas": 3}}, manager="hpa")
    world.deploy(images(web="2"))
    assert world.live("apps/v1/Deployment", "web")["spec"]["replicas"] == 3


def test_old_manifests_are_thrown_away_and_records_are_kept() -> None:
    world = World()
    world.project = replace(world.project, rollout=replace(world.project.rollout, keep_releases=2))
    for number in range(5):
        world.deploy(images(web=str(number)))
    chunks = [
        each["metadata"]["name"] for each in world.cluster.list("v1/ConfigMap", "plimsoll", labels="plimsoll.dev/part=manifests")
    ]
    assert chunks == ["hello-staging-4.0", "hello-staging-5.0"]
    assert len(world.history().releases) == 5


# --- plans and refusals ----------------------------------------------------------------------------------


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
    world.deploy(environment=PRODUCTION)
    assert world.asked == ["production"], "nothing to do is nothing to ask"


def test_a_cluster_that_changed_since_the_plan_was_approved_is_not_written_to() -> None:
    world = World()
    world.deploy(environment=PRODUCTION)
    site = world.site(PRODUCTION)
    original = world._approve

    def approve_while_somebody_works(plan: Any) -> None:  # noqa: ANN401 -- a DeployPlan
        original(plan)
        live = site.cluster.get("v1/ServiceAccount", "web", "hello-production")
        world.cluster.put({**live, "metadata": {**live["metadata"], "labels": {}}}, "somebody")

    world._approve = approve_while_somebody_works  # type: ignore[method-assign] -- the test plays a person who is slow to answer
    before = world.writes()
    with pytest.raises(Failed, match="has changed since you approved") as stale:
        world.deploy(images(web="2"), environment=PRODUCTION)
    assert stale.value.code == "plan-stale"
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
        world.deploy(images(web="2"))
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


# --- interruptions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", STEPS)
def test_a_signal_stops_cleanly_and_brings_the_old_release_back(step: str) -> None:
    world = World()
    world.deploy()
    world.overlay.settings = "greeting=good day"
    at(world, step, lambda: setattr(world.stop, "sent", True))
    with pytest.raises(Interrupted) as stopped:
        world.deploy(images(web="2"))
    assert stopped.value.exit_code == 130
    assert "staging-1 serves again" in stopped.value.now
    assert world.states() == {"staging-1": "superseded", "staging-2": "failed", "staging-3": "verified"}
    assert "SIGTERM" in (world.release("staging-2").cause or "")
    assert world.mark("web") == "staging-1"
    assert world.free()


def test_a_signal_before_the_first_write_changes_nothing() -> None:
    world = World()
    world.deploy()
    before = world.writes()

    def note(call: Call) -> None:
        if call.verb == "create" and call.namespace == "plimsoll" and call.name == "hello-staging-2":
            world.stop.sent = True

    world.cluster.on_call.append(note)
    with pytest.raises(Interrupted) as stopped:
        world.deploy(images(web="2"))
    assert "nothing was changed" in stopped.value.now
    assert world.writes() == before
    assert world.states() == {"staging-1": "verified", "staging-2": "failed"}
    assert world.release("staging-2").untouched
    assert world.free()


@pytest.mark.parametrize("step", STEPS)
def test_a_killed_deploy_is_recognised_and_the_next_one_goes_on(step: str) -> None:
    world = World()
    world.deploy()
    world.overlay.settings = "greeting=good day"
    killed_deploy(world, step, images(web="2"))
    assert world.states()["staging-2"] == "pending"
    assert not world.free()
    result = world.deploy(images(web="3"))
    assert result.outcome == "released"
    assert world.states() == {"staging-1": "superseded", "staging-2": "failed", "staging-3": "verified"}
    assert "killed" in (world.release("staging-2").cause or "")
    assert world.mark("web") == "staging-3"
    assert any("staging-2 was left unfinished" in line for line in world.reporter.lines("warn"))


def test_a_deploy_killed_before_its_record_leaves_nothing_in_the_way() -> None:
    world = World()
    world.deploy()

    def die(call: Call) -> None:
        if call.verb == "create" and call.name == "hello-staging-2":
            raise Killed

    world.cluster.on_call.append(die)
    with pytest.raises(Killed):
        world.deploy(images(web="2"))
    world.cluster.on_call.clear()
    assert world.deploy(images(web="3")).outcome == "released"
    assert world.states() == {"staging-1": "superseded", "staging-2": "verified"}


def test_an_api_server_that_is_lost_leaves_a_record_that_the_next_deploy_repairs() -> None:
    world = World()
    world.deploy()
    at(world, "watch apps/v1/Deployment", lambda: setattr(world.cluster, "unreachable", True))
    with pytest.raises(EnvironmentLacks) as lost:
        world.deploy(images(web="2"))
    assert "repairs what was left unfinished" in lost.value.now
    world.cluster.unreachable = False
    assert world.states()["staging-2"] == "pending"
    assert world.deploy(images(web="2")).outcome == "released"
    assert world.states() == {"staging-1": "superseded", "staging-2": "failed", "staging-3": "verified"}


def test_a_verdict_that_cannot_be_written_brings_the_old_release_back() -> None:
    world = World()
    world.deploy()

    def refuse(call: Call) -> None:
        old = world.cluster._objects["v1/ConfigMap", "plimsoll", "hello-staging-1"]
        if (call.verb, call.name) == ("replace", "hello-staging-2") and '"state": "superseded"' in str(old):
            world.cluster.on_call.remove(refuse)
            raise Failed("the API server refuses ConfigMap/hello-staging-2: etcdserver: request timed out")

    world.cluster.on_call.append(refuse)
    with pytest.raises(Failed, match="request timed out") as failed:
        world.deploy(images(web="2"))
    assert "staging-1 serves again" in failed.value.now
    assert world.states() == {"staging-1": "superseded", "staging-2": "failed", "staging-3": "verified"}


def test_a_lock_that_is_lost_stops_every_further_write() -> None:
    world = World()
    world.deploy()

    def steal() -> None:
        world.clock.sleep(60)
        lease = world.cluster.get("coordination.k8s.io/v1/Lease", "hello-staging", "plimsoll")
        world.cluster.put({**lease, "spec": {**lease["spec"], "holderIdentity": "eve"}}, "eve")

    at(world, "watch apps/v1/StatefulSet", steal)
    with pytest.raises(Failed) as lost:
        world.deploy(images(web="2"))
    assert lost.value.code == "lock-lost"
    assert "repairs what was left unfinished" in lost.value.now
    assert world.mark("web") == "staging-1"
    assert world.states()["staging-2"] == "pending"


def test_our_own_mistake_still_brings_the_old_release_back() -> None:
    world = World()
    world.deploy()

    def stumble() -> None:
        raise ZeroDivisionError("oops")

    at(world, "watch apps/v1/Deployment", stumble)
    with pytest.raises(ZeroDivisionError):
        world.deploy(images(web="2"))
    assert world.states() == {"staging-1": "superseded", "staging-2": "failed", "staging-3": "verified"}
    assert world.mark("web") == "staging-1"


def test_a_rollback_that_fails_too_is_a_state_of_its_own_and_nothing_says_verified() -> None:
    world = World()
    world.deploy()
    world.cluster.behaviour = lambda workload: "crash" if workload["metadata"]["name"] == "web" else "ready"
    with pytest.raises(Failed) as failed:
        world.deploy(images(web="2"))
    assert failed.value.code == "rollback-failed"
    assert failed.value.what.startswith("Deployment/web will not become ready")
    assert "bringing back the release before failed" in failed.value.what
    assert "inv rollback --env staging --to staging-1" in failed.value.now
    assert world.states() == {"staging-1": "superseded", "staging-2": "failed", "staging-3": "rollback-failed"}
    world.cluster.behaviour = "ready"
    assert world.deploy(images(web="3")).outcome == "released"


def test_a_record_that_is_damaged_cannot_be_brought_back_and_that_is_said() -> None:
    world = World()
    world.deploy()
    world.cluster.remove("v1/ConfigMap", "hello-staging-1.0", "plimsoll")
    world.cluster.behaviour = lambda workload: "crash" if workload["metadata"]["name"] == "web" else "ready"
    with pytest.raises(Failed, match="the record of staging-1 cannot be used") as failed:
        world.deploy(images(web="2"))
    assert failed.value.code == "rollback-failed"
    assert "verified" not in world.states().values()


def test_the_error_of_a_failed_deploy_carries_both_records_and_the_failure() -> None:
    world = World()
    world.deploy()
    world.cluster.behaviour = lambda workload: "crash" if images(web="2")["web"].digest in str(workload) else "ready"
    with pytest.raises(Failed) as failed:
        world.deploy(images(web="2"))
    report = failed.value.report
    assert isinstance(report, BrokenRelease)
    told = report.to_json()
    assert told["release"] == "staging-2"
    assert told["state"] == "failed"
    assert told["restored"] == "staging-3"
    assert told["restored_content_of"] == "staging-1"
    assert told["failure"]["cause"]["workload"] == "Deployment/web"


# --- the lock --------------------------------------------------------------------------------------------


def test_a_deploy_that_finds_the_lock_held_names_the_holder_and_writes_nothing() -> None:
    world = World()
    world.deploy()
    killed_deploy(world, "apply apps/v1/Deployment", images(web="2"))
    before = world.writes()
    with pytest.raises(Failed, match="staging is locked by ada on here, process 1") as held:
        world.deploy(images(web="3"), wait_lock=0)
    assert held.value.code == "lock-held"
    assert world.writes() == before


def test_a_deploy_waits_for_a_lock_whose_holder_died() -> None:
    world = World()
    world.deploy()
    killed_deploy(world, "apply apps/v1/Deployment", images(web="2"))
    started = world.clock.monotonic()
    world.deploy(images(web="3"))
    assert 15 <= world.clock.monotonic() - started <= 30
