"""The network matrix: every source, destination and port, judged by the model over the rendered policies."""

from __future__ import annotations

from itertools import product

import pytest

from plimsoll.domain.netpol import Peer, judge, pod, pods
from tests.rendering import ENVIRONMENTS, objects

NAME = "app.kubernetes.io/name"
PORTS = (
    (22, "TCP"),
    (53, "TCP"),
    (53, "UDP"),
    (80, "TCP"),
    (443, "TCP"),
    (3000, "TCP"),
    (3001, "TCP"),
    (5432, "TCP"),
    (6379, "TCP"),
)
OURS = ("backend", "frontend", "postgres", "redis", "backend-migrate")
OTHERS = {
    "ingress": pod("ingress", "ingress-nginx", {NAME: "ingress-nginx"}),
    "prometheus": pod("prometheus", "monitoring", {NAME: "prometheus"}),
    "grafana": pod("grafana", "monitoring", {NAME: "grafana"}),
    "dns": pod("dns", "kube-system", {"k8s-app": "kube-dns"}),
    "metrics-server": pod("metrics-server", "kube-system", {"k8s-app": "metrics-server"}),
    # The same labels as our own pods, in another environment.
    "neighbour": pod("neighbour", "check-in-elsewhere", {NAME: "backend", "app.kubernetes.io/part-of": "check-in"}),
    # A pod that somebody starts in our namespace.
    "intruder": Peer(name="intruder"),
    "internet": Peer(name="internet", address="203.0.113.7"),
    # Where requests to a node port come from.
    "node": Peer(name="node", address="172.18.0.1"),
    "pod-network": Peer(name="pod-network", address="10.244.0.9"),
}
DNS = {("dns", 53, "TCP"), ("dns", 53, "UDP")}
ALLOWED = {
    "ingress": {("frontend", 3000, "TCP"), ("backend", 3001, "TCP")},
    "frontend": {("backend", 3001, "TCP"), *DNS},
    "backend": {("postgres", 5432, "TCP"), ("redis", 6379, "TCP"), *DNS},
    "backend-migrate": {("postgres", 5432, "TCP"), *DNS},
    "prometheus": {("backend", 3001, "TCP")},
    "intruder": DNS,
    "postgres": set(),
    "redis": set(),
}
NODE_PORT = {"node": {("frontend", 3000, "TCP")}}


def _peers(name: str, form: str) -> dict[str, Peer]:
    own = pods(objects(name, form))
    intruder = Peer(
        name="intruder",
        namespace=own["backend"].namespace,
        labels={"run": "shell"},
        namespace_labels=own["backend"].namespace_labels,
    )
    return {**OTHERS, **{each: own[each] for each in OURS}, "intruder": intruder}


def _verdicts(manifests: list[dict[str, object]], peers: dict[str, Peer]) -> dict[str, set[tuple[str, int, str]]]:
    found: dict[str, set[tuple[str, int, str]]] = {}
    inside = {*OURS, "intruder"}
    for source, target, (port, protocol) in product(peers, peers, PORTS):
        # What strangers do among themselves is not for our policies to say.
        if source == target or not inside & {source, target}:
            continue
        if judge(manifests, peers[source], peers[target], port, protocol).allowed:
            found.setdefault(source, set()).add((target, port, protocol))
    return found


def _expected(extra: dict[str, set[tuple[str, int, str]]]) -> dict[str, set[tuple[str, int, str]]]:
    return {source: allowed for source, allowed in {**ALLOWED, **extra}.items() if allowed}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_exactly_the_matrix_is_allowed(name: str) -> None:
    assert _verdicts(objects(name, "overlay"), _peers(name, "overlay")) == _expected({})


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_on_the_local_cluster_node_ports_reach_the_frontend_besides(name: str) -> None:
    assert _verdicts(objects(name, "composed"), _peers(name, "composed")) == _expected(NODE_PORT)


@pytest.mark.parametrize("store", ["postgres", "redis"])
def test_data_stores_reach_nobody_whatever_the_port(store: str) -> None:
    manifests, peers = objects("production"), _peers("production", "composed")
    reached = [
        (target, port)
        for target in peers
        for port in (1, 53, 443, 6443, 65535)
        if target != store
        for protocol in ("TCP", "UDP", "SCTP")
        if judge(manifests, peers[store], peers[target], port, protocol).allowed
    ]
    assert reached == []


def _policy_names(form: str) -> list[str]:
    return sorted(each["metadata"]["name"] for each in objects("production", form) if each["kind"] == "NetworkPolicy")


def test_taking_away_any_one_policy_changes_a_verdict() -> None:
    manifests, peers = objects("production"), _peers("production", "composed")
    before = _verdicts(manifests, peers)
    names = _policy_names("composed")
    assert len(names) == 11
    for name in names:
        without = [each for each in manifests if (each["kind"], each["metadata"]["name"]) != ("NetworkPolicy", name)]
        assert _verdicts(without, peers) != before, name


def test_the_model_is_not_fooled_by_a_policy_of_another_namespace() -> None:
    manifests, peers = objects("production"), _peers("production", "composed")
    for each in manifests:
        if each["kind"] == "NetworkPolicy":
            each["metadata"]["namespace"] = "elsewhere"
    assert judge(manifests, peers["postgres"], peers["internet"], 443).allowed
