"""`inv rollback`: what comes back, under which record, and what it takes with it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plimsoll.domain.release import State
from plimsoll.errors import Failed, Interrupted, Misconfigured
from tests import fake_controllers
from tests.fake_site import PRODUCTION, World, image, images


def released(*contents: str, world: World | None = None) -> World:
    world = world or World()
    for content in contents:
        world.deploy(images(web=content))
    return world


def test_a_rollback_brings_back_the_release_before_under_a_new_record() -> None:
    world = released("1", "2")
    result = world.rollback()
    assert world.states() == {"staging-1": "superseded", "staging-2": "rolled-back", "staging-3": "verified"}
    record = result.release
    assert (record.name, record.rollback_of, record.content_of) == ("staging-3", "staging-2", "staging-1")
    assert record.images == world.release("staging-1").images
    assert record.content == world.release("staging-1").content
    assert record.smoke
    assert world.free()


def test_the_pods_say_the_release_whose_content_runs_again() -> None:
    world = released("1", "2")
    world.rollback()
    assert world.mark("web") == "staging-1"
    assert world.release("staging-3").workloads["Deployment/web"] == "staging-1"


def test_configuration_comes_back_too_even_when_it_was_pruned() -> None:
    world = released("1")
    (name,) = (each["metadata"]["name"] for each in world.cluster.list("v1/ConfigMap", "hello-staging"))
    world.overlay.settings = "greeting=good day"
    world.deploy(images(web="2"))
    world.cluster.remove("v1/ConfigMap", name, "hello-staging")
    world.rollback()
    assert world.live("v1/ConfigMap", name)["data"] == {"settings": "greeting=hello"}
    assert world.live("apps/v1/Deployment", "web")["spec"]["template"]["spec"]["containers"][0]["envFrom"] == [
        {"configMapRef": {"name": name}}
    ]


def test_workloads_that_did_not_differ_are_not_rolled() -> None:
    world = released("1", "2")
    before = world.live("apps/v1/Deployment", "worker")["metadata"]["generation"]
    world.rollback()
    assert world.live("apps/v1/Deployment", "worker")["metadata"]["generation"] == before


def test_a_second_rollback_goes_further_back() -> None:
    world = released("1", "2", "3")
    world.rollback()
    assert world.rollback().release.content_of == "staging-1"
    with pytest.raises(Failed, match="no release before staging-1"):
        world.rollback()


def test_a_deploy_after_a_rollback_is_compared_with_what_came_back() -> None:
    world = released("1", "2")
    world.rollback()
    assert world.deploy(images(web="1")).outcome == "unchanged"
    assert world.deploy(images(web="2")).outcome == "released"


def test_any_verified_release_can_be_named() -> None:
    world = released("1", "2", "3")
    assert world.rollback("staging-1").release.content_of == "staging-1"
    with pytest.raises(Misconfigured, match="no release 'staging-9'"):
        world.rollback("staging-9")


def test_what_the_bad_release_added_is_pruned_after_the_rollback_is_verified() -> None:
    world = released("1")
    extra = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "extra", "namespace": "hello-staging"}}
    world.overlay.change = lambda objects: objects.append(extra)
    world.deploy(images(web="2"))
    world.rollback()
    assert world.cluster.get("v1/ServiceAccount", "extra", "hello-staging") is None


def test_no_migration_runs_backwards() -> None:
    world = World()
    world.deploy(images(web="1", schema="schema-1"))
    world.deploy(images(web="2", schema="schema-2"))
    before = len(world.writes())
    world.rollback()
    assert not [kind for verb, kind, _name in world.writes()[before:] if (verb, kind) == ("apply", "Job")]


def test_fields_that_others_changed_are_taken_back_and_listed() -> None:
    world = released("1", "2")
    world.cluster.edit("apps/v1/Deployment", "worker", "hello-staging", {"spec": {"replicas": 5}}, manager="kubectl-scale")
    result = world.rollback()
    assert world.live("apps/v1/Deployment", "worker")["spec"]["replicas"] == 1
    assert result.to_json()["taken_over"] == [
        {"object": "Deployment/worker", "field": ".spec.replicas", "manager": "kubectl-scale"}
    ]
    assert any("kubectl-scale" in line for line in world.reporter.lines("warn"))


def test_a_verdict_of_the_scanner_only_warns() -> None:
    world = World()
    world.deploy({**images(web="1"), "web": image("web", "1", schema="schema-1", verdict="findings")})
    world.deploy(images(web="2"))
    assert world.rollback().release.content_of == "staging-1"
    assert any("scanned as findings" in line for line in world.reporter.lines("warn"))


def test_a_rollback_from_what_a_failed_first_deploy_left_has_nowhere_to_go() -> None:
    world = World(behaviour=lambda workload: "crash" if workload["metadata"]["name"] == "web" else "ready")
    with pytest.raises(Failed):
        world.deploy()
    with pytest.raises(Failed, match="no release before staging-1 was verified"):
        world.rollback()


def test_without_any_release_there_is_nothing_to_roll_back() -> None:
    with pytest.raises(Failed, match="no release to roll back"):
        World().rollback()


def test_a_rollback_that_fails_is_its_own_state_and_says_how_to_go_on() -> None:
    world = released("1", "2")
    world.cluster.behaviour = lambda workload: "crash" if workload["metadata"]["name"] == "web" else "ready"
    with pytest.raises(Failed) as failed:
        world.rollback()
    assert failed.value.code == "rollback-failed"
    assert "inv rollback --env staging --to staging-1" in failed.value.now
    assert world.states() == {"staging-1": "superseded", "staging-2": "superseded", "staging-3": "rollback-failed"}
    world.cluster.behaviour = "ready"
    fake_controllers.react(world.cluster, world.live("apps/v1/Deployment", "web"))
    assert world.rollback("staging-1").release.verified


def test_a_signal_during_a_rollback_is_recorded_and_the_lock_is_free() -> None:
    world = released("1", "2")

    def note(call: object) -> None:
        if getattr(call, "verb", "") == "watch":
            world.stop.sent = True

    world.cluster.on_call.append(note)
    with pytest.raises(Interrupted) as stopped:
        world.rollback()
    assert stopped.value.code == "interrupted"
    assert world.states()["staging-3"] == "rollback-failed"
    assert world.free()


def test_a_protected_environment_asks_before_it_goes_back() -> None:
    world = World()
    for content in ("1", "2"):
        world.deploy(images(web=content), environment=PRODUCTION)
    world.asked.clear()
    world.rollback(environment=PRODUCTION)
    assert world.asked == ["production-1"]


def test_a_rollback_after_a_killed_deploy_brings_the_verified_release_back() -> None:
    world = released("1", "2")
    live = world.release("staging-2")
    killed = replace(live, name="staging-3", number=3, state=State.PENDING, once_verified=False, content="sha256:other")
    world.site().ledger.append(killed, world.site().ledger.manifests(live))
    result = world.rollback()
    assert result.release.content_of == "staging-2"
    assert result.release.rollback_of == "staging-3"
    assert world.states()["staging-3"] == "failed"


def test_a_namespace_that_is_gone_is_made_again_with_new_secrets_and_migrated() -> None:
    world = released("1", "2")
    world.cluster.remove("v1/Namespace", "hello-staging")
    before = len(world.writes())
    result = world.rollback()
    assert result.release.verified
    assert ("apply", "Job") in {(verb, kind) for verb, kind, _name in world.writes()[before:]}
    assert world.live("v1/Secret", "hello-secrets")["data"]["store-password"]


def test_a_pod_that_blocks_an_ordered_stateful_set_is_freed() -> None:
    world = released("1", "2")
    store = world.live("apps/v1/StatefulSet", "store")
    pod = world.live("v1/Pod", "store-0")
    pod["metadata"]["labels"]["controller-revision-hash"] = "store-older"
    pod["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
    world.cluster.put(pod, "kubelet")
    assert store["status"]["updateRevision"] != "store-older"
    deleted: list[str] = []

    def replace_it(call: object) -> None:
        if (getattr(call, "verb", ""), getattr(call, "name", "")) == ("delete", "store-0"):
            deleted.append("store-0")

    world.cluster.on_call.append(replace_it)
    world.rollback()
    assert deleted == ["store-0"]
