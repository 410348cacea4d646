"""Before a smoke test: requests go to the pods that stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from plimsoll.errors import Interrupted
from plimsoll.workflows.settle import AT_MOST, SPREAD, settle
from tests.fake_site import World, images

if TYPE_CHECKING:
    from tests.fake_cluster import Call


def pod(name: str, *, leaving: bool = False) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "hello-staging", **({"deletionTimestamp": "now"} if leaving else {})}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": []}}


def asked(*pods: str, ready: bool = True) -> dict[str, Any]:
    endpoints = [{"conditions": {"ready": ready}, "targetRef": {"kind": "Pod", "name": name}} for name in pods]
    metadata = {"name": "web-x", "namespace": "hello-staging"}
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata, "endpoints": endpoints}


def world(*objects: dict[str, Any]) -> World:
    found = World()
    found.cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "hello-staging"}})
    for each in objects:
        found.cluster.put(each)
    return found


def test_where_no_pod_leaves_nothing_is_waited_for() -> None:
    found = world(pod("new"), asked("new"))
    settle(found.site())
    assert found.clock.passed == 0


def test_a_leaving_pod_is_waited_out_of_the_services_and_the_news_given_time_to_spread() -> None:
    found = world(pod("new"), pod("old", leaving=True), asked("new", "old"))

    def drop(call: Call) -> None:
        if "EndpointSlice" in call.kind and call.verb == "list" and found.clock.passed >= 0.5:
            found.cluster.put(asked("new"))

    found.cluster.on_call.append(drop)
    settle(found.site())
    assert 0.5 + SPREAD <= found.clock.passed <= 1 + SPREAD


def test_a_leaving_pod_that_is_no_longer_asked_only_needs_the_news_to_spread() -> None:
    found = world(pod("old", leaving=True), asked("old", ready=False))
    settle(found.site())
    assert found.clock.passed == SPREAD


def test_endpoints_that_never_follow_do_not_hold_the_release_up_for_ever() -> None:
    found = world(pod("old", leaving=True), asked("old"))
    settle(found.site())
    assert found.clock.passed <= AT_MOST + SPREAD + 1


def test_a_request_to_stop_is_heard() -> None:
    found = world(pod("old", leaving=True), asked("old"))
    found.stop.sent = True
    with pytest.raises(Interrupted):
        settle(found.site())


def test_the_smoke_test_of_a_release_asks_only_after_the_old_pods_are_out() -> None:
    found = World()
    found.deploy()
    found.cluster.put(pod("old", leaving=True))
    before = found.clock.passed
    found.deploy(images(web="2"))
    assert found.clock.passed - before >= SPREAD
