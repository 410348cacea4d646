"""Waits by limits of each object's own, of what is cluster-wide, and of custom resources that declare what ready means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from plimsoll.domain.failure import Failure
from plimsoll.domain.manifests import Ref, ref
from plimsoll.domain.rollout_rules import Limits
from plimsoll.errors import EnvironmentLacks, Failed, Misconfigured
from plimsoll.workflows.wait import wait_for
from tests import fake_controllers
from tests.fake_cluster import FakeCluster
from tests.fake_site import World
from tests.fakes import FakeClock, FakeReporter

if TYPE_CHECKING:
    from tests.fake_cluster import Call

WEB, STORE = Ref("apps/v1", "Deployment", "shop", "web"), Ref("apps/v1", "StatefulSet", "shop", "store")
QUEUE = Ref("example.com/v1", "Queue", "shop", "orders")
DEFINITION = Ref("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "queues.example.com")
ESTABLISHED = {"conditions": [{"type": "NamesAccepted", "status": "True"}, {"type": "Established", "status": "True"}]}


class NoStop:
    def check(self) -> None:
        """Nobody asks."""


class Shop:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.cluster = FakeCluster(self.clock, behaviour="unready")
        self.reporter = FakeReporter()
        self.cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})

    def apply(self, target: Ref) -> None:
        template = {"metadata": {"labels": {"app": target.name}}, "spec": {"containers": [{"name": "main", "image": "app"}]}}
        metadata = {"name": target.name, "namespace": target.namespace}
        spec = {"replicas": 1, "template": template}
        self.cluster.apply({"apiVersion": target.api, "kind": target.kind, "metadata": metadata, "spec": spec})

    def define(self, *, labels: bool = True, **annotations: str) -> None:
        named = {f"plimsoll.dev/{name}": text for name, text in annotations.items()}
        metadata = {"name": DEFINITION.name, "annotations": named}
        if labels:
            metadata["labels"] = {"app.kubernetes.io/managed-by": "plimsoll"}
        spec = {"group": "example.com", "names": {"kind": "Queue", "plural": "queues"}}
        self.cluster.put({"apiVersion": DEFINITION.api, "kind": DEFINITION.kind, "metadata": metadata, "spec": spec})

    def queue(self, **status: object) -> None:
        metadata = {"name": QUEUE.name, "namespace": QUEUE.namespace}
        self.cluster.put({"apiVersion": QUEUE.api, "kind": QUEUE.kind, "metadata": metadata, "spec": {}, "status": status})

    def wait(self, *targets: Ref, timeout: float = 60, own: dict[Ref, Limits] | None = None) -> dict[str, float]:
        return wait_for(
            targets, cluster=self.cluster, logs=self.cluster, clock=self.clock, reporter=self.reporter, stop=NoStop(),
            timeout=timeout, limits=Limits(probe_grace=1000), environment="staging", own=own,
        )  # fmt: skip

    def failure(self, *targets: Ref, **more: Any) -> tuple[Failed, Failure]:  # noqa: ANN401 -- the arguments of `wait`
        with pytest.raises(Failed) as caught:
            self.wait(*targets, **more)
        assert isinstance(caught.value.report, Failure)
        return caught.value, caught.value.report


def test_a_workload_with_a_shorter_time_out_ends_the_wait_for_all() -> None:
    shop = Shop()
    shop.apply(WEB)
    shop.apply(STORE)
    error, failure = shop.failure(WEB, STORE, own={STORE: Limits(timeout=10)})
    assert error.code == "rollout-timeout"
    assert failure.cause.workload == "StatefulSet/store"
    assert "after 10 s" in failure.cause.message
    assert 10 <= shop.clock.passed <= 11
    assert failure.others == ()


def test_a_workload_with_a_longer_time_out_is_waited_for_longer_than_the_others() -> None:
    shop = Shop()
    shop.apply(STORE)
    shop.cluster.later(100, lambda: _ready(shop, STORE))
    assert shop.wait(STORE, timeout=60, own={STORE: Limits(timeout=120)}) == {"StatefulSet/store": 100.0}


def test_limits_of_one_workload_are_not_those_of_another() -> None:
    shop = Shop()
    shop.cluster.behaviour = "crash"
    shop.apply(WEB)
    shop.apply(STORE)
    _error, failure = shop.failure(WEB, STORE, own={WEB: Limits(crash_restarts=9)})
    assert failure.cause.workload == "StatefulSet/store"


def test_a_definition_is_waited_for_where_it_is_cluster_wide() -> None:
    shop = Shop()
    shop.define()
    shop.cluster.later(3, lambda: shop.cluster.set_status(DEFINITION.path, DEFINITION.name, "", ESTABLISHED))
    assert shop.wait(DEFINITION) == {"CustomResourceDefinition/queues.example.com": 3.0}
    assert shop.reporter.lines("info")[0].endswith("its kind is not served yet")


def test_events_of_all_namespaces_are_not_watched_for_what_is_cluster_wide() -> None:
    shop = Shop()
    shop.define()
    shop.cluster.set_status(DEFINITION.path, DEFINITION.name, "", ESTABLISHED)
    shop.wait(DEFINITION)
    assert [call.kind for call in shop.cluster.calls if call.verb == "watch"] == [DEFINITION.path]


def test_a_fault_inside_is_told_before_what_is_cluster_wide_and_stands_on_it() -> None:
    shop = Shop()
    shop.cluster.behaviour = "crash"
    shop.apply(WEB)
    shop.define()
    _error, failure = shop.failure(DEFINITION, WEB)
    assert failure.cause.workload == "Deployment/web"


def test_the_time_that_one_part_took_is_not_given_again_to_the_other() -> None:
    shop = Shop()
    shop.apply(WEB)
    shop.define()
    shop.cluster.later(40, lambda: _ready(shop, WEB))
    _error, failure = shop.failure(WEB, DEFINITION, timeout=60)
    assert failure.cause.workload == "CustomResourceDefinition/queues.example.com"
    assert 60 <= shop.clock.passed <= 61


def test_a_custom_resource_is_ready_when_its_definition_says_so() -> None:
    shop = Shop()
    shop.define(ready="status.phase=Open", failed="status.phase=Broken")
    shop.queue(phase="Opening")
    shop.cluster.later(5, lambda: shop.queue(phase="Open"))
    assert shop.wait(QUEUE) == {"Queue/orders": 5.0}
    assert shop.reporter.lines("info")[0] == "Queue/orders: status.phase is Opening, not Open"


def test_a_custom_resource_that_failed_by_its_definition_ends_the_wait() -> None:
    shop = Shop()
    shop.define(labels=False, ready="status.phase=Open", failed="status.phase=Broken")
    shop.queue(phase="Opening")
    shop.cluster.later(5, lambda: shop.queue(phase="Broken", message="no disk"))
    error, failure = shop.failure(QUEUE)
    assert failure.cause.rule == "declared-failed"
    assert "status.phase is Broken (no disk)" in error.what


def test_without_the_right_to_read_definitions_conditions_decide() -> None:
    shop = Shop()
    shop.define(ready="status.phase=Open")
    shop.queue(conditions=[{"type": "Ready", "status": "True"}])

    def refuse(call: Call) -> None:
        if call.kind == DEFINITION.path:
            raise EnvironmentLacks("you may not list customresourcedefinitions")

    shop.cluster.on_call.append(refuse)
    assert shop.wait(QUEUE) == {"Queue/orders": 0.0}
    assert shop.reporter.lines("detail") == [
        "custom resources are judged by their conditions alone: you may not list customresourcedefinitions"
    ]


def test_a_deploy_without_custom_resources_asks_for_no_definitions() -> None:
    world = World()
    world.deploy()
    assert not [call for call in world.cluster.calls if call.kind == DEFINITION.path]


def edited(kind: str, annotations: dict[str, str], name: str = "web") -> World:
    world = World()

    def change(objects: list[dict[str, Any]]) -> None:
        found = next(each for each in objects if each["kind"] == kind and each["metadata"]["name"] == name)
        found["metadata"]["annotations"] = annotations

    world.overlay.change = change
    return world


def test_an_annotation_that_cannot_be_read_is_refused_before_the_first_write() -> None:
    world = edited("Deployment", {"plimsoll.dev/grace": "soon"})
    with pytest.raises(Misconfigured) as refused:
        world.deploy()
    assert refused.value.exit_code == 2
    assert "Deployment/web: metadata.annotations[plimsoll.dev/grace] cannot be read" in refused.value.what
    assert world.writes() == []


def test_a_selector_that_does_not_match_its_template_is_refused_before_the_namespace_is_made() -> None:
    world = World()

    def change(objects: list[dict[str, Any]]) -> None:
        found = next(each for each in objects if each["kind"] == "Deployment" and each["metadata"]["name"] == "web")
        found["spec"]["selector"] = {"matchLabels": {"app": "other"}}

    world.overlay.change = change
    with pytest.raises(Misconfigured, match=r"Deployment/web: spec\.selector does not match"):
        world.deploy()
    assert world.writes() == []


def test_annotations_of_a_workload_reach_its_wait() -> None:
    world = edited("Deployment", {"plimsoll.dev/timeout": "7s", "plimsoll.dev/crash-restarts": "9"})
    world.cluster.behaviour = lambda workload: "crash" if workload["metadata"]["name"] == "web" else "ready"
    with pytest.raises(Failed) as failed:
        world.deploy()
    assert failed.value.code == "rollout-timeout"
    assert world.clock.passed < 20


def test_the_longer_time_of_one_workload_does_not_use_up_that_of_the_next() -> None:
    world = edited("StatefulSet", {"plimsoll.dev/timeout": "2m", "plimsoll.dev/probe-grace": "2m"}, name="store")
    slow = {"store", "web"}
    world.cluster.behaviour = lambda workload: "unready" if workload["metadata"]["name"] in slow else "ready"

    def comes(kind: str, name: str) -> None:
        slow.discard(name)
        fake_controllers.react(world.cluster, world.live(kind, name))

    world.cluster.later(90, lambda: comes("apps/v1/StatefulSet", "store"))
    world.cluster.later(110, lambda: comes("apps/v1/Deployment", "web"))
    world.deploy()
    assert world.project.rollout.timeout == 60
    assert world.clock.passed >= 110


def test_what_is_told_not_to_wait_for_is_not_waited_for() -> None:
    world = edited("Deployment", {"plimsoll.dev/wait": "false"})
    world.cluster.behaviour = lambda workload: "unready" if workload["metadata"]["name"] == "web" else "ready"
    assert world.deploy().release is not None
    assert world.states() == {"staging-1": "verified"}


def definition(world: World, ready: str) -> None:
    spec = {"group": "example.com", "names": {"kind": "Queue", "plural": "queues"}}
    metadata = {"name": DEFINITION.name, "annotations": {"plimsoll.dev/ready": ready}}
    world.cluster.put({"apiVersion": DEFINITION.api, "kind": DEFINITION.kind, "metadata": metadata, "spec": spec})

    def change(objects: list[dict[str, Any]]) -> None:
        queue = {"name": "orders", "namespace": "hello-staging"}
        objects.append({"apiVersion": "example.com/v1", "kind": "Queue", "metadata": queue, "spec": {"size": 3}})

    world.overlay.change = change


def test_a_declaration_in_the_cluster_that_cannot_be_read_is_refused_before_the_first_write() -> None:
    world = World()
    definition(world, "phase is Open")
    with pytest.raises(Misconfigured) as refused:
        world.deploy()
    assert "'phase is Open' is no condition" in refused.value.what
    assert refused.value.where == "CustomResourceDefinition/queues.example.com in the cluster, metadata.annotations"
    assert world.writes() == []


def test_a_release_waits_for_its_custom_resources() -> None:
    world = World()
    definition(world, "status.phase=Open")

    def opened() -> None:
        world.cluster.set_status("example.com/v1/Queue", "orders", "hello-staging", {"phase": "Open"})

    world.cluster.later(4, opened)
    world.deploy()
    assert "Queue/orders: status.phase is not set, not Open" in world.reporter.lines("info")
    assert "Queue/orders: ready after 4.0 s" in world.reporter.lines("info")


def test_a_release_waits_for_the_definitions_it_brings_before_it_makes_what_they_define() -> None:
    world = World()
    definition(world, "status.phase=Open")
    world.cluster.remove(DEFINITION.path, DEFINITION.name)
    append = world.overlay.change
    world.cluster.behaviour = lambda workload: "hang" if workload["kind"] == DEFINITION.kind else "ready"

    def change(objects: list[dict[str, Any]]) -> None:
        append(objects)
        spec = {"group": "example.com", "names": {"kind": "Queue", "plural": "queues"}}
        metadata = {"name": DEFINITION.name}
        objects.append({"apiVersion": DEFINITION.api, "kind": DEFINITION.kind, "metadata": metadata, "spec": spec})

    world.overlay.change = change
    world.cluster.later(6, lambda: world.cluster.set_status(DEFINITION.path, DEFINITION.name, "", ESTABLISHED))
    world.deploy()
    made = [(call.kind, call.verb) for call in world.cluster.calls if not call.dry_run]
    assert world.states() == {"staging-1": "verified"}
    assert world.clock.passed >= 6
    assert made.index((DEFINITION.path, "apply")) < made.index(("example.com/v1/Queue", "apply"))
    assert "CustomResourceDefinition/queues.example.com: ready after 6.0 s" in world.reporter.lines("info")


def test_a_budget_is_waited_for_until_its_controller_has_seen_it() -> None:
    world = World()

    def change(objects: list[dict[str, Any]]) -> None:
        metadata = {"name": "web", "namespace": "hello-staging"}
        spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
        objects.append({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata, "spec": spec})

    world.overlay.change = change
    world.deploy()
    assert world.states() == {"staging-1": "verified"}
    assert "PodDisruptionBudget/web" in [each.short for each in world.deploy(dry_run=True).plan.waves[-1].waits]


def test_the_table_has_a_row_for_each_workload_and_is_taken_away_at_the_end() -> None:
    shop = Shop()
    shop.apply(WEB)
    shop.apply(STORE)
    shop.cluster.later(3, lambda: _ready(shop, WEB))
    shop.cluster.later(8, lambda: _ready(shop, STORE))
    shop.wait(WEB, STORE)
    rows = [{row.name: (row.missing.partition(" (")[0], row.seconds) for row in board} for board in shop.reporter.boards if board]
    halfway = next(each for each in rows if each["Deployment/web"][0] == "")
    assert halfway == {"Deployment/web": ("", 3.0), "StatefulSet/store": ("0 of 1 replicas available", 3.0)}
    assert rows[-1] == {"Deployment/web": ("", 3.0), "StatefulSet/store": ("", 8.0)}
    assert shop.reporter.boards[-1] == ()


def test_the_table_is_taken_away_when_the_wait_fails() -> None:
    shop = Shop()
    shop.apply(WEB)
    shop.failure(WEB, timeout=3)
    assert shop.reporter.boards[-1] == ()


def _ready(shop: Shop, target: Ref) -> None:
    live = shop.cluster.get(target.path, target.name, target.namespace)
    assert live is not None
    shop.cluster.behaviour = lambda manifest: "ready" if ref(manifest) == target else "unready"
    fake_controllers.react(shop.cluster, live)
