"""What Plimsoll puts into its cluster, and how it looks from inside: nodes, names, metrics, identity."""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime
from typing import TYPE_CHECKING, Any

from plimsoll.domain.manifests import MANAGER, OWNER_LABEL
from plimsoll.errors import EnvironmentLacks
from plimsoll.workflows.lock import ensure_namespace

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from plimsoll.domain.manifests import Manifest
    from plimsoll.ports import Clock, Cluster, Reporter

NAMESPACE = "plimsoll"
FINGERPRINT = "fingerprint"
SYSTEM = "kube-system"
METRICS = "v1beta1.metrics.k8s.io"
# Seconds until a new cluster resolves names: 15 are usual.
PATIENCE = 180.0
PAUSE = 0.5


def install(cluster: Cluster, manifests: Sequence[Manifest], *, image: str, name: str) -> None:
    """Apply what every cluster of ours has: metrics-server running `image`, and the fingerprint of the cluster called `name`."""
    for manifest in manifests:
        cluster.apply(with_image(manifest, image), force=True)
    ensure_namespace(cluster)
    cluster.apply(fingerprint(cluster, name), force=True)


def with_image(manifest: Manifest, image: str) -> dict[str, Any]:
    """Return the manifest with every container named metrics-server running `image`."""
    changed = deepcopy(dict(manifest))
    pod = changed.get("spec", {}).get("template", {}).get("spec", {})
    for container in pod.get("containers", ()):
        if container.get("name") == "metrics-server":
            container["image"] = image
    return changed


def fingerprint(cluster: Cluster, name: str) -> dict[str, Any]:
    """Return the object by which a cluster of ours is recognised when all that we kept about it is lost."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": FINGERPRINT, "namespace": NAMESPACE, "labels": {OWNER_LABEL: MANAGER}},
        "data": {"cluster": name, "uid": identity(cluster)},
    }


def identity(cluster: Cluster) -> str:
    """Return the UID of the namespace kube-system: it tells one cluster from another."""
    found = cluster.get("v1/Namespace", SYSTEM)
    if found is None:
        raise EnvironmentLacks("the cluster has no namespace kube-system", where=SYSTEM, now="wait until it has started")
    return str(found["metadata"]["uid"])


def known_identity(cluster: Cluster, name: str) -> str | None:
    """Return the UID that the fingerprint of the cluster called `name` states, None without one."""
    found = cluster.get("v1/ConfigMap", FINGERPRINT, NAMESPACE)
    data = (found or {}).get("data") or {}
    return str(data["uid"]) if data.get("cluster") == name and data.get("uid") else None


def unready_nodes(nodes: Sequence[Mapping[str, Any]], *, since: datetime | None) -> str:
    """Return, in words, which nodes are not ready (or gave no sign of life after `since`); empty when all are."""
    if not nodes:
        return "it has no nodes yet"
    waiting = []
    for node in nodes:
        conditions = {each["type"]: each for each in node.get("status", {}).get("conditions", ())}
        ready = conditions.get("Ready", {})
        beat = ready.get("lastHeartbeatTime")
        stale = since is not None and (beat is None or datetime.fromisoformat(beat) < since.replace(microsecond=0))
        if ready.get("status") != "True" or stale:
            waiting.append(str(node["metadata"]["name"]))
    return f"not ready: {', '.join(sorted(waiting))}" if waiting else ""


def unseen_pods(pods: Sequence[Mapping[str, Any]], *, nodes: Collection[str], since: datetime) -> tuple[str, ...]:
    """Return the pods whose state is from before `since`, when their nodes started: no container can have run that long."""
    found = []
    for pod in pods:
        status = pod.get("status") or {}
        states = [each.get("state") or {} for each in status.get("containerStatuses") or ()]
        started = [state["running"].get("startedAt") for state in states if state.get("running")]
        here = (pod.get("spec") or {}).get("nodeName") in nodes and not pod["metadata"].get("deletionTimestamp")
        if here and any(datetime.fromisoformat(each) < since.replace(microsecond=0) for each in started if each):
            found.append(f"{pod['metadata'].get('namespace')}/{pod['metadata']['name']}")
    return tuple(sorted(found))


def wait_for_pods(cluster: Cluster, *, nodes: Collection[str], since: datetime, clock: Clock, reporter: Reporter) -> None:
    """Return when the cluster tells of every pod how it is since its node started at `since`; a warning names those it does not.

    Until then pods are called ready that are not there, and Services lead to addresses that nobody has.
    """
    if not unseen_pods(cluster.list("v1/Pod"), nodes=nodes, since=since):
        return
    deadline = clock.monotonic() + PATIENCE
    with reporter.step("waiting until the nodes have looked at their pods"):
        while clock.monotonic() < deadline:
            clock.sleep(PAUSE)
            unseen = unseen_pods(cluster.list("v1/Pod"), nodes=nodes, since=since)
            if not unseen:
                return
        reporter.warn(f"nothing is known since the start of the nodes about {', '.join(unseen)}")


def wait_for_names(cluster: Cluster, *, clock: Clock, reporter: Reporter) -> None:
    """Return when the cluster resolves names. Raise EnvironmentLacks when it does not in time."""
    if _names(cluster):
        return
    deadline = clock.monotonic() + PATIENCE
    with reporter.step("waiting for the cluster's DNS"):
        while clock.monotonic() < deadline:
            clock.sleep(PAUSE)
            if _names(cluster):
                return
        raise EnvironmentLacks(
            f"the cluster's DNS does not start within {PATIENCE:g} s",
            where="Deployment coredns in kube-system",
            now="see `inv cluster.status`, or run `inv cluster.up --recreate`",
            code="cluster-not-ready",
        )


def _names(cluster: Cluster) -> bool:
    found = cluster.get("apps/v1/Deployment", "coredns", SYSTEM) or {}
    return bool((found.get("status") or {}).get("availableReplicas", 0))


def describe(cluster: Cluster) -> tuple[str, bool]:
    """Return the Kubernetes version of the nodes, and whether metrics are served."""
    versions = {str(node["status"]["nodeInfo"]["kubeletVersion"]) for node in cluster.list("v1/Node")}
    service = cluster.get("apiregistration.k8s.io/v1/APIService", METRICS) or {}
    conditions = (service.get("status") or {}).get("conditions") or ()
    available = any(each.get("type") == "Available" and each.get("status") == "True" for each in conditions)
    return ", ".join(sorted(versions)), available
