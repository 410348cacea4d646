"""A cluster with a namespace and a second writer, fake or real: what the cases of the port Cluster run against."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from plimsoll.adapters.kube_http import Request
from plimsoll.adapters.kube_logs import KubePodLogs
from tests.fake_cluster import FakeCluster

if TYPE_CHECKING:
    from collections.abc import Callable

    from plimsoll.adapters.kube import KubeCluster

MAP, DEPLOYMENT, JOB, LEASE = "v1/ConfigMap", "apps/v1/Deployment", "batch/v1/Job", "coordination.k8s.io/v1/Lease"


class Fake:
    """The fake, with a namespace and a second writer."""

    namespace = "shop"

    def __init__(self) -> None:
        self.cluster: Any = FakeCluster()
        self.logs: Any = self.cluster
        self.cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})

    def edit(self, kind: str, name: str, changes: dict[str, Any]) -> None:
        self.cluster.edit(kind, name, self.namespace, changes)

    def meanwhile(self, action: Callable[[], object]) -> None:
        """Do something while a watch is under way."""
        self.cluster.later(1, action)


class Real:
    """A real API server, with an own namespace and a second writer who edits as people do."""

    def __init__(self, cluster: KubeCluster, namespace: str) -> None:
        self.cluster: Any = cluster
        self.logs: Any = KubePodLogs(cluster)
        self.namespace = namespace

    def edit(self, kind: str, name: str, changes: dict[str, Any]) -> None:
        resource = self.cluster._known(kind, 10)
        request = Request(
            method="PATCH",
            path=resource.path(name, self.namespace),
            query={"fieldManager": "kubectl-edit"},
            body=changes,
            content_type="application/merge-patch+json",
            target=name,
            timeout=10,
        )
        self.cluster.connection.send(request)

    def meanwhile(self, action: Callable[[], object]) -> None:
        threading.Timer(1, action).start()


def config_map(site: Fake | Real, name: str, data: dict[str, str], **metadata: object) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": site.namespace, **metadata},
        "data": data,
    }


def deployment(site: Fake | Real, name: str, **spec: object) -> dict[str, Any]:
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": "main", "image": "registry.k8s.io/pause:3.10"}]},
    }
    base = {"replicas": 0, "selector": {"matchLabels": {"app": name}}, "template": template}
    metadata = {"name": name, "namespace": site.namespace}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {**base, **spec}}


def lease(site: Fake | Real, name: str, holder: str, version: str | None = None) -> dict[str, Any]:
    metadata = {"name": name, "namespace": site.namespace, **({"resourceVersion": version} if version else {})}
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": {"holderIdentity": holder}}
