from __future__ import annotations

import io

from rich.console import Console

from plimsoll.domain.cluster import Node
from plimsoll.domain.cluster_report import ClusterDown, ClusterStatus, Loaded
from plimsoll.domain.node_image import NodeImage, NodeImageReport, Origin
from plimsoll.ui.cluster import draw_down, draw_loaded, draw_node_image, draw_status

STATUS = ClusterStatus(
    name="check-in",
    state="running",
    nodes=(Node(name="check-in-control-plane", state="running", image="plimsoll/kind-node:1"),),
    kubernetes="v1.34.4",
    registry="localhost:5001",
    registry_state="running",
    kubeconfig="/home/user/.local/state/plimsoll/check-in/kubeconfig",
    context="kind-check-in",
    addresses={"local": "http://127.0.0.1:8080"},
    changes=("nodes: 1, wanted 3",),
)


def drawn(draw: object, result: object) -> str:
    console = Console(file=io.StringIO(), width=60)
    draw(result, console)  # type: ignore[operator]  # -- each drawer takes its own result
    return console.file.getvalue()  # type: ignore[attr-defined]  # -- it is the StringIO above


def test_status_shows_everything_one_needs_to_reach_the_cluster_unwrapped() -> None:
    text = drawn(draw_status, STATUS)
    for said in ("v1.34.4", "localhost:5001", STATUS.kubeconfig, "kind-check-in", "http://127.0.0.1:8080", "wanted 3"):
        assert said in text


def test_status_says_that_metrics_take_a_while_only_while_they_do() -> None:
    assert "no numbers yet" in drawn(draw_status, STATUS)
    assert "no numbers yet" not in drawn(draw_status, ClusterStatus(name="check-in", state="running", metrics=True))


def test_a_cluster_that_does_not_run_is_shown_with_the_command_that_brings_it_up() -> None:
    assert "inv cluster.up" in drawn(draw_status, ClusterStatus(name="check-in", state="stopped"))


def test_down_shows_what_is_gone_and_what_is_kept() -> None:
    text = drawn(draw_down, ClusterDown(name="check-in", removed=("cluster",), kept=("volume",)))
    assert text.splitlines() == ["removed  cluster", "kept     volume"]
    assert "nothing" in drawn(draw_down, ClusterDown(name="check-in", removed=(), kept=()))


def test_a_loaded_image_is_shown_by_its_reference_unwrapped() -> None:
    reference = "localhost:5001/check-in/hello@sha256:" + "5" * 64
    assert reference in drawn(draw_loaded, Loaded(image="hello", reference=reference, layers_moved=1))


def test_a_node_image_is_shown_with_its_archive() -> None:
    image = NodeImage(reference="plimsoll/kind-node:1", origin=Origin.BUILT, identity="1")
    text = drawn(draw_node_image, NodeImageReport(image=image, seconds=1.0, saved="node.tar"))
    assert "plimsoll/kind-node:1" in text
    assert "saved as node.tar" in text
