"""The Kubernetes API of an environment, and what turns an overlay into objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from plimsoll.domain.project import Environment


class Renderer(Protocol):
    """Turns an overlay into objects."""

    def render(self, environment: Environment, images: Mapping[str, str]) -> tuple[dict[str, Any], ...]:
        """Return the environment's objects, each image pinned to the given reference (service name -> repository@digest).

        With an empty `images` the names stay bare. Raise Misconfigured with the renderer's own words when it does not render.
        """


class Schemas(Protocol):
    """The schemas of the Kubernetes API."""

    def problems(self, manifest: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
        """Return (path, what, what now) for everything that the API would not take; empty when the object is fine."""


class Cluster(Protocol):
    """The Kubernetes API of one guarded cluster; objects are plain dicts as the API writes them, with `apiVersion` and `kind`.

    `kind` is `apiVersion/Kind`, such as `apps/v1/Deployment`. Time-outs are seconds for the whole call, retries included. Every
    method raises EnvironmentLacks when the API server does not answer, Misconfigured when it does not let us in or a right is
    missing, and otherwise Failed with the server's reason and the field's path.
    """

    def get(self, kind: str, name: str, namespace: str | None = None) -> dict[str, Any] | None:
        """Return the object, or None when it is not there (nor its namespace, nor its kind)."""

    def list(self, kind: str, namespace: str | None = None, *, labels: str = "") -> tuple[dict[str, Any], ...]:
        """Return the objects that match the label selector; without a namespace, those of all namespaces."""

    def apply(
        self, manifest: Mapping[str, Any], *, dry_run: bool = False, force: bool = False, timeout: float = 10
    ) -> dict[str, Any]:
        """Server-side apply under Plimsoll's field manager and return the result, defaults included.

        Fields that an earlier apply set and this one leaves out are removed. Raise `domain.manifests.Conflict` (a Failed) naming
        fields and other managers, unless `force`, which takes them over. A manifest that the API finds invalid is Misconfigured
        in a dry run (nothing was changed), and Failed otherwise. Repeated on 429, 5xx and cut connections, for it is safe to.
        """

    def write(self, manifest: Mapping[str, Any], *, create: bool = False, timeout: float = 5) -> dict[str, Any] | None:
        """Create, or replace at the resourceVersion given; return None when somebody else was first (409, or gone).

        Give the UID along with the version: what is gone is otherwise made anew, by a server that does so for this kind (Lease).
        Never sent twice once it may have arrived: a connection cut in between is EnvironmentLacks, and the caller looks again.
        """

    def disown(self, live: Mapping[str, Any], *path: str, timeout: float = 5) -> bool:
        """Give up our claim to the field at `path` (`"spec", "replicas"`) of an object as `get` returned it; its value stays.

        Return False when the object changed meanwhile, or is gone: look again.
        """

    def delete(self, kind: str, name: str, namespace: str | None = None, *, uid: str = "") -> None:
        """Delete with its dependants in the background; an object that is gone already is no error.

        With `uid`, only that very object: one that took its name meanwhile stays.
        """

    def watch(
        self, kinds: Sequence[str], namespace: str, *, timeout: float, labels: str = ""
    ) -> Iterator[tuple[str, dict[str, Any]] | None]:
        """Yield what is there and what changes, from one watch per kind, as (event, object).

        `MODIFIED`: the object is there, is new or has changed; `DELETED`: it is gone; `SYNCED`: all that was there of one kind
        has been yielded (the object holds apiVersion and kind only). `labels` does not apply to `v1/Event`. Cut watches and
        expired versions are mended inside. Yield None at least once a second, so that the caller can look at its deadline, and
        stop after `timeout` seconds; close the iterator to stop before. Raise EnvironmentLacks after 30 s without an answer.
        """


class PodLogs(Protocol):
    """What containers said, and what the cluster said about them."""

    def logs(self, namespace: str, pod: str, container: str, *, previous: bool = False, lines: int = 20) -> str:
        """Return the last lines of a container's log; empty when there are none, or no such container (any more)."""

    def kubectl(self) -> tuple[str, ...]:
        """Return the start of the command line by which people look further: kubectl with the flags that name this cluster."""

    def events(self, namespace: str, uid: str) -> tuple[dict[str, Any], ...]:
        """Return the events (`v1/Event`) about the object with this UID, oldest first."""

    def follow(self, namespace: str, labels: str, *, since: int | None, follow: bool) -> Iterator[tuple[str, str]]:
        """Yield (pod, line) of every container of every pod that matches, each pod's lines in order.

        `since` are seconds to look back (None: all there is). With `follow` it goes on, with pods that appear later too, until
        the iterator is closed.
        """


class Memory(Protocol):
    """One short text that is kept between runs."""

    def recall(self) -> str | None:
        """Return it, None when there is none (any more)."""

    def keep(self, text: str) -> None:
        """Keep it from now on."""


class ClusterIdentity(Protocol):
    """What tells one cluster from another: the API server's URL and the UID of the namespace kube-system."""

    @property
    def server(self) -> str:
        """The API server's URL."""

    @property
    def uid(self) -> str:
        """The UID of the namespace kube-system."""


class Identified(Protocol):
    """A cluster that can say which one it is; the adapter behind `Cluster` is one. The deploy's guard asks it."""

    def identity(self) -> ClusterIdentity:
        """Return server and UID as they are now, never from a cache. Raise EnvironmentLacks or Misconfigured."""
