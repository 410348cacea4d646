"""Pods that stand in the way of a rollout, and what a deploy that changes nothing finds out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from plimsoll.domain.outcome import BrokenRelease
from plimsoll.errors import Failed
from plimsoll.workflows.stuck_pods import free_held_back_pods, free_stuck_pods
from tests.fake_site import World

if TYPE_CHECKING:
    from tests.fake_cluster import Call

WAITING = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "restartCount": 4}
ENDED = {"state": {"terminated": {"exitCode": 1}}, "restartCount": 2}
FIRST_END = {"state": {"terminated": {"exitCode": 1}}, "restartCount": 0}
RUNNING = {"state": {"running": {}}, "restartCount": 4}
FRESH = {"state": {"running": {}}, "restartCount": 0}


def ready() -> World:
    world = World()
    world.deploy()
    return world


def blocked(world: World, *, revision: str = "store-older", ready: str = "False") -> dict[str, Any]:
    pod = world.live("v1/Pod", "store-0")
    pod["metadata"]["labels"]["controller-revision-hash"] = revision
    pod["status"]["conditions"] = [{"type": "Ready", "status": ready}]
    world.cluster.put(pod, "kubelet")
    return world.live("apps/v1/StatefulSet", "store")


def test_only_unready_pods_of_another_revision_are_freed() -> None:
    world = ready()
    store = world.live("apps/v1/StatefulSet", "store")
    assert free_stuck_pods(world.site(), [store]) == ()
    assert free_stuck_pods(world.site(), [blocked(world, ready="True")]) == ()
    assert free_stuck_pods(world.site(), [blocked(world, revision=store["status"]["updateRevision"])]) == ()
    assert free_stuck_pods(world.site(), [blocked(world)]) == ("store-0",)


def test_pods_of_a_set_that_starts_them_in_parallel_are_left_alone() -> None:
    world = ready()
    store = blocked(world)
    store["spec"]["podManagementPolicy"] = "Parallel"
    assert free_stuck_pods(world.site(), [store]) == ()


def test_the_controller_is_given_time_to_see_what_was_applied() -> None:
    world = ready()
    store = blocked(world)
    behind = {**store, "status": {**store["status"], "observedGeneration": 0}}
    world.cluster.put(behind, "kube-controller-manager")
    seen: list[float] = []

    def catch_up(call: Call) -> None:
        if call.verb == "get" and call.name == "store" and world.clock.passed > 1 and not seen:
            seen.append(world.clock.passed)
            world.cluster.put(store, "kube-controller-manager")

    world.cluster.on_call.append(catch_up)
    assert free_stuck_pods(world.site(), [store]) == ("store-0",)
    assert seen


def test_a_controller_that_never_looks_frees_nothing() -> None:
    world = ready()
    store = blocked(world)
    world.cluster.put({**store, "status": {**store["status"], "observedGeneration": 0}}, "kube-controller-manager")
    assert free_stuck_pods(world.site(), [store]) == ()


def pod_of(world: World, workload: str, container: dict[str, Any], *, mark: str = "staging-1") -> str:
    """Let a pod of `workload` be unready with a container in the given state; return its name."""
    pod = next(each for each in world.cluster.list("v1/Pod", "hello-staging") if each["metadata"]["name"].startswith(workload))
    pod["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
    pod["status"]["containerStatuses"] = [{"name": workload, **container}]
    pod["spec"] = {"containers": [{"name": workload, "env": [{"name": "RELEASE", "value": mark}]}]}
    world.cluster.put(pod, "kubelet")
    return str(pod["metadata"]["name"])


@pytest.mark.parametrize("workload", ["web", "store"])
@pytest.mark.parametrize("container", [WAITING, ENDED, RUNNING])
def test_a_pod_that_failed_before_and_is_not_ready_is_replaced(workload: str, container: dict[str, Any]) -> None:
    world = ready()
    kind = "apps/v1/StatefulSet" if workload == "store" else "apps/v1/Deployment"
    name = pod_of(world, workload, container)
    assert free_held_back_pods(world.site(), [world.live(kind, workload)]) == (name,)


@pytest.mark.parametrize("container", [FIRST_END, FRESH])
def test_a_pod_that_is_not_held_back_is_left_alone(container: dict[str, Any]) -> None:
    world = ready()
    pod_of(world, "web", container)
    assert free_held_back_pods(world.site(), [world.live("apps/v1/Deployment", "web")]) == ()


def test_pods_of_another_release_are_left_to_their_controller() -> None:
    world = ready()
    pod_of(world, "web", WAITING, mark="staging-0")
    assert free_held_back_pods(world.site(), [world.live("apps/v1/Deployment", "web")]) == ()


def test_an_unchanged_release_that_no_longer_serves_fails_and_changes_no_record() -> None:
    world = ready()
    world.http.answers["/health/ready"] = 503
    with pytest.raises(Failed, match="staging-1 runs unchanged and does not serve") as broken:
        world.deploy()
    assert broken.value.now.startswith("nothing was changed")
    assert isinstance(broken.value.report, BrokenRelease)
    assert broken.value.report.release.name == "staging-1"
    assert world.states() == {"staging-1": "verified"}
    assert world.free()


def test_an_unchanged_release_with_a_pod_in_back_off_is_helped_and_waited_for() -> None:
    world = ready()
    name = pod_of(world, "web", WAITING)
    assert world.deploy().outcome == "unchanged"
    assert ("delete", "Pod", name) in world.writes()
