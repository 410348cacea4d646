"""Is this the cluster that the environment means? Asked before anything is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.errors import Misconfigured
from plimsoll.workflows.cluster_contents import known_identity

if TYPE_CHECKING:
    from plimsoll.domain.project import RemoteCluster
    from plimsoll.ports import Cluster, Identified, Memory, Reporter


def require_named(cluster: Identified, remote: RemoteCluster, environment: str) -> None:
    """Raise Misconfigured when server or UID are not those that the environment names, or it names none yet."""
    if not remote.server or not remote.uid:
        raise Misconfigured(
            f"nobody has said yet by what the cluster of {environment} is recognised",
            where=f"context {remote.context!r}; plimsoll.toml, [environments.{environment}] remote",
            now=f"run `inv env.trust {environment}`, look at what it shows, and have the line reviewed",
            code="not-trusted",
        )
    found = cluster.identity()
    for what, wanted, there in (("API server", remote.server, found.server), ("kube-system UID", remote.uid, found.uid)):
        if wanted.rstrip("/") != there:
            raise Misconfigured(
                f"this is another cluster: its {what} is {there}, and {environment} means {wanted}",
                where=f"context {remote.context!r}; plimsoll.toml, [environments.{environment}] remote",
                now="correct the context there; if the cluster was replaced on purpose, "
                f"`inv env.trust {environment}` shows and writes the new server and UID",
                code="other-cluster",
            )


class LocalGuard:
    """Holds the local cluster to the one that `inv cluster.up` made, by its UID: ours, or the one that the cluster states."""

    def __init__(self, cluster: Cluster, identified: Identified, *, name: str, known: Memory, reporter: Reporter) -> None:
        """Guard the cluster called `name`; `known` keeps its UID between runs."""
        self._cluster = cluster
        self._identified = identified
        self._name = name
        self._known = known
        self._reporter = reporter

    def check(self) -> None:
        """Raise Misconfigured when another cluster answers than the one that was made under this name."""
        uid = self._identified.identity().uid
        known = self._known.recall()
        if known == uid:
            return
        stated = known_identity(self._cluster, self._name)
        if stated != uid:
            raise Misconfigured(
                f"another cluster answers than the one that was made as {self._name!r}",
                where=self._identified.identity().server,
                now="run `inv cluster.up`, which fetches the way to the right one",
                code="other-cluster",
            )
        # The cluster itself vouches for its identity; what we knew is of a former one, or was lost.
        self._known.keep(uid)
        if known is None:
            self._reporter.info("the cluster's identity was lost: it is read again from its fingerprint")
