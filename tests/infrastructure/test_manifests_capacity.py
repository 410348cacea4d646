"""Three environments on one node of two cores: the sum of what is asked for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from plimsoll.domain.manifests import containers
from plimsoll.domain.quantity import amount
from tests.rendering import ENVIRONMENTS, objects

CORES = Decimal(2)
# What Kubernetes itself requests on kind's one node (kubeadm's static pods, CoreDNS, the network), and the metrics-server.
SYSTEM = {
    "kube-apiserver": "250m",
    "kube-controller-manager": "200m",
    "kube-scheduler": "100m",
    "etcd": "100m",
    "coredns": "200m",
    "metrics-server": "100m",
    "kindnet": "100m",
}
# Memory that such a node has at least, and what Kubernetes requests of it in Mi: CoreDNS 2 x 70, etcd 100, metrics-server 200,
# network 50.
NODE_MEMORY, SYSTEM_MEMORY = amount("4Gi"), amount("490Mi")


def requested(manifest: dict[str, Any], resource: str) -> Decimal:
    return sum((amount(each["resources"]["requests"][resource]) for each in containers(manifest)), start=Decimal(0))


def environment(name: str, resource: str) -> Decimal:
    """Return what an environment requests with as many pods as its autoscalers allow."""
    found = objects(name)
    most = {each["metadata"]["name"]: each["spec"]["maxReplicas"] for each in found if each["kind"] == "HorizontalPodAutoscaler"}
    total = Decimal(0)
    for each in found:
        if each["kind"] in {"Deployment", "StatefulSet"}:
            total += requested(each, resource) * (most.get(each["metadata"]["name"]) or each["spec"]["replicas"])
    return total


def surge(resource: str) -> Decimal:
    """Return what a deploy adds for a while: one pod of each Deployment, as a rollout does, or the migration."""
    found = objects("production")
    pods = sum((requested(each, resource) for each in found if each["kind"] == "Deployment"), start=Decimal(0))
    jobs = sum((requested(each, resource) for each in found if each["kind"] == "Job"), start=Decimal(0))
    return max(pods, jobs)


def test_three_environments_scaled_to_their_limits_and_a_deploy_fit_on_two_cores() -> None:
    system = sum((amount(each) for each in SYSTEM.values()), start=Decimal(0))
    total = system + sum((environment(name, "cpu") for name in ENVIRONMENTS), start=Decimal(0)) + surge("cpu")
    assert total <= CORES


def test_they_fit_in_the_memory_of_a_small_laptops_node() -> None:
    total = SYSTEM_MEMORY + sum((environment(name, "memory") for name in ENVIRONMENTS), start=Decimal(0)) + surge("memory")
    assert total <= NODE_MEMORY


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_each_container_on_a_small_cluster_asks_for_10_to_25_thousandths_of_a_core(name: str) -> None:
    for each in objects(name):
        for container in containers(each):
            assert amount("10m") <= amount(container["resources"]["requests"]["cpu"]) <= amount("25m"), container["name"]


def test_without_the_component_one_environment_alone_would_not_fit() -> None:
    found = objects("production", "overlay")
    least = {each["metadata"]["name"]: each["spec"]["minReplicas"] for each in found if each["kind"] == "HorizontalPodAutoscaler"}
    total = sum(
        (requested(each, "cpu") * least[each["metadata"]["name"]] for each in found if each["kind"] == "Deployment"),
        start=Decimal(0),
    )
    assert total + sum((amount(each) for each in SYSTEM.values()), start=Decimal(0)) > CORES
