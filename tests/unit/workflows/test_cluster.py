"""Bringing the cluster up, looking at it, taking it down."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

import plimsoll
from plimsoll.adapters.yaml_file import documents
from plimsoll.domain.cluster import RUNNING, RegistryState, Wish
from plimsoll.domain.cluster_report import Loaded
from plimsoll.domain.node_image import NodeImage, NodeImageReport, Origin
from plimsoll.errors import EnvironmentLacks, Misconfigured
from plimsoll.workflows import cluster as workflow
from tests.fake_kind import FakeKind, FakeRegistryContainer, node
from tests.fakes import FakeClock, FakeReporter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from plimsoll.domain.cluster_report import ClusterUp
    from tests.fake_cluster import Call, FakeCluster

METRICS = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "metrics-server", "namespace": "kube-system"},
    "spec": {"template": {"spec": {"containers": [{"name": "metrics-server", "image": "metrics-server"}]}}},
}
SCHEMAS = Path(plimsoll.__file__).with_name("schemas")
BUILT = NodeImage(
    reference="plimsoll/kind-node:1", origin=Origin.BUILT, identity="recipe", metrics_server="localhost/metrics-server:v1"
)
PULLED = NodeImage(reference="kindest/node", origin=Origin.PULLED, identity="sha256:1")


WISH = Wish(
    name="check-in",
    nodes=1,
    ports={8080: 30080},
    base={"kind": "Cluster"},
    images={Origin.PULLED: "sha256:1", Origin.BUILT: "recipe"},
    registry_port=5001,
)


@dataclass
class World:
    """A machine with its cluster, and what is wanted of it."""

    kind: FakeKind = field(default_factory=FakeKind)
    registry: FakeRegistryContainer = field(default_factory=FakeRegistryContainer)
    reporter: FakeReporter = field(default_factory=FakeReporter)
    clock: FakeClock = field(default_factory=FakeClock)
    image: NodeImage = BUILT
    releases: int = 0
    taken: set[int] = field(default_factory=set)
    wish: Wish = WISH

    def bench(self) -> workflow.Workbench:
        return workflow.Workbench(
            nodes=self.kind,
            access=self.kind,
            registry=self.registry,
            registry_host="localhost:5001",
            kubeconfig="/state/kubeconfig",
            context="kind-check-in",
            manifests=(METRICS,),
            metrics_image="registry.k8s.io/metrics-server@sha256:2",
            restrict_oom_score=False,
            addresses={"local": "http://127.0.0.1:8080"},
            obtain=lambda _wish: self.image,
            registry_image=lambda: "registry:3",
            connect=lambda: self.kind.inside,
            releases=lambda _cluster: self.releases,
            require_free=self.require_free,
            clock=self.clock,
            reporter=self.reporter,
        )

    def require_free(self, ports: Iterable[tuple[int, str]]) -> None:
        for port, setting in ports:
            if port in self.taken:
                raise EnvironmentLacks(f"port {port} is taken", where=setting, now="stop it")

    def up(self, *, recreate: bool = False) -> ClusterUp:
        return workflow.up(self.wish, self.bench(), recreate=recreate)

    def metrics_image(self) -> str:
        found = self.kind.inside.get("apps/v1/Deployment", "metrics-server", "kube-system")
        assert found is not None
        return str(found["spec"]["template"]["spec"]["containers"][0]["image"])


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def running(world: World) -> World:
    world.up()
    world.reporter.said.clear()
    return world


def changed(world: World) -> World:
    world.wish = replace(world.wish, ports={8090: 30080})
    return world


def test_a_bare_machine_gets_a_cluster_a_registry_and_metrics(world: World) -> None:
    report = world.up()
    status = report.status
    assert (status.state, status.registry_state, status.kubernetes) == ("running", "running", "v1.34.4")
    assert world.kind.trusted == {"localhost:5001": "check-in-registry"}
    assert world.metrics_image() == "localhost/metrics-server:v1"
    assert report.done == ("create the cluster", "run the registry")


def test_a_pulled_node_image_brings_no_metrics_server_so_the_pinned_one_runs(world: World) -> None:
    world.image = PULLED
    world.up()
    assert world.metrics_image() == "registry.k8s.io/metrics-server@sha256:2"


def test_a_second_time_nothing_is_done(running: World) -> None:
    report = running.up()
    assert report.done == ()
    assert running.reporter.lines("step") == []
    assert running.kind.made == 1


def test_the_cluster_states_its_own_identity(running: World) -> None:
    found = running.kind.inside.get("v1/ConfigMap", "fingerprint", "plimsoll")
    system = running.kind.inside.get("v1/Namespace", "kube-system")
    assert found is not None
    assert system is not None
    assert found["data"] == {"cluster": "check-in", "uid": system["metadata"]["uid"]}


def test_after_a_reboot_nodes_and_registry_start_again_and_nothing_is_lost(running: World) -> None:
    before = running.kind.inside
    running.kind.stop()
    running.registry.state = RegistryState(state="exited", port=5001)
    report = running.up()
    assert report.done == ("start the nodes", "start the registry")
    assert running.kind.inside is before


def test_a_node_that_was_ready_before_the_reboot_has_to_show_that_it_is_ready_again(running: World) -> None:
    running.kind.stop()
    running.kind.inside.put(node("check-in-control-plane", beat="2030-01-02T03:04:04Z"))
    slept = running.clock.sleep

    def beat_later(seconds: float) -> None:
        slept(seconds)
        running.kind.inside.put(node("check-in-control-plane", beat="2030-01-02T03:04:06Z"))

    running.clock.sleep = beat_later  # type: ignore[method-assign]  # -- the kubelet of this story
    assert running.up().status.state == "running"
    assert running.clock.passed > 0


def pod_running_since(moment: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "backend", "namespace": "shop"},
        "spec": {"nodeName": "check-in-control-plane"},
        "status": {"containerStatuses": [{"state": {"running": {"startedAt": moment}}}]},
    }


def test_after_a_reboot_pods_count_only_once_their_node_has_looked_at_them(running: World) -> None:
    running.kind.stop()
    running.kind.inside.put(pod_running_since("2030-01-02T03:04:04Z"))
    slept = running.clock.sleep

    def looked_at(seconds: float) -> None:
        slept(seconds)
        running.kind.inside.put(pod_running_since("2030-01-02T03:04:06Z"))

    running.clock.sleep = looked_at  # type: ignore[method-assign]  # -- the kubelet of this story
    running.up()
    assert "waiting until the nodes have looked at their pods" in running.reporter.lines("done")
    assert running.reporter.lines("warn") == []


def test_a_pod_of_which_nothing_is_heard_after_a_reboot_is_named(running: World) -> None:
    running.kind.stop()
    running.kind.inside.put(pod_running_since("2030-01-02T03:04:04Z"))
    running.up()
    assert running.reporter.lines("warn") == ["nothing is known since the start of the nodes about shop/backend"]


def test_a_lost_kubeconfig_is_fetched_again_with_one_line(running: World) -> None:
    running.kind.kubeconfig = ""
    report = running.up()
    assert report.done == ("fetch the kubeconfig",)
    assert running.reporter.lines("info") == ["the kubeconfig was lost: it is fetched again from the node"]


def test_a_changed_configuration_is_refused_while_releases_are_recorded(running: World) -> None:
    running.releases = 3
    with pytest.raises(Misconfigured, match="3 recorded releases") as refused:
        changed(running).up()
    assert "--recreate" in refused.value.now
    assert running.kind.made == 1


def test_a_changed_configuration_is_carried_out_where_no_release_is_recorded(running: World) -> None:
    report = changed(running).up()
    assert running.kind.made == 2
    assert report.status.changes == ()
    assert "8080 -> 30080, wanted 8090 -> 30080" in running.reporter.lines("info")[0]


def test_releases_of_a_stopped_cluster_are_counted_before_it_is_thrown_away(running: World) -> None:
    running.kind.stop()
    running.releases = 1
    with pytest.raises(Misconfigured, match="1 recorded release"):
        changed(running).up()


def test_a_cluster_that_does_not_tell_its_releases_is_not_thrown_away(running: World) -> None:
    running.kind.stop()
    running.kind.fails = "the node does not start"
    with pytest.raises(Misconfigured, match="does not say how many"):
        changed(running).up()


def test_recreate_throws_releases_away(running: World) -> None:
    running.releases = 3
    changed(running).up(recreate=True)
    assert running.kind.made == 2


def test_a_creation_that_was_killed_is_begun_anew(world: World) -> None:
    world.kind.create({"nodes": [{}]}, "plimsoll/kind-node:1", reporter=world.reporter)
    world.up()
    assert world.kind.made == 2


def test_a_taken_port_is_named_before_anything_is_made(world: World) -> None:
    world.taken = {8080}
    with pytest.raises(EnvironmentLacks, match="8080") as refused:
        world.up()
    assert "[environments]" in refused.value.where
    assert world.kind.made == 0


def test_a_taken_registry_port_is_named(world: World) -> None:
    world.taken = {5001}
    with pytest.raises(EnvironmentLacks, match="5001") as refused:
        world.up()
    assert "[registry]" in refused.value.where


def test_a_cluster_whose_nodes_stay_unready_is_given_up_with_the_reason(running: World) -> None:
    running.kind.inside.put(node("check-in-control-plane", ready="False"))
    with pytest.raises(EnvironmentLacks, match="not ready: check-in-control-plane"):
        running.up()
    assert running.clock.passed >= workflow.PATIENCE


def test_a_cluster_whose_names_do_not_resolve_is_given_up(running: World) -> None:
    running.kind.inside.delete("apps/v1/Deployment", "coredns", "kube-system")
    with pytest.raises(EnvironmentLacks, match="DNS"):
        running.up()


def test_an_api_that_does_not_answer_is_waited_for(running: World) -> None:
    inside: FakeCluster = running.kind.inside
    inside.unreachable = True
    slept = running.clock.sleep

    def answer_later(seconds: float) -> None:
        slept(seconds)
        inside.unreachable = running.clock.passed < 20

    running.clock.sleep = answer_later  # type: ignore[method-assign]  # -- the API server of this story
    assert running.up().status.state == "running"


def test_an_api_server_that_does_not_know_its_administrator_yet_is_waited_for(running: World) -> None:
    def refuse(_call: Call) -> None:
        if running.clock.passed < 5:
            raise Misconfigured("kubernetes-admin may not list nodes", where="", now="", code="right-missing")

    running.kind.inside.on_call.append(refuse)
    assert running.up().status.state == "running"


@pytest.mark.parametrize(
    ("state", "prepare"),
    [
        ("absent", lambda world: world.kind.delete()),
        ("stopped", lambda world: world.kind.stop()),
        ("unreachable", lambda world: setattr(world.kind.inside, "unreachable", True)),
        ("running", lambda _world: None),
    ],
)
def test_status_tells_the_state_without_changing_it(running: World, state: str, prepare: Callable[[World], None]) -> None:
    prepare(running)
    before = running.kind.state
    assert workflow.status(running.wish, running.bench()).state == state
    assert running.kind.state == before


def test_status_tells_what_differs_from_the_settings(running: World) -> None:
    status = workflow.status(changed(running).wish, running.bench())
    assert status.changes == ("ports of 127.0.0.1: 8080 -> 30080, wanted 8090 -> 30080",)
    assert status.to_json()["changes"] == list(status.changes)


@pytest.mark.parametrize("available", ["True", "False"])
def test_status_tells_whether_metrics_are_served(running: World, available: str) -> None:
    service = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": "v1beta1.metrics.k8s.io"},
        "status": {"conditions": [{"type": "Available", "status": available}]},
    }
    running.kind.inside.put(service)
    assert workflow.status(running.wish, running.bench()).metrics is (available == "True")


def test_down_removes_what_up_made_and_keeps_the_images(running: World) -> None:
    report = workflow.down(running.wish, running.bench())
    assert (running.kind.state.nodes, running.registry.state, running.registry.volume) == ((), None, True)
    assert [word for words in report.removed for word in words.split()[:2]] == [
        "cluster",
        "check-in",
        "container",
        "check-in-registry",
    ]
    assert "volume check-in-registry" in report.kept[0]


def test_down_with_purge_removes_the_images_too(running: World) -> None:
    report = workflow.down(running.wish, running.bench(), purge=True)
    assert running.registry.volume is False
    assert "volume check-in-registry" in report.removed[-1]


def test_down_a_second_time_removes_nothing_and_is_no_error(running: World) -> None:
    workflow.down(running.wish, running.bench())
    assert workflow.down(running.wish, running.bench()).removed == ()


def test_neither_up_nor_down_touches_a_cluster_that_somebody_else_made(running: World) -> None:
    running.kind.state = replace(running.kind.state, shape=None)
    for refused in (running.up, lambda: workflow.down(running.wish, running.bench())):
        with pytest.raises(Misconfigured, match="did not make"):
            refused()
    assert [each.state for each in running.kind.state.nodes] == [RUNNING]


def test_the_repositorys_own_manifests_are_applied(world: World) -> None:
    found = documents(Path(__file__).parents[3] / "infrastructure/cluster/metrics-server.yaml")
    workflow.up(world.wish, replace(world.bench(), manifests=found))
    assert world.kind.inside.get("apiregistration.k8s.io/v1/APIService", "v1beta1.metrics.k8s.io")
    assert world.metrics_image() == "localhost/metrics-server:v1"


def test_what_is_printed_as_json_fits_its_published_schema(running: World) -> None:
    status = workflow.status(running.wish, running.bench())
    loaded = Loaded(image="hello:1", reference="localhost:5001/check-in/hello@sha256:5", layers_moved=0)
    image = NodeImageReport(image=BUILT, seconds=1.04)
    for result in (running.up(), status, workflow.down(running.wish, running.bench()), loaded, image):
        told = result.to_json()
        name = told["schema"].removeprefix("plimsoll.").replace("/", "-")
        published = json.loads((SCHEMAS / f"{name}.json").read_text())
        assert list(Draft202012Validator(published).iter_errors(told)) == []
