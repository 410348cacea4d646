"""The Kubernetes API of one cluster (ports Cluster and Identified)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from plimsoll.adapters.kube_config import access
from plimsoll.adapters.kube_discovery import Discovery
from plimsoll.adapters.kube_errors import CONFLICT, NOT_FOUND
from plimsoll.adapters.kube_http import APPLY, MERGE, Connection, Request
from plimsoll.adapters.kube_list import Expired, pages
from plimsoll.adapters.kube_watch import watch
from plimsoll.domain.manifests import MANAGER
from plimsoll.domain.owned_fields import disowned
from plimsoll.errors import EnvironmentLacks, Misconfigured

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from plimsoll.adapters.kube_discovery import Resource

# Seconds for reading requests, their repeats included.
READ_TIMEOUT = 10.0
LIST_TIMEOUT = 30.0
DELETE_TIMEOUT = 5.0
# A list of so many pages that its version expires this often is beyond what a release reads.
LIST_TRIES = 3


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What tells this cluster from others (port ClusterIdentity)."""

    server: str
    uid: str


class KubeCluster:
    """One cluster, bound to the server and the certificate authority that its kubeconfig names. Safe for many threads."""

    def __init__(self, connection: Connection, discovery: Discovery) -> None:
        """Use `connection`; `connect` makes one from a kubeconfig."""
        self.connection = connection
        self._discovery = discovery

    @classmethod
    def connect(cls, kubeconfig: Path, context: str, *, state: Path | None = None) -> KubeCluster:
        """Return the cluster that `context` of the file `kubeconfig` names; nothing else is looked at, and nothing is sent yet.

        `state` is the folder that keeps what the API server knows (None: nowhere). Raise EnvironmentLacks without the file,
        Misconfigured when the context is not usable.
        """
        connection = Connection(access(kubeconfig, context))
        return cls(connection, Discovery(connection, state))

    def identity(self) -> Identity:
        """Return API server and UID of kube-system, asked now; see ports.Identified."""
        found = self.get("v1/Namespace", "kube-system")
        if found is None:
            raise EnvironmentLacks(
                "the cluster has no namespace kube-system, by whose UID it would be recognised",
                where=self.connection.access.server,
                now="see whether this is a Kubernetes cluster that has finished starting",
            )
        return Identity(server=self.connection.access.server, uid=str(found["metadata"]["uid"]))

    def get(self, kind: str, name: str, namespace: str | None = None) -> dict[str, Any] | None:
        """Return the object, or None; see ports.Cluster."""
        resource = self._discovery.find(kind, timeout=READ_TIMEOUT)
        if resource is None:
            return None
        request = Request(
            method="GET",
            path=resource.path(name, namespace),
            target=_target(kind, name),
            timeout=READ_TIMEOUT,
            passes=frozenset({NOT_FOUND}),
        )
        answer = self.connection.send(request)
        return None if answer.status == NOT_FOUND else answer.json()

    def list(self, kind: str, namespace: str | None = None, *, labels: str = "") -> tuple[dict[str, Any], ...]:
        """Return the objects that match; see ports.Cluster."""
        resource = self._discovery.find(kind, timeout=READ_TIMEOUT)
        if resource is None:
            return ()
        api, _, name = kind.rpartition("/")
        query = {"labelSelector": labels} if labels else {}
        for _ in range(LIST_TRIES):
            try:
                found = [
                    {**item, "apiVersion": api, "kind": name}
                    for items, _version in pages(
                        self.connection, resource.path(namespace=namespace), query, target=name, timeout=LIST_TIMEOUT
                    )
                    for item in items
                ]
            except Expired:
                continue
            return tuple(found)
        raise EnvironmentLacks(f"the list of {name} expired {LIST_TRIES} times while it was read", where=resource.path())

    def apply(
        self, manifest: Mapping[str, Any], *, dry_run: bool = False, force: bool = False, timeout: float = 10
    ) -> dict[str, Any]:
        """Server-side apply; see ports.Cluster."""
        started = time.monotonic()
        resource, path = self._place(manifest, timeout)
        query = {"fieldManager": MANAGER, "force": "true" if force else "false", **({"dryRun": "All"} if dry_run else {})}
        request = Request(
            method="PATCH",
            path=path,
            query=query,
            body=manifest,
            content_type=APPLY,
            target=_target(resource, manifest["metadata"]["name"], manifest["kind"]),
            timeout=timeout - (time.monotonic() - started),
            dry_run=dry_run,
        )
        return self.connection.send(request).json()

    def write(self, manifest: Mapping[str, Any], *, create: bool = False, timeout: float = 5) -> dict[str, Any] | None:
        """Create or replace, at most once; see ports.Cluster."""
        started = time.monotonic()
        resource, path = self._place(manifest, timeout)
        name = manifest["metadata"]["name"]
        request = Request(
            method="POST" if create else "PUT",
            path=path.removesuffix(f"/{quote(name, safe=':')}") if create else path,
            query={"fieldManager": MANAGER},
            body=manifest,
            target=_target(resource, name, manifest["kind"]),
            timeout=timeout - (time.monotonic() - started),
            safe=False,
            passes=frozenset({CONFLICT}) if create else frozenset({CONFLICT, NOT_FOUND}),
        )
        answer = self.connection.send(request)
        return None if answer.status in {CONFLICT, NOT_FOUND} else answer.json()

    def disown(self, live: Mapping[str, Any], *path: str, timeout: float = 5) -> bool:
        """Take our claim to a field out of the managed fields, at the version that was seen; see ports.Cluster."""
        started = time.monotonic()
        resource, where = self._place(live, timeout)
        metadata = {"resourceVersion": live["metadata"]["resourceVersion"], "managedFields": disowned(live, *path)}
        request = Request(
            method="PATCH",
            path=where,
            query={"fieldManager": MANAGER},
            body={"metadata": metadata},
            content_type=MERGE,
            target=_target(resource, live["metadata"]["name"], live["kind"]),
            timeout=timeout - (time.monotonic() - started),
            passes=frozenset({CONFLICT, NOT_FOUND}),
        )
        return self.connection.send(request).status not in {CONFLICT, NOT_FOUND}

    def delete(self, kind: str, name: str, namespace: str | None = None, *, uid: str = "") -> None:
        """Delete in the background; see ports.Cluster."""
        resource = self._discovery.find(kind, timeout=DELETE_TIMEOUT)
        if resource is None:
            return
        request = Request(
            method="DELETE",
            path=resource.path(name, namespace),
            body={
                "apiVersion": "v1",
                "kind": "DeleteOptions",
                "propagationPolicy": "Background",
                **({"preconditions": {"uid": uid}} if uid else {}),
            },
            target=_target(kind, name),
            timeout=DELETE_TIMEOUT,
            # A conflict says that another object has this name by now.
            passes=frozenset({NOT_FOUND, CONFLICT} if uid else {NOT_FOUND}),
        )
        self.connection.send(request)

    def watch(
        self, kinds: Sequence[str], namespace: str, *, timeout: float, labels: str = ""
    ) -> Iterator[tuple[str, dict[str, Any]] | None]:
        """Yield what is there and what changes; see ports.Cluster."""
        resources = {kind: self._known(kind, READ_TIMEOUT) for kind in kinds}
        return watch(self.connection, resources, namespace, timeout=timeout, labels=labels)

    def _known(self, kind: str, timeout: float) -> Resource:
        resource = self._discovery.find(kind, timeout=timeout)
        if resource is None:
            raise Misconfigured(
                f"the cluster does not know the kind {kind}",
                where=self.connection.access.server,
                now="install what defines it (a CustomResourceDefinition), or correct apiVersion and kind",
                code="unknown-kind",
            )
        return resource

    def _place(self, manifest: Mapping[str, Any], timeout: float) -> tuple[str, str]:
        """Return kind and path of a manifest; one without a namespace that needs one is refused, never put into `default`."""
        kind = f"{manifest['apiVersion']}/{manifest['kind']}"
        resource, metadata = self._known(kind, timeout), manifest["metadata"]
        if resource.namespaced and not metadata.get("namespace"):
            name = f"{manifest['kind']}/{metadata['name']}"
            raise Misconfigured(f"{name} names no namespace", where=kind, now="name one in the manifest's metadata")
        return kind, resource.path(metadata["name"], metadata.get("namespace"))


def _target(kind: str, name: str, short: str = "") -> str:
    return f"{short or kind.rpartition('/')[2]}/{name}"
