"""The API server's clock: its own word, never ours."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from plimsoll.adapters.kube import KubeCluster
from plimsoll.adapters.kube_clock import server_time
from plimsoll.errors import EnvironmentLacks
from tests.contract import real_cluster
from tests.contract.scripted_api import Reply, ScriptedApi

if TYPE_CHECKING:
    from pathlib import Path


def answering(folder: Path, head: str) -> tuple[socket.socket, KubeCluster]:
    """Return a server that answers everything with `head`, and a cluster that talks to it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(f"{head}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}".encode())

    threading.Thread(target=serve, daemon=True).start()
    entries = {
        "contexts": [{"name": "here", "context": {"cluster": "here"}}],
        "clusters": [{"name": "here", "cluster": {"server": f"http://127.0.0.1:{listener.getsockname()[1]}"}}],
    }
    (folder / "kubeconfig").write_text(json.dumps(entries))
    return listener, KubeCluster.connect(folder / "kubeconfig", "here")


@pytest.mark.parametrize("status", ["200 OK", "403 Forbidden"])
def test_the_date_of_an_answer_is_the_time_also_of_a_refusal(tmp_path: Path, status: str) -> None:
    listener, cluster = answering(tmp_path, f"HTTP/1.1 {status}\r\nDate: Tue, 05 Mar 2030 06:07:08 GMT")
    with closing(listener):
        assert server_time(cluster.connection) == datetime(2030, 3, 5, 6, 7, 8, tzinfo=UTC)


@pytest.mark.parametrize("date", ["", "\r\nDate: yesterday"])
def test_a_server_without_a_clock_is_a_lack_that_says_so(tmp_path: Path, date: str) -> None:
    listener, cluster = answering(tmp_path, f"HTTP/1.1 200 OK{date}")
    with closing(listener), pytest.raises(EnvironmentLacks, match="carry no date") as lacks:
        server_time(cluster.connection)
    assert lacks.value.code == "no-server-time"


def test_a_server_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    server = ScriptedApi(lambda _asked: Reply())
    cluster = KubeCluster.connect(server.kubeconfig(tmp_path), "here")
    server.close()
    with pytest.raises(EnvironmentLacks) as lacks:
        server_time(cluster.connection)
    assert lacks.value.code == "cluster-unreachable"


@pytest.mark.cluster
def test_a_real_api_server_tells_its_time() -> None:
    cluster = real_cluster.connect()
    assert abs((server_time(cluster.connection) - datetime.now(UTC)).total_seconds()) < 5
