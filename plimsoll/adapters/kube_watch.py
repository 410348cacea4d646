"""Watching several kinds at once: per kind a thread lists, watches from there, and lists again when the version has expired."""

from __future__ import annotations

import json
import queue
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from urllib3.exceptions import HTTPError

from plimsoll.adapters import kube_errors
from plimsoll.adapters.kube_list import Expired, pages
from plimsoll.errors import EnvironmentLacks, Failed, PlimsollError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import urllib3

    from plimsoll.adapters.kube_discovery import Resource
    from plimsoll.adapters.kube_http import Connection

Change = tuple[str, dict[str, Any]]
# Seconds: how often the caller gets to look at its deadline; how long a watch is mended without one answer before it is given up.
TICK = 1.0
GIVE_UP_AFTER = 30.0
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
# The API server ends a watch after this many seconds at most; another one follows where it ended.
ROUND = 300
LIST_TIMEOUT = 10.0
EVENTS = "v1/Event"


def watch(
    connection: Connection, kinds: Mapping[str, Resource], namespace: str, *, timeout: float, labels: str
) -> Iterator[Change | None]:
    """Yield what `ports.Cluster.watch` promises, from one thread per kind."""
    end = time.monotonic() + timeout
    changes: queue.SimpleQueue[Change | PlimsollError] = queue.SimpleQueue()
    threads = [
        _KindWatch(connection, kind, resource, namespace, labels="" if kind == EVENTS else labels, end=end, changes=changes)
        for kind, resource in kinds.items()
    ]
    for thread in threads:
        thread.start()
    try:
        yield from _changes(changes, end)
    finally:
        for thread in threads:
            thread.stop()


def _changes(changes: queue.SimpleQueue[Change | PlimsollError], end: float) -> Iterator[Change | None]:
    ticked = time.monotonic()
    while (now := time.monotonic()) < end:
        # Also in a flood of changes: those who wait for time to pass must see it pass.
        if now - ticked >= TICK:
            ticked = now
            yield None
        try:
            change = changes.get(timeout=max(min(ticked + TICK, end) - now, 0.001))
        except queue.Empty:
            continue
        if isinstance(change, PlimsollError):
            raise change
        yield change


class _KindWatch(threading.Thread):
    """Follows one kind in one namespace and puts what happens into `changes`, until `end` or `stop`."""

    def __init__(
        self,
        connection: Connection,
        kind: str,
        resource: Resource,
        namespace: str,
        *,
        labels: str,
        end: float,
        changes: queue.SimpleQueue[Change | PlimsollError],
    ) -> None:
        super().__init__(name=f"watch {kind}", daemon=True)
        self._connection = connection
        self._api, _, self._kind = kind.rpartition("/")
        self._path = resource.path(namespace=namespace)
        self._query = {"labelSelector": labels} if labels else {}
        self._end = end
        self._changes = changes
        self._stopped = threading.Event()
        self._response: urllib3.BaseHTTPResponse | None = None
        # UID -> the little of an object that its DELETED needs when it vanished between two lists.
        self._known: dict[str, dict[str, Any]] = {}
        self._version = ""
        self._answered = time.monotonic()

    def stop(self) -> None:
        """End the thread soon; it may sit in a read, which is cut."""
        self._stopped.set()
        response = self._response
        if response is not None:
            with suppress(OSError, ValueError, RuntimeError, HTTPError):
                response.shutdown()

    def run(self) -> None:
        """List and watch, again and again; an error that no repeat mends ends it and reaches the reader."""
        pause = FIRST_PAUSE
        try:
            while not self._over:
                try:
                    if not self._version:
                        self._list()
                    self._follow()
                    pause = FIRST_PAUSE
                    # A server that ends every watch at once must not be asked without a breath.
                    self._stopped.wait(FIRST_PAUSE)
                except Expired:
                    self._version = ""
                except (HTTPError, OSError, EnvironmentLacks) as error:
                    self._bear_with(error)
                    self._stopped.wait(pause)
                    pause = min(pause * 2, LONGEST_PAUSE)
        except PlimsollError as error:
            self._changes.put(error)
        except Exception as error:  # noqa: BLE001 -- a thread's own error would vanish; the reader must see it
            if not self._over:
                self._changes.put(Failed(f"watching {self._kind} failed: {type(error).__name__}: {error}", where=self._path))

    @property
    def _over(self) -> bool:
        return self._stopped.is_set() or time.monotonic() >= self._end

    def _list(self) -> None:
        present: dict[str, dict[str, Any]] = {}
        latest = ""
        for items, version in pages(self._connection, self._path, self._query, target=self._kind, timeout=LIST_TIMEOUT):
            for item in items:
                self._put("MODIFIED", item)
                present[str(item["metadata"]["uid"])] = self._stub(item)
            latest = version
        self._version = latest
        for uid in self._known.keys() - present.keys():
            self._put("DELETED", self._known[uid])
        self._known = present
        self._answered = time.monotonic()
        self._changes.put(("SYNCED", {"apiVersion": self._api, "kind": self._kind}))

    def _follow(self) -> None:
        seconds = max(1, min(ROUND, int(self._end - time.monotonic()) + 1))
        query = {
            **self._query,
            "watch": "1",
            "resourceVersion": self._version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(seconds),
        }
        response = self._connection.stream(
            self._path, query, target=self._kind, silence=seconds + 5, passes=frozenset({kube_errors.GONE, kube_errors.BROKEN})
        )
        if response.status in {kube_errors.GONE, kube_errors.BROKEN}:
            response.close()
            if response.status == kube_errors.GONE:
                raise Expired
            raise kube_errors.unreachable(self._connection.access.server, f"it answers {response.status} to a watch")
        self._response = response
        self._answered = time.monotonic()
        try:
            for line in lines(response):
                if self._over:
                    return
                self._take(json.loads(line))
        finally:
            self._response = None
            response.close()

    def _take(self, news: Mapping[str, Any]) -> None:
        self._answered = time.monotonic()
        event, seen = str(news["type"]), dict(news["object"])
        if event == "ERROR":
            if seen.get("code") == kube_errors.GONE:
                raise Expired
            raise EnvironmentLacks(f"the watch was ended: {seen.get('message', '')}", where=self._path)
        self._version = str(seen["metadata"]["resourceVersion"])
        uid = str(seen["metadata"].get("uid", ""))
        if event == "BOOKMARK":
            return
        if event == "DELETED":
            self._known.pop(uid, None)
            self._put("DELETED", seen)
        else:
            self._known[uid] = self._stub(seen)
            self._put("MODIFIED", seen)

    def _put(self, event: str, seen: dict[str, Any]) -> None:
        # The items of a list do not say what they are.
        self._changes.put((event, {**seen, "apiVersion": self._api, "kind": self._kind}))

    def _stub(self, seen: Mapping[str, Any]) -> dict[str, Any]:
        kept = ("name", "namespace", "uid", "ownerReferences")
        stub: dict[str, Any] = {"metadata": {key: seen["metadata"][key] for key in kept if key in seen["metadata"]}}
        if self._kind == "Event":
            stub["involvedObject"] = seen.get("involvedObject")
        return stub

    def _bear_with(self, error: Exception) -> None:
        """Return while there is hope; raise EnvironmentLacks once nothing was heard for too long."""
        if self._over or time.monotonic() - self._answered < GIVE_UP_AFTER:
            return
        if isinstance(error, EnvironmentLacks):
            raise error
        raise kube_errors.unreachable(self._connection.access.server, str(error)) from error


def lines(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """Yield the lines of an answer as they arrive."""
    rest = b""
    for piece in response.stream(amt=2**16, decode_content=True):
        *whole, rest = (rest + piece).split(b"\n")
        yield from (line for line in whole if line.strip())
    if rest.strip():
        yield rest
