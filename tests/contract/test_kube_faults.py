"""The Kubernetes adapter before a server that misbehaves: what is repeated, what never is, and what each fault becomes."""

from __future__ import annotations

import itertools
import json
import socket
import subprocess
import time
from contextlib import closing, suppress
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from plimsoll.adapters.kube import KubeCluster
from plimsoll.adapters.kube_logs import KubePodLogs
from plimsoll.errors import EnvironmentLacks, Failed, Misconfigured
from tests.contract.scripted_api import CUT, Reply, ScriptedApi
from tests.needs import need_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.contract.scripted_api import Asked

KIND = "v1/ConfigMap"
MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "shop"}}
OUTRUN = Reply(409, {"reason": "Conflict", "message": "the object has been modified"})

Serve = "Callable[[Callable[[Asked], Any]], tuple[ScriptedApi, KubeCluster]]"


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Return a function that starts a server with the given answers and returns it with a cluster that talks to it."""
    servers = []

    def start(answer: Callable[[Asked], Any]) -> tuple[ScriptedApi, KubeCluster]:
        server = ScriptedApi(answer)
        servers.append(server)
        return server, KubeCluster.connect(server.kubeconfig(tmp_path), "here", state=tmp_path)

    yield start
    for server in servers:
        server.close()


def in_turn(*replies: object) -> Callable[[Asked], Any]:
    """Answer with one after the other; the last one again and again."""
    left = itertools.chain(replies, itertools.repeat(replies[-1]))
    return lambda _asked: next(left)


def test_a_crowded_server_is_asked_again_when_it_says(serve: Serve) -> None:
    server, cluster = serve(in_turn(Reply(429, {}, {"Retry-After": "1"}), Reply(body=MAP)))
    started = time.monotonic()
    assert cluster.get(KIND, "a", "shop") == MAP
    assert time.monotonic() - started >= 1
    assert len(server.asked) == 2


@pytest.mark.parametrize("trouble", [Reply(500, {}), Reply(503, {}), CUT, OUTRUN], ids=["500", "503", "cut", "outrun"])
def test_an_apply_is_repeated_until_it_gets_through(serve: Serve, trouble: object) -> None:
    server, cluster = serve(in_turn(trouble, trouble, Reply(body=MAP)))
    assert cluster.apply(MAP) == MAP
    assert [each.method for each in server.asked] == ["PATCH"] * 3
    assert server.asked[0].query == {"fieldManager": "plimsoll", "force": "false"}


REPEATABLE = {
    "get": lambda cluster: cluster.get(KIND, "a", "shop"),
    "list": lambda cluster: cluster.list(KIND, "shop"),
    "apply": lambda cluster: cluster.apply(MAP),
    "dry run": lambda cluster: cluster.apply(MAP, dry_run=True),
    "delete": lambda cluster: cluster.delete(KIND, "a", "shop"),
}
TROUBLES = {
    "429": Reply(429, {}, {"Retry-After": "1"}),
    "429 without a word": Reply(429, {}),
    **{str(status): Reply(status, {}) for status in (500, 502, 503, 504)},
    "409": OUTRUN,
    "made meanwhile": Reply(409, {"reason": "AlreadyExists", "message": 'configmaps "a" already exists'}),
    "cut": CUT,
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
@pytest.mark.parametrize("ask", REPEATABLE.values(), ids=REPEATABLE)
def test_what_may_be_sent_twice_is_sent_again_after_a_pause(
    serve: Serve, ask: Callable[[KubeCluster], object], trouble: Reply
) -> None:
    server, cluster = serve(in_turn(trouble, Reply(body=MAP)))
    started = time.monotonic()
    ask(cluster)
    assert len(server.asked) == 2
    assert time.monotonic() - started >= (1 if "Retry-After" in getattr(trouble, "headers", {}) else 0.05)


def test_pauses_grow_while_the_trouble_lasts(serve: Serve) -> None:
    moments = []

    def answer(_asked: Asked) -> Reply:
        moments.append(time.monotonic())
        return Reply(503, {})

    _server, cluster = serve(answer)
    with pytest.raises(EnvironmentLacks):
        cluster.apply(MAP, timeout=2)
    pauses = [after - before for before, after in itertools.pairwise(moments)]
    assert pauses[0] < 0.15
    assert max(pauses) > 3 * pauses[0]


def test_an_apply_ends_within_its_time_repeats_included(serve: Serve) -> None:
    _server, cluster = serve(in_turn(Reply(503, {"message": "etcd has no leader"})))
    started = time.monotonic()
    with pytest.raises(EnvironmentLacks, match="etcd has no leader"):
        cluster.apply(MAP, timeout=1)
    assert time.monotonic() - started < 1.5


def test_a_server_that_never_ends_its_answer_is_given_up_in_time(serve: Serve) -> None:
    _server, cluster = serve(lambda _asked: time.sleep(3) or Reply(body=MAP))
    started = time.monotonic()
    with pytest.raises(EnvironmentLacks):
        cluster.apply(MAP, timeout=0.5)
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("trouble", [Reply(500, {"message": "x"}), Reply(503, {}), CUT], ids=["500", "503", "cut"])
def test_a_write_that_may_have_arrived_is_never_sent_again(serve: Serve, trouble: object) -> None:
    server, cluster = serve(in_turn(trouble, Reply(body=MAP)))
    with pytest.raises((EnvironmentLacks, Failed)):
        cluster.write(MAP, create=True)
    assert len(server.asked) == 1


def test_a_write_that_was_turned_away_unread_is_sent_again(serve: Serve) -> None:
    server, cluster = serve(in_turn(Reply(429, {}), Reply(body=MAP)))
    assert cluster.write(MAP) == MAP
    assert len(server.asked) == 2


def test_a_server_that_is_not_there_is_a_lack_that_names_it(serve: Serve) -> None:
    server, cluster = serve(in_turn(Reply(body=MAP)))
    server.close()
    with pytest.raises(EnvironmentLacks) as caught:
        cluster.apply(MAP, timeout=0.5)
    assert caught.value.where == server.url
    assert caught.value.code == "cluster-unreachable"


def test_a_connection_that_is_cut_in_the_handshake_is_a_server_that_does_not_answer_yet(tmp_path: Path) -> None:
    hung_up = socket.create_server(("127.0.0.1", 0))

    def hang_up() -> None:
        with suppress(OSError):
            while True:
                hung_up.accept()[0].close()

    Thread(target=hang_up, daemon=True).start()
    entries = {"server": f"https://127.0.0.1:{hung_up.getsockname()[1]}"}
    kubeconfig = tmp_path / "kubeconfig"
    contexts = [{"name": "here", "context": {"cluster": "here"}}]
    kubeconfig.write_text(json.dumps({"clusters": [{"name": "here", "cluster": entries}], "contexts": contexts}))
    with closing(hung_up), pytest.raises(EnvironmentLacks) as caught:
        KubeCluster.connect(kubeconfig, "here").apply(MAP, timeout=0.5)
    assert caught.value.code == "cluster-unreachable"


def test_another_authority_behind_the_same_address_is_another_cluster(tmp_path: Path) -> None:
    openssl = need_program("openssl")
    pairs = []
    for name in ("ours", "theirs"):
        path = tmp_path / f"{name}.pem"
        subject = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
        made = ("-newkey", "rsa:2048", "-nodes", "-keyout", path, "-out", tmp_path / f"{name}.crt", "-days", "2")
        subprocess.run([openssl, "req", "-x509", *made, *subject], check=True, capture_output=True)
        path.write_text(path.read_text() + (tmp_path / f"{name}.crt").read_text())
        pairs.append(path)
    server = ScriptedApi(in_turn(Reply(body=MAP)), certificate=pairs[1])
    with closing(server):
        trusted = KubeCluster.connect(server.kubeconfig(tmp_path, **{"certificate-authority": "theirs.crt"}), "here")
        assert trusted.get(KIND, "a", "shop") == MAP
        stranger = KubeCluster.connect(server.kubeconfig(tmp_path, **{"certificate-authority": "ours.crt"}), "here")
        with pytest.raises(Misconfigured) as caught:
            stranger.get(KIND, "a", "shop")
    assert caught.value.code == "other-cluster"


def test_kinds_are_asked_for_once_and_remembered_between_runs(serve: Serve, tmp_path: Path) -> None:
    server, cluster = serve(in_turn(Reply(body=MAP)))
    cluster.get(KIND, "a", "shop")
    cluster.get(KIND, "b", "shop")
    again = KubeCluster.connect(server.kubeconfig(tmp_path), "here", state=tmp_path)
    again.get(KIND, "a", "shop")
    assert server.kinds_asked == 1
    assert [each.path for each in server.asked] == [f"/api/v1/namespaces/shop/configmaps/{name}" for name in ("a", "b", "a")]


def test_a_spoilt_memory_of_kinds_is_no_obstacle(serve: Serve, tmp_path: Path) -> None:
    server, cluster = serve(in_turn(Reply(body=MAP)))
    cluster.get(KIND, "a", "shop")
    (remembered,) = tmp_path.glob("discovery-*.json")
    remembered.write_text('{"v1/ConfigMap": {"nonsense": 1}}')
    again = KubeCluster.connect(server.kubeconfig(tmp_path), "here", state=tmp_path)
    assert again.get(KIND, "a", "shop") == MAP


def test_an_answer_that_is_no_json_is_told_in_its_own_words(serve: Serve) -> None:
    _server, cluster = serve(in_turn(Reply(418, b"<html>company proxy</html>")))
    with pytest.raises(Failed, match="company proxy"):
        cluster.get(KIND, "a", "shop")


def test_a_long_list_is_read_page_by_page(serve: Serve) -> None:
    def answer(asked: Asked) -> Reply:
        page = int(asked.query.get("continue", "0"))
        more = {"continue": str(page + 1)} if page < 2 else {}
        return Reply(body={"items": [{"metadata": {"name": f"m{page}"}}], "metadata": {"resourceVersion": "7", **more}})

    _server, cluster = serve(answer)
    found = cluster.list(KIND, "shop", labels="a=b")
    assert [each["metadata"]["name"] for each in found] == ["m0", "m1", "m2"]
    assert found[0]["kind"] == "ConfigMap"


def test_a_list_that_expires_on_its_way_is_read_from_the_start(serve: Serve) -> None:
    page = Reply(body={"items": [{"metadata": {"name": "m"}}], "metadata": {"resourceVersion": "7", "continue": "x"}})
    last = Reply(body={"items": [{"metadata": {"name": "n"}}], "metadata": {"resourceVersion": "8"}})
    _server, cluster = serve(in_turn(page, Reply(410, {"reason": "Expired"}), page, last))
    assert [each["metadata"]["name"] for each in cluster.list(KIND, "shop")] == ["m", "n"]


def test_a_list_that_always_expires_is_given_up(serve: Serve) -> None:
    _server, cluster = serve(in_turn(Reply(410, {"reason": "Expired"})))
    with pytest.raises(EnvironmentLacks, match="expired 3 times"):
        cluster.list(KIND, "shop")


def item(name: str, version: int) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "shop", "uid": f"uid-{name}", "resourceVersion": str(version)}}


def listed(*items: dict[str, Any], version: int) -> Reply:
    return Reply(body={"items": list(items), "metadata": {"resourceVersion": str(version)}})


def happened(*news: tuple[str, dict[str, Any]]) -> Reply:
    return Reply(stream=[{"type": event, "object": seen} for event, seen in news])


def seen_in(cluster: KubeCluster, count: int) -> list[tuple[str, str]]:
    """Return the first `count` changes as (event, name)."""
    found: list[tuple[str, str]] = []
    with closing(cluster.watch([KIND], "shop", timeout=20)) as changes:
        for change in changes:
            if change is not None:
                found.append((change[0], change[1].get("metadata", {}).get("name", "")))
            if len(found) == count:
                return found
    return found


def test_a_watch_goes_on_where_it_was_cut(serve: Serve) -> None:
    replies = in_turn(
        listed(item("a", 1), version=5), happened(("MODIFIED", item("a", 6))), CUT, happened(("ADDED", item("b", 7))), CUT
    )
    server, cluster = serve(replies)
    assert seen_in(cluster, 4) == [("MODIFIED", "a"), ("SYNCED", ""), ("MODIFIED", "a"), ("MODIFIED", "b")]
    versions = [each.query.get("resourceVersion") for each in server.asked if "watch" in each.query]
    assert versions[:3] == ["5", "6", "6"]


@pytest.mark.parametrize(
    "expired", [Reply(410, {"reason": "Expired"}), happened(("ERROR", {"code": 410, "message": "too old resource version"}))]
)
def test_an_expired_version_is_listed_again_and_what_vanished_is_told(serve: Serve, expired: Reply) -> None:
    _server, cluster = serve(
        in_turn(listed(item("a", 1), item("b", 2), version=5), expired, listed(item("b", 9), version=9), happened(), CUT)
    )
    assert seen_in(cluster, 6) == [
        ("MODIFIED", "a"),
        ("MODIFIED", "b"),
        ("SYNCED", ""),
        ("MODIFIED", "b"),
        ("DELETED", "a"),
        ("SYNCED", ""),
    ]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_has_trouble_with_a_watch_is_borne_with(serve: Serve, status: int) -> None:
    news = happened(("ADDED", item("a", 6)))
    _server, cluster = serve(in_turn(listed(version=5), Reply(status, {"message": "busy"}), news, CUT))
    assert seen_in(cluster, 2) == [("SYNCED", ""), ("MODIFIED", "a")]


def test_bookmarks_move_the_watch_on_and_are_not_told(serve: Serve) -> None:
    bookmark = ("BOOKMARK", {"metadata": {"resourceVersion": "90"}})
    server, cluster = serve(in_turn(listed(version=5), happened(bookmark), happened(("DELETED", item("a", 91))), CUT))
    assert seen_in(cluster, 2) == [("SYNCED", ""), ("DELETED", "a")]
    assert [each.query["resourceVersion"] for each in server.asked if "watch" in each.query][1] == "90"


def test_a_watch_without_a_right_ends_with_that_right(serve: Serve) -> None:
    message = 'configmaps is forbidden: User "ci" cannot watch resource "configmaps" in API group "" in the namespace "shop"'
    _server, cluster = serve(in_turn(listed(version=5), Reply(403, {"message": message})))
    with pytest.raises(Misconfigured, match="ci may not watch configmaps"):
        seen_in(cluster, 9)


def test_a_quiet_watch_still_ticks_and_ends_in_time(serve: Serve) -> None:
    def slowly() -> Iterator[dict[str, Any]]:
        time.sleep(4)
        yield from ()

    left = iter([listed(version=5), Reply(stream=slowly())])
    _server, cluster = serve(lambda _asked: next(left, CUT))
    started = time.monotonic()
    ticks = [change for change in cluster.watch([KIND], "shop", timeout=2.5) if change is None]
    assert len(ticks) >= 2
    assert 2.4 <= time.monotonic() - started < 3.2


def test_a_kind_that_the_cluster_does_not_know_is_said_so(serve: Serve) -> None:
    _server, cluster = serve(in_turn(Reply(404, {})))
    assert cluster.get("example.com/v1/Certificate", "web", "shop") is None
    assert cluster.list("example.com/v1/Certificate", "shop") == ()
    cluster.delete("example.com/v1/Certificate", "web", "shop")
    for ask in (
        lambda: cluster.apply({**MAP, "apiVersion": "example.com/v1", "kind": "Certificate"}),
        lambda: cluster.watch(["example.com/v1/Certificate"], "shop", timeout=1),
    ):
        with pytest.raises(Misconfigured) as caught:
            ask()
        assert caught.value.code == "unknown-kind"


def test_a_manifest_without_a_namespace_is_never_put_into_the_default_one(serve: Serve) -> None:
    server, cluster = serve(in_turn(Reply(body=MAP)))
    with pytest.raises(Misconfigured, match="names no namespace"):
        cluster.apply({**MAP, "metadata": {"name": "a"}})
    assert not server.asked


def test_a_log_that_is_not_there_is_empty(serve: Serve) -> None:
    _server, cluster = serve(
        in_turn(Reply(400, {"message": "waiting to start"}), Reply(200, b"unable to retrieve container logs for x"))
    )
    logs = KubePodLogs(cluster)
    assert logs.logs("shop", "backend-1", "backend") == ""
    assert logs.logs("shop", "backend-1", "backend", previous=True) == ""
