"""What containers and the cluster said (port PodLogs)."""

from __future__ import annotations

import queue
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from urllib3.exceptions import HTTPError

from plimsoll.adapters.kube_errors import NOT_FOUND
from plimsoll.adapters.kube_http import Request
from plimsoll.adapters.kube_watch import lines as lines_of
from plimsoll.domain.failure import last_seen
from plimsoll.errors import PlimsollError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import urllib3

    from plimsoll.adapters.kube import KubeCluster

TIMEOUT = 5.0
# Enough for twenty long lines; a container that prints one endless line must not fill our memory.
LIMIT = 65536
# A container that has not started has no log: the API answers 400, or 200 with this sentence.
NO_LOG = "unable to retrieve container logs"
BAD_REQUEST = 400
YEAR = 365 * 86400.0
STATUSES = ("initContainerStatuses", "containerStatuses")


class KubePodLogs:
    """Logs and events of one cluster's pods."""

    def __init__(self, cluster: KubeCluster) -> None:
        """Read through `cluster`."""
        self._cluster = cluster
        self._connection = cluster.connection

    def kubectl(self) -> tuple[str, ...]:
        """Return kubectl with the flags that name this cluster; see ports.PodLogs."""
        access = self._connection.access
        return ("kubectl", "--kubeconfig", str(access.kubeconfig), "--context", access.context)

    def logs(self, namespace: str, pod: str, container: str, *, previous: bool = False, lines: int = 20) -> str:
        """Return the last lines of a container's log; see ports.PodLogs."""
        query = {"container": container, "tailLines": str(lines), "limitBytes": str(LIMIT), "previous": str(previous).lower()}
        request = Request(
            method="GET",
            path=_log_path(namespace, pod),
            query=query,
            target=f"Pod/{pod}",
            timeout=TIMEOUT,
            passes=frozenset({BAD_REQUEST, NOT_FOUND}),
        )
        answer = self._connection.send(request)
        text = answer.body.decode(errors="replace")
        return "" if answer.status >= BAD_REQUEST or text.startswith(NO_LOG) else text.rstrip("\n")

    def events(self, namespace: str, uid: str) -> tuple[dict[str, Any], ...]:
        """Return the events about one object, oldest first; see ports.PodLogs."""
        request = Request(
            method="GET",
            path=f"/api/v1/namespaces/{quote(namespace)}/events",
            query={"fieldSelector": f"involvedObject.uid={uid}"},
            target="events",
            timeout=TIMEOUT,
        )
        found = self._connection.send(request).json().get("items") or ()
        return tuple(sorted(({**each, "apiVersion": "v1", "kind": "Event"} for each in found), key=last_seen))

    def follow(self, namespace: str, labels: str, *, since: int | None, follow: bool) -> Iterator[tuple[str, str]]:
        """Yield (pod, line); see ports.PodLogs."""
        if follow:
            yield from _Follower(self._cluster, namespace, labels, since).lines()
            return
        query = {"sinceSeconds": str(since)} if since else {}
        for pod in self._cluster.list("v1/Pod", namespace, labels=labels):
            for container, _run in _started(pod):
                response = self._connection.stream(
                    _log_path(namespace, pod["metadata"]["name"]),
                    {**query, "container": container},
                    target=f"Pod/{pod['metadata']['name']}",
                    silence=TIMEOUT,
                    passes=frozenset({BAD_REQUEST, NOT_FOUND}),
                )
                with response:
                    if response.status < BAD_REQUEST:
                        yield from ((pod["metadata"]["name"], line.decode(errors="replace")) for line in lines_of(response))


class _Follower:
    """Follows every container of every pod that matches: a thread looks for pods, and one per container reads its log."""

    def __init__(self, cluster: KubeCluster, namespace: str, labels: str, since: int | None) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._labels = labels
        self._since = since
        self._said: queue.SimpleQueue[tuple[str, str] | PlimsollError] = queue.SimpleQueue()
        self._over = threading.Event()
        self._responses: set[urllib3.BaseHTTPResponse] = set()

    def lines(self) -> Iterator[tuple[str, str]]:
        """Yield (pod, line) until the caller closes the iterator, or the cluster is out of reach."""
        threading.Thread(target=self._find, name="pods to follow", daemon=True).start()
        try:
            while True:
                # The time-out lets a signal through, which a wait without an end would hold back.
                with suppress(queue.Empty):
                    said = self._said.get(timeout=1)
                    if isinstance(said, PlimsollError):
                        raise said
                    yield said
        finally:
            self._over.set()
            for response in list(self._responses):
                with suppress(OSError, ValueError, RuntimeError, HTTPError):
                    response.shutdown()

    def _find(self) -> None:
        followed: set[tuple[str, str, int]] = set()
        first = True
        try:
            for change in self._cluster.watch(["v1/Pod"], self._namespace, timeout=YEAR, labels=self._labels):
                if self._over.is_set():
                    return
                if change is None or change[0] == "DELETED":
                    continue
                if change[0] == "SYNCED":
                    first = False
                    continue
                name, uid = change[1]["metadata"]["name"], change[1]["metadata"]["uid"]
                for container, run in _started(change[1]):
                    if (uid, container, run) not in followed:
                        followed.add((uid, container, run))
                        since = self._since if first else None
                        threading.Thread(target=self._read, args=(name, container, since), daemon=True).start()
        except PlimsollError as error:
            self._said.put(error)

    def _read(self, pod: str, container: str, since: int | None) -> None:
        query = {"container": container, "follow": "true", **({"sinceSeconds": str(since)} if since else {})}
        with suppress(PlimsollError, HTTPError, OSError):
            response = self._cluster.connection.stream(_log_path(self._namespace, pod), query, target=f"Pod/{pod}", silence=None)
            self._responses.add(response)
            with response:
                for line in lines_of(response):
                    if self._over.is_set():
                        return
                    self._said.put((pod, line.decode(errors="replace")))
            self._responses.discard(response)


def _log_path(namespace: str, pod: str) -> str:
    return f"/api/v1/namespaces/{quote(namespace)}/pods/{quote(pod)}/log"


def _started(pod: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield the containers that have a log, with the number of their run."""
    for status in (each for key in STATUSES for each in (pod.get("status") or {}).get(key) or ()):
        state = status.get("state") or {}
        if state.get("running") is not None or state.get("terminated") is not None or status.get("restartCount"):
            yield str(status["name"]), int(status.get("restartCount", 0))
