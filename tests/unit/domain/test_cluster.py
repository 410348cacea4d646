from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plimsoll.config import load
from plimsoll.domain.cluster import (
    Node,
    RegistryState,
    Seen,
    Shape,
    Step,
    differences,
    kind_configuration,
    refuse_change,
    registry_hosts,
    require_ours,
    steps,
    wish,
)
from plimsoll.domain.cluster_report import target
from plimsoll.domain.node_image import NodeImage, Origin
from plimsoll.domain.project import ClusterSettings, RemoteCluster
from plimsoll.errors import Misconfigured

if TYPE_CHECKING:
    from plimsoll.domain.cluster import (
        Wish,
    )
    from plimsoll.domain.project import Project

PINNED, RECIPE, PACKED = "sha256:1", "recipe", "packed"
IMAGE = NodeImage(reference="plimsoll/kind-node:recipe", origin=Origin.BUILT, identity=RECIPE)
BASE = {"kind": "Cluster", "containerdConfigPatches": ["registry"]}
RUNNING = Seen(nodes=(Node(name="check-in-control-plane", state="running", image="x"),))
REGISTRY = RegistryState(state="running", port=5001)


OURS = load(Path(__file__).parents[3]).project


def project(*, nodes: int = 1, node_image: str = "auto") -> Project:
    return replace(OURS, cluster=ClusterSettings(name="check-in", nodes=nodes, node_image=node_image))


def wanted(*, nodes: int = 1, node_image: str = "auto") -> Wish:
    return wish(project(nodes=nodes, node_image=node_image), BASE, pinned=PINNED, recipe=RECIPE, archive=PACKED)


def shape(image: NodeImage = IMAGE, *, nodes: int = 1) -> Shape:
    return replace(wanted().shape(image), nodes=nodes)


def test_the_ports_of_local_environments_lead_into_the_cluster() -> None:
    assert wanted().ports == {8080: 30080, 8081: 30081, 8082: 30082}


def test_an_environment_elsewhere_takes_no_port_here() -> None:
    found = project()
    remote = RemoteCluster(context="prod", server="https://api.example.com", uid="1")
    environments = {**found.environments, "production": replace(found.environments["production"], remote=remote)}
    asked = wish(replace(found, environments=environments), BASE, pinned=PINNED, recipe=RECIPE, archive="")
    assert sorted(asked.ports) == [8080, 8081]


@pytest.mark.parametrize(
    ("setting", "origins"),
    [
        ("auto", [Origin.PULLED, Origin.BUILT]),
        ("pull", [Origin.PULLED]),
        ("build", [Origin.BUILT]),
        ("node.tar", [Origin.ARCHIVE]),
    ],
)
def test_the_setting_names_the_node_images_that_would_do(setting: str, origins: list[Origin]) -> None:
    assert list(wanted(node_image=setting).images) == origins


def test_several_nodes_are_made_of_a_pulled_image_only() -> None:
    assert list(wanted(nodes=3).images) == [Origin.PULLED]


def test_several_nodes_of_a_built_image_are_refused_with_the_reason() -> None:
    with pytest.raises(Misconfigured, match="network for one") as refused:
        wanted(nodes=2, node_image="build")
    assert "nodes = 1" in refused.value.now


def test_a_shape_survives_being_recorded() -> None:
    assert Shape.from_json(shape().to_json()) == shape()


def test_a_cluster_as_wanted_differs_in_nothing() -> None:
    assert differences(wanted(), shape()) == ()


@pytest.mark.parametrize(
    ("recorded", "said"),
    [
        (shape(nodes=3), "nodes: 3, wanted 1"),
        (replace(shape(), ports={8080: 30080}), "8080 -> 30080, wanted 8080 -> 30080, 8081 -> 30081, 8082 -> 30082"),
        (replace(shape(), configuration="other"), "kind.yaml has changed"),
        (shape(replace(IMAGE, identity="older")), "plimsoll/kind-node:recipe is no longer the one"),
        (shape(replace(IMAGE, origin=Origin.ARCHIVE)), "from an archive, wanted pulled or built here"),
    ],
)
def test_every_difference_is_told_in_words(recorded: Shape, said: str) -> None:
    (difference,) = differences(wanted(), recorded)
    assert said in difference


def test_a_cluster_of_a_pulled_image_stays_when_the_registry_is_no_longer_reached() -> None:
    assert differences(wanted(), shape(NodeImage(reference="kindest/node", origin=Origin.PULLED, identity=PINNED))) == ()


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (Seen(), (Step.CREATE, Step.RUN_REGISTRY)),
        (Seen(registry=REGISTRY), (Step.CREATE,)),
        (replace(RUNNING, shape=shape(), registry=REGISTRY), ()),
        (replace(RUNNING, shape=shape(), registry=replace(REGISTRY, state="exited")), (Step.START_REGISTRY,)),
        (replace(RUNNING, shape=shape(), registry=replace(REGISTRY, port=1)), (Step.REMOVE_REGISTRY, Step.RUN_REGISTRY)),
        (Seen(nodes=(Node(name="n", state="exited", image="x"),), shape=shape(), registry=REGISTRY), (Step.START,)),
        (replace(RUNNING, begun=True, registry=REGISTRY), (Step.DELETE, Step.CREATE)),
    ],
    ids=["nothing", "registry only", "all there", "registry stopped", "registry moved", "rebooted", "interrupted creation"],
)
def test_what_has_to_be_done_follows_from_what_is_there(seen: Seen, expected: tuple[Step, ...]) -> None:
    assert steps(wanted(), seen, recreate=False) == expected


def test_recreate_makes_the_cluster_anew_and_leaves_the_registry() -> None:
    seen = replace(RUNNING, shape=shape(), registry=REGISTRY)
    assert steps(wanted(), seen, recreate=True) == (Step.DELETE, Step.CREATE)


def test_a_registry_elsewhere_is_never_run_here() -> None:
    found = project()
    elsewhere = replace(found, registry=replace(found.registry, local=False, repository="registry.example.com/check-in"))
    asked = wish(elsewhere, BASE, pinned=PINNED, recipe=RECIPE, archive="")
    assert steps(asked, Seen(), recreate=False) == (Step.CREATE,)


def test_a_cluster_that_somebody_else_made_is_never_touched() -> None:
    for check in (lambda: steps(wanted(), RUNNING, recreate=True), lambda: require_ours("check-in", RUNNING)):
        with pytest.raises(Misconfigured, match="did not make") as refused:
            check()
        assert "another name" in refused.value.now


@pytest.mark.parametrize(
    ("releases", "said"), [(1, "1 recorded release,"), (5, "5 recorded releases,"), (None, "does not say how many")]
)
def test_a_refused_change_names_what_would_be_lost_and_the_way_on(releases: int | None, said: str) -> None:
    refused = refuse_change("check-in", ["nodes: 1, wanted 3"], releases)
    assert said in refused.what
    assert "nodes: 1, wanted 3" in refused.what
    assert "databases" in refused.what
    assert "--recreate" in refused.now
    assert refused.exit_code == 2


def test_nodes_are_labelled_by_zone_and_only_the_first_has_ports() -> None:
    nodes = kind_configuration(wanted(nodes=5), restrict_oom_score=False)["nodes"]
    assert [each["role"] for each in nodes] == ["control-plane", *["worker"] * 4]
    assert [each["labels"]["topology.kubernetes.io/zone"][-1] for each in nodes[1:]] == ["a", "b", "c", "a"]
    assert [each for each in nodes if "extraPortMappings" in each] == nodes[:1]


def test_ports_are_open_on_this_machine_only() -> None:
    mappings = kind_configuration(wanted(), restrict_oom_score=False)["nodes"][0]["extraPortMappings"]
    assert {each["listenAddress"] for each in mappings} == {"127.0.0.1"}


def test_the_oom_score_is_restricted_only_where_the_engine_may_not_lower_it() -> None:
    free, bound = (kind_configuration(wanted(), restrict_oom_score=each)["containerdConfigPatches"] for each in (False, True))
    assert free == ["registry"]
    assert "restrict_oom_score_adj = true" in bound[1]


def test_nodes_find_the_registry_by_its_container_name() -> None:
    told = registry_hosts("check-in-registry")
    assert '[host."http://check-in-registry:5000"]' in told
    # What is not there must be "not found", not looked for elsewhere.
    assert told.startswith('server = "http://check-in-registry:5000"\n')


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("hello:1", "localhost:5001/check-in/hello:1"),
        ("hello", "localhost:5001/check-in/hello:loaded"),
        ("registry.example.com:5000/team/hello", "localhost:5001/check-in/hello:loaded"),
        ("docker.io/team/hello:2@sha256:abc", "localhost:5001/check-in/hello:2"),
    ],
)
def test_a_loaded_image_keeps_its_last_name_and_tag(name: str, reference: str) -> None:
    assert target(name, "localhost:5001/check-in") == reference
