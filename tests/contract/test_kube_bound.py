"""A connection is bound to the server and the authority that its kubeconfig named when it was made."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from plimsoll.adapters.kube import KubeCluster
from plimsoll.adapters.kube_clock import server_time
from plimsoll.adapters.kube_logs import KubePodLogs
from plimsoll.adapters.kube_service import ServiceHttp
from plimsoll.errors import Misconfigured
from tests.contract.scripted_api import Reply, ScriptedApi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.contract.scripted_api import Asked

KIND = "v1/ConfigMap"
MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "shop"}}
SYSTEM = {"metadata": {"name": "kube-system", "uid": "ours"}}
REQUESTS: dict[str, Callable[[KubeCluster], Any]] = {
    "identity": lambda cluster: cluster.identity(),
    "get": lambda cluster: cluster.get(KIND, "a", "shop"),
    "list": lambda cluster: cluster.list(KIND, "shop"),
    "apply": lambda cluster: cluster.apply(MAP),
    "create": lambda cluster: cluster.write(MAP, create=True),
    "replace": lambda cluster: cluster.write(MAP),
    "delete": lambda cluster: cluster.delete(KIND, "a", "shop"),
    "watch": lambda cluster: list(cluster.watch([KIND], "shop", timeout=5)),
    "logs": lambda cluster: KubePodLogs(cluster).logs("shop", "web-1", "web"),
    "events": lambda cluster: KubePodLogs(cluster).events("shop", "uid"),
    "time": lambda cluster: server_time(cluster.connection),
}


@pytest.fixture
def other() -> Iterator[ScriptedApi]:
    """Another cluster, which would answer everything."""
    server = ScriptedApi(lambda _asked: Reply(body={**SYSTEM, "items": [MAP]}))
    with closing(server):
        yield server


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_a_refusal_and_never_followed(
    tmp_path: Path, other: ScriptedApi, request_: Callable[[KubeCluster], Any], status: int
) -> None:
    def sent_away(asked: Asked) -> Reply:
        return Reply(status, {}, {"Location": f"{other.url}{asked.path}"})

    with closing(ScriptedApi(sent_away)) as server:
        cluster = KubeCluster.connect(server.kubeconfig(tmp_path), "here")
        with pytest.raises(Misconfigured) as refused:
            request_(cluster)
    assert refused.value.code == "redirected"
    assert other.asked == []


def test_a_kubeconfig_that_is_changed_under_way_does_not_move_the_connection(tmp_path: Path, other: ScriptedApi) -> None:
    with closing(ScriptedApi(lambda _asked: Reply(body=SYSTEM))) as server:
        cluster = KubeCluster.connect(server.kubeconfig(tmp_path), "here")
        other.kubeconfig(tmp_path)
        assert cluster.identity().server == server.url
        assert cluster.identity().uid == "ours"
    assert other.asked == []


def test_a_service_may_redirect_those_who_ask_it_through_the_cluster(tmp_path: Path) -> None:
    service = {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}

    def answer(asked: Asked) -> Reply:
        if asked.path.endswith("/services"):
            return Reply(body={"items": [service]})
        return Reply(302, {}, {"Location": "/login"})

    kinds = {"resources": [{"name": "services", "kind": "Service", "namespaced": True}]}
    with closing(ScriptedApi(answer, kinds=kinds)) as server:
        http = ServiceHttp(KubeCluster.connect(server.kubeconfig(tmp_path), "here"), "shop")
        assert http.get("service://shop/health", timeout=2).status == 302
