"""`inv deploy`: what is written and when, and what is recorded."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from plimsoll.domain.inventory import inventory_id
from plimsoll.domain.manifests import Ref, ref
from plimsoll.domain.release import State
from plimsoll.errors import EnvironmentLacks, Failed, Misconfigured
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
    assert set(record.timings) == {"publish", "lock", "plan", "foundation", "data", "migration", "workloads", "smoke"}
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


def test_everything_that_a_release_owns_is_listed_by_one_label() -> None:
    world = World()
    world.deploy()
    (parent,) = world.cluster.list("v1/ConfigMap", "plimsoll", labels="applyset.kubernetes.io/id")
    label = f"applyset.kubernetes.io/part-of={parent['metadata']['labels']['applyset.kubernetes.io/id']}"
    inventory = {Ref.parse(each) for each in world.release("staging-1").inventory}
    kinds = sorted({each.path for each in inventory})
    assert {ref(each) for kind in kinds for each in world.cluster.list(kind, labels=label)} == inventory
    assert "Deployment.apps" in parent["metadata"]["annotations"]["applyset.kubernetes.io/contains-group-kinds"]


def kinds_of_the_inventory(world: World) -> set[str]:
    (parent,) = world.cluster.list("v1/ConfigMap", "plimsoll", labels="applyset.kubernetes.io/id")
    return set(parent["metadata"]["annotations"]["applyset.kubernetes.io/contains-group-kinds"].split(","))


def test_the_inventory_names_a_kind_until_its_last_object_is_pruned() -> None:
    world = World()
    account = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w", "namespace": "hello-staging"}}
    world.overlay.change = lambda objects: objects.append(account)
    world.deploy()
    assert "Widget.example.com" in kinds_of_the_inventory(world)
    seen: list[bool] = []

    def note(call: Call) -> None:
        if call.verb == "delete" and call.name == "w":
            seen.append("Widget.example.com" in kinds_of_the_inventory(world))

    world.cluster.on_call.append(note)
    world.overlay.change = lambda _objects: None
    world.deploy()
    assert seen == [True]
    assert "Widget.example.com" not in kinds_of_the_inventory(world)


def test_a_release_of_before_the_inventory_is_listed_when_it_comes_back() -> None:
    world = World()
    world.deploy()
    world.deploy(images(web="2"))
    world.rollback()
    label = f"applyset.kubernetes.io/part-of={inventory_id('hello', 'staging')}"
    assert {each["metadata"]["name"] for each in world.cluster.list("apps/v1/Deployment", labels=label)} == {"web", "worker"}


def claim(objects: list[dict[str, Any]]) -> None:
    metadata = {"name": "data", "namespace": "hello-staging"}
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    objects.append({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec})


def test_a_claim_is_pruned_only_when_the_loss_of_its_data_is_allowed() -> None:
    world = World()
    world.overlay.change = claim
    world.deploy()
    world.overlay.change = lambda _objects: None
    world.deploy(images(web="2"))
    assert world.live("v1/PersistentVolumeClaim", "data")
    assert any("PersistentVolumeClaim/data stays" in line for line in world.reporter.lines("info"))
    assert "v1/PersistentVolumeClaim:hello-staging:data" in world.release("staging-2").inventory
    assert "v1/PersistentVolumeClaim:hello-staging:data" in world.rollback().release.inventory
    world.overlay.change = lambda _objects: None
    assert world.deploy(data_loss=True, released=images(web="2")).outcome == "released"
    assert world.cluster.get("v1/PersistentVolumeClaim", "data", "hello-staging") is None


def test_an_object_is_applied_once_what_it_names_is_ready() -> None:
    world = World()

    def after(objects: list[dict[str, Any]]) -> None:
        web = next(each for each in objects if each["kind"] == "Deployment" and each["metadata"]["name"] == "web")
        web["metadata"]["annotations"] = {"plimsoll.dev/after": "Deployment/worker"}

    world.overlay.change = after
    world.cluster.behaviour = lambda each: "crash" if each["metadata"]["name"] == "worker" else "ready"
    with pytest.raises(Failed, match="worker"):
        world.deploy()
    assert ("apply", "Deployment", "web") not in world.writes()
    world.cluster.behaviour = "ready"
    world.deploy()
    order = [name for verb, kind, name in world.writes() if (verb, kind) == ("apply", "Deployment")]
    assert order[-2:] == ["worker", "web"]


def test_objects_that_wait_for_each_other_are_refused_before_the_first_write() -> None:
    world = World()

    def circle(objects: list[dict[str, Any]]) -> None:
        for each in objects:
            if each["kind"] == "Deployment":
                other = "web" if each["metadata"]["name"] == "worker" else "worker"
                each["metadata"]["annotations"] = {"plimsoll.dev/after": f"Deployment/{other}"}

    world.overlay.change = circle
    with pytest.raises(Misconfigured, match="Deployment/web after Deployment/worker after Deployment/web"):
        world.deploy()
    assert world.writes() == []


def test_what_took_the_name_of_an_object_of_ours_is_not_pruned() -> None:
    world = World()
    world.deploy()
    world.overlay.change = lambda objects: objects.remove(next(o for o in objects if o["metadata"]["name"] == "worker"))

    def replace_it(call: Call) -> None:
        if call.verb == "delete" and call.name == "worker":
            world.cluster.on_call.remove(replace_it)
            theirs = world.live("apps/v1/Deployment", "worker")
            world.cluster.remove("apps/v1/Deployment", "worker", "hello-staging")
            del theirs["metadata"]["uid"]
            world.cluster.put(theirs)

    world.cluster.on_call.append(replace_it)
    world.deploy()
    assert world.live("apps/v1/Deployment", "worker")
