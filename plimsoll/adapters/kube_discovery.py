"""Which URL a kind has: asked of the API server once per group and version, and kept in the state folder."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from plimsoll.adapters.kube_errors import NOT_FOUND
from plimsoll.adapters.kube_http import Request

if TYPE_CHECKING:
    from pathlib import Path

    from plimsoll.adapters.kube_http import Connection


@dataclass(frozen=True, kw_only=True)
class Resource:
    """The API's word for a kind: `prefix` is `/api/v1` or `/apis/apps/v1`, `plural` `deployments`."""

    prefix: str
    plural: str
    namespaced: bool

    def path(self, name: str = "", namespace: str | None = None) -> str:
        """Return the path of one object, or of the list (without a name; without a namespace, of all namespaces)."""
        inside = f"/namespaces/{quote(namespace, safe='')}" if self.namespaced and namespace else ""
        return f"{self.prefix}{inside}/{self.plural}" + (f"/{quote(name, safe=':')}" if name else "")


class Discovery:
    """The kinds of one API server. What is known is written to `folder` (None: kept in memory only)."""

    def __init__(self, connection: Connection, folder: Path | None) -> None:
        """Read what an earlier run learned about this very server."""
        self._connection = connection
        self._file = folder / f"discovery-{connection.access.fingerprint}.json" if folder else None
        self._lock = threading.Lock()
        self._known: dict[str, Resource] = self._remembered()

    def find(self, kind: str, *, timeout: float) -> Resource | None:
        """Return the resource of `kind` (`apps/v1/Deployment`), or None where the API server knows no such kind.

        `timeout` bounds (seconds) the request that may be needed to know; it raises what every request does.
        """
        with self._lock:
            if kind not in self._known:
                self._learn(kind.rpartition("/")[0], timeout)
            return self._known.get(kind)

    def _learn(self, group_version: str, timeout: float) -> None:
        prefix = f"/apis/{group_version}" if "/" in group_version else f"/api/{group_version}"
        request = Request(method="GET", path=prefix, target=group_version, timeout=timeout, passes=frozenset({NOT_FOUND}))
        answer = self._connection.send(request)
        if answer.status == NOT_FOUND:
            return
        for each in answer.json().get("resources") or ():
            # `pods/log` and its like are parts of objects, not kinds.
            if "/" not in each["name"]:
                resource = Resource(prefix=prefix, plural=each["name"], namespaced=bool(each["namespaced"]))
                self._known[f"{group_version}/{each['kind']}"] = resource
        self._remember()

    def _remembered(self) -> dict[str, Resource]:
        try:
            kept: dict[str, Any] = json.loads(self._file.read_text(encoding="utf-8")) if self._file else {}
            return {kind: Resource(**fields) for kind, fields in kept.items()}
        except (OSError, ValueError, TypeError):
            return {}

    def _remember(self) -> None:
        if self._file is None:
            return
        # Another process may write at the same time: each replaces the file as a whole.
        fresh = self._file.with_suffix(f".{os.getpid()}")
        try:
            fresh.write_text(json.dumps({kind: asdict(each) for kind, each in self._known.items()}), encoding="utf-8")
            fresh.replace(self._file)
        except OSError:
            # A full disk or a read-only folder costs a request per run, nothing else.
            fresh.unlink(missing_ok=True)
