"""`inv deploy`: what is written and when, and what is recorded."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from plimsoll.domain.release import State
from plimsoll.errors import EnvironmentLacks, Failed
from tests.fake_site import World, images

if TYPE_CHECKING:
    from tests.fake_cluster import Call


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
