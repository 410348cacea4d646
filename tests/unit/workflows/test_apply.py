"""Applying objects: order, takeovers, Jobs made anew, pods that nobody replaces."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from plimsoll.domain.manifests import Conflict, copied
from plimsoll.domain.owned_fields import owns
from plimsoll.errors import EnvironmentLacks, Failed, Interrupted, Misconfigured
from plimsoll.workflows.apply import apply, renew_jobs
from plimsoll.workflows.deploy_observe import PARALLEL, in_parallel
from tests.fake_site import World, images

if TYPE_CHECKING:
    from collections.abc import Callable

    from plimsoll.domain.outcome import DeployResult
    from tests.fake_cluster import Call


def ready() -> World:
    world = World()
    world.deploy()
    return world


def account(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": "fresh"}}


def test_a_namespace_is_applied_before_what_is_in_it() -> None:
    world = World()
    objects = [account("a"), account("b"), {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fresh"}}]
    assert apply(world.site(), objects, take_over=False) == ()
    assert world.writes()[0] == ("apply", "Namespace", "fresh")


def test_conflicts_are_raised_or_taken_over_as_asked() -> None:
    world = ready()
    live = world.live("apps/v1/Deployment", "worker")
    world.cluster.edit("apps/v1/Deployment", "worker", "hello-staging", {"spec": {"replicas": 4}})
    wanted = {key: live[key] for key in ("apiVersion", "kind", "spec")}
    wanted["metadata"] = {"name": "worker", "namespace": "hello-staging"}
    with pytest.raises(Conflict):
        apply(world.site(), [wanted], take_over=False)
    (taken,) = apply(world.site(), [wanted], take_over=True)
    assert taken.fields == ((".spec.replicas", "kubectl-edit"),)
    assert world.live("apps/v1/Deployment", "worker")["spec"]["replicas"] == 1


def test_a_job_that_does_not_go_away_is_named() -> None:
    world = World(behaviour=lambda workload: "fail" if workload["kind"] == "Job" else "ready")
    with pytest.raises(Failed):
        world.deploy()
    (job,) = world.cluster.list("batch/v1/Job", "hello-staging")

    def undelete(call: Call) -> None:
        if (
            call.verb == "get"
            and "Job" in call.kind
            and world.cluster._objects.get((call.kind, call.namespace, call.name)) is None
        ):
            world.cluster.put(job)

    world.cluster.on_call.append(undelete)
    with pytest.raises(Failed, match="is still there after 30 s") as stuck:
        renew_jobs(world.site(), [job])
    assert "describe job" in stuck.value.now


def test_a_job_that_runs_or_is_complete_is_left_alone() -> None:
    world = ready()
    jobs = world.cluster.list("batch/v1/Job", "hello-staging")
    before = world.writes()
    renew_jobs(world.site(), jobs)
    assert world.writes() == before


def test_requests_of_a_round_are_under_way_together_and_their_answers_in_order() -> None:
    together = threading.Barrier(PARALLEL, timeout=10)

    def one(number: int) -> int:
        together.wait()
        return number * 2

    assert in_parallel(one, range(PARALLEL)) == [number * 2 for number in range(PARALLEL)]


def test_the_first_error_of_a_round_is_raised_after_the_others_have_ended() -> None:
    ended: list[int] = []

    def one(number: int) -> None:
        if number == 0:
            raise Failed("the first")
        ended.append(number)

    with pytest.raises(Failed, match="the first"):
        in_parallel(one, range(4))
    assert set(ended) <= {1, 2, 3}
    assert in_parallel(one, []) == []


def test_a_request_to_stop_is_heard_between_two_objects() -> None:
    world = World()
    site = world.site()
    world.stop.sent = True
    with pytest.raises(Interrupted):
        apply(site, [account("a")], take_over=False)
    assert world.writes() == []


def dry_runs(world: World, action: Callable[[], object]) -> list[str]:
    """Return the names that an action asks the API server about."""
    before = len(world.cluster.calls)
    action()
    return [call.name for call in world.cluster.calls[before:] if call.dry_run]


def test_what_surely_would_not_change_is_not_asked_about() -> None:
    world = ready()
    asked = dry_runs(world, lambda: world.deploy(dry_run=True))
    assert asked == []


def test_drift_in_an_owned_field_is_found_without_asking_about_the_rest() -> None:
    world = ready()
    world.cluster.edit("v1/Service", "web", "hello-staging", {"spec": {"ports": [{"port": 81}]}})
    found: list[DeployResult] = []
    asked = dry_runs(world, lambda: found.append(world.deploy(dry_run=True, take_over=True)))
    assert set(asked) == {"web"}
    assert [change.ref.short for change in found[0].plan.changes] == ["Service/web"]


def test_many_objects_that_are_not_labelled_yet_are_looked_up_with_one_list() -> None:
    world = ready()
    maps = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"m{n}", "namespace": "hello-staging"}} for n in range(50)
    ]
    world.cluster.put(maps[7])
    world.overlay.change = lambda objects: objects.extend(copied(maps))
    before = len(world.cluster.calls)
    plan = world.deploy(dry_run=True).plan
    asked = [call for call in world.cluster.calls[before:] if call.kind == "v1/ConfigMap" and call.verb == "get"]
    assert asked == []
    assert len(plan.creates) == 49


def autoscaler(name: str, **spec: object) -> dict[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    metadata = {"name": name, "namespace": "hello-staging"}
    spec = {"scaleTargetRef": target, "maxReplicas": 9, **spec}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": spec}


def replicas(world: World, name: str) -> int:
    return int(world.live("apps/v1/Deployment", name)["spec"].get("replicas", 1))


def generation(world: World, name: str) -> int:
    return int(world.live("apps/v1/Deployment", name)["metadata"]["generation"])


def with_replicas(number: int) -> Callable[[list[dict[str, Any]]], None]:
    def change(objects: list[dict[str, Any]]) -> None:
        worker = next(each for each in objects if each["metadata"]["name"] == "worker")
        worker["spec"]["replicas"] = number

    return change


def test_an_autoscaler_that_is_added_finds_the_replicas_as_they_were() -> None:
    world = World()
    world.overlay.change = with_replicas(5)
    world.deploy()
    seen: set[object] = set()
    stored = world.cluster._objects
    key = ("apps/v1/Deployment", "hello-staging", "worker")
    world.cluster.on_call.append(lambda _call: seen.add(stored[key]["spec"].get("replicas")))
    world.overlay.change = lambda objects: objects.append(autoscaler("worker", minReplicas=3))
    plan = world.deploy(images(worker="2")).plan
    assert replicas(world, "worker") == 5
    assert seen == {5}
    assert "spec.replicas" not in [field.path for change in plan.changes for field in change.fields]
    # And they are the autoscaler's from now on.
    world.cluster.edit("apps/v1/Deployment", "worker", "hello-staging", {"spec": {"replicas": 7}}, manager="hpa")
    world.deploy(images(worker="3"))
    assert replicas(world, "worker") == 7


def test_an_autoscaled_workload_starts_with_the_fewest_replicas_it_may_have_and_they_are_not_ours() -> None:
    world = ready()
    assert replicas(world, "web") == 2
    assert not owns(world.live("apps/v1/Deployment", "web"), "spec", "replicas")
    assert generation(world, "web") == 1


def test_an_autoscaled_workload_whose_deploy_was_killed_keeps_its_replicas_all_the_same() -> None:
    world = World()

    def die(call: Call) -> None:
        if call.verb == "patch":
            raise EnvironmentLacks("the API server does not answer")

    world.cluster.on_call.append(die)
    with pytest.raises(EnvironmentLacks):
        world.deploy()
    world.cluster.on_call.clear()
    world.cluster.edit("apps/v1/Deployment", "worker", "hello-staging", {"metadata": {"annotations": {"a": "b"}}})
    world.deploy(images(web="2"))
    assert replicas(world, "web") == 2
    assert not owns(world.live("apps/v1/Deployment", "web"), "spec", "replicas")


def test_a_workload_that_changes_under_our_hands_is_looked_at_again() -> None:
    world = World()
    world.overlay.change = with_replicas(5)
    world.deploy()
    left = [3]

    def busy(call: Call) -> None:
        if call.verb == "patch" and left[0]:
            left[0] -= 1
            world.cluster.set_status("apps/v1/Deployment", "worker", "hello-staging", {"observedGeneration": left[0]})

    world.cluster.on_call.append(busy)
    world.overlay.change = lambda objects: objects.append(autoscaler("worker"))
    world.deploy(images(worker="2"))
    assert left == [0]
    assert replicas(world, "worker") == 5


def test_a_selector_that_cannot_change_is_refused_in_the_plan_with_the_remedy() -> None:
    world = ready()

    def change(objects: list[dict[str, Any]]) -> None:
        worker = next(each for each in objects if each["metadata"]["name"] == "worker")
        worker["spec"]["selector"] = {"matchLabels": {"app": "worker-2"}}
        worker["spec"]["template"]["metadata"]["labels"] |= {"app": "worker-2"}

    world.overlay.change = change
    before = world.writes()
    with pytest.raises(Misconfigured) as caught:
        world.deploy()
    assert caught.value.code == "immutable-field"
    assert "Deployment/worker would change spec.selector" in caught.value.what
    assert "a new name" in caught.value.now
    assert world.writes() == before
    assert [each.code for each in world.deploy(dry_run=True).plan.refusals] == ["immutable-field"]


def test_an_object_on_its_way_out_is_made_anew_once_it_is_gone() -> None:
    world = ready()
    live = world.live("v1/ServiceAccount", "web")
    live["metadata"] |= {"deletionTimestamp": "2030-01-02T03:04:05Z", "finalizers": ["somebody/holds-it"]}
    world.cluster.put(live)
    left = [5]

    def end(call: Call) -> None:
        if call.verb == "get" and call.kind == "v1/ServiceAccount" and call.name == "web":
            left[0] -= 1
            if left[0] == 0:
                world.cluster.remove("v1/ServiceAccount", "web", "hello-staging")

    world.cluster.on_call.append(end)
    result = world.deploy()
    assert [each.short for each in result.plan.creates] == ["ServiceAccount/web"]
    assert "deletionTimestamp" not in world.live("v1/ServiceAccount", "web")["metadata"]


def test_after_an_error_nothing_more_is_begun() -> None:
    begun: list[int] = []

    def one(number: int) -> None:
        begun.append(number)
        if number == 5:
            raise Failed("the fifth")
        time.sleep(0.01)

    with pytest.raises(Failed, match="the fifth"):
        in_parallel(one, range(1000))
    assert len(begun) < 200
