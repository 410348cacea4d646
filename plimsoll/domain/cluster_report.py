"""What the cluster tasks show and print as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plimsoll.domain.cluster import Node


@dataclass(frozen=True, kw_only=True)
class ClusterStatus:
    """What `inv cluster.status` shows (JSON: `plimsoll.cluster.status/1`).

    `state` is `absent`, `stopped`, `running` (the API answers) or `unreachable` (the nodes run and the API does not answer).
    `metrics` says whether `kubectl top` would answer; `changes` what differs from the settings.
    """

    name: str
    state: str
    nodes: tuple[Node, ...] = ()
    kubernetes: str = ""
    registry: str = ""
    registry_state: str = "absent"
    kubeconfig: str = ""
    context: str = ""
    addresses: Mapping[str, str] = field(default_factory=dict)
    metrics: bool = False
    changes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        return {
            "schema": "plimsoll.cluster.status/1",
            "name": self.name,
            "state": self.state,
            "kubernetes": self.kubernetes,
            "nodes": [{"name": node.name, "state": node.state, "image": node.image} for node in self.nodes],
            "registry": {"address": self.registry, "state": self.registry_state},
            "kubeconfig": self.kubeconfig,
            "context": self.context,
            "addresses": dict(self.addresses),
            "metrics": self.metrics,
            "changes": list(self.changes),
        }


@dataclass(frozen=True, kw_only=True)
class ClusterUp:
    """What `inv cluster.up` did, and what the cluster is like now (JSON: `plimsoll.cluster.up/1`)."""

    status: ClusterStatus
    done: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        return {**self.status.to_json(), "schema": "plimsoll.cluster.up/1", "done": list(self.done)}


@dataclass(frozen=True, kw_only=True)
class ClusterDown:
    """What `inv cluster.down` removed and what it kept (JSON: `plimsoll.cluster.down/1`)."""

    name: str
    removed: tuple[str, ...]
    kept: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        removed, kept = list(self.removed), list(self.kept)
        return {"schema": "plimsoll.cluster.down/1", "name": self.name, "removed": removed, "kept": kept}


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """An image that `inv cluster.load` brought to the registry (JSON: `plimsoll.cluster.load/1`)."""

    image: str
    reference: str
    layers_moved: int

    def to_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        return {
            "schema": "plimsoll.cluster.load/1",
            "image": self.image,
            "reference": self.reference,
            "layers_moved": self.layers_moved,
        }


def target(name: str, repository: str) -> str:
    """Return the reference under which the image `name` goes below `repository`: its last part and its tag.

    An image without a tag, or one named by its digest, gets the tag `loaded`.
    """
    plain = name.partition("@")[0]
    last = plain.rpartition("/")[2]
    return f"{repository}/{last}" if ":" in last else f"{repository}/{last}:loaded"
