"""The kind cluster and the registry beside it: what they should be like, what they are like, and what follows.

What a running cluster cannot change without being made anew is its shape: nodes, port mappings, kind's configuration and the node
image. The shape is recorded in the cluster itself. Registry and kubeconfig can be mended at any time.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from plimsoll.domain.node_image import NodeImage, Origin
from plimsoll.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plimsoll.domain.project import Project

ZONE = "topology.kubernetes.io/zone"
ZONES = ("a", "b", "c")
RUNNING = "running"
RECREATE = "run `inv cluster.up --recreate`, or take the change back"


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What a cluster cannot change: nodes, host port -> node port, the hash of kind's configuration, and the node image."""

    nodes: int
    ports: Mapping[int, int]
    configuration: str
    image: NodeImage

    def to_json(self) -> dict[str, Any]:
        """Return the record that is kept in the cluster."""
        image = self.image
        return {
            "nodes": self.nodes,
            "ports": {str(host): node for host, node in sorted(self.ports.items())},
            "configuration": self.configuration,
            "image": {
                "reference": image.reference,
                "origin": image.origin.value,
                "identity": image.identity,
                "metrics_server": image.metrics_server,
            },
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Shape:
        """Read what `to_json` wrote; raise KeyError, TypeError or ValueError when it is something else."""
        image = dict(data["image"])
        return cls(
            nodes=int(data["nodes"]),
            ports={int(host): int(node) for host, node in data["ports"].items()},
            configuration=str(data["configuration"]),
            image=NodeImage(origin=Origin(image.pop("origin")), **{key: str(value) for key, value in image.items()}),
        )


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the settings ask for.

    `images` are the node images that would do, the preferred one first; which of them a new cluster gets is found out when it is
    made. `registry_port` is None where the registry is not ours.
    """

    name: str
    nodes: int
    ports: Mapping[int, int]
    base: Mapping[str, Any]
    images: Mapping[Origin, str]
    registry_port: int | None

    @property
    def configuration(self) -> str:
        """The hash of kind's configuration, without what the other fields say."""
        return hashlib.sha256(json.dumps(self.base, sort_keys=True).encode()).hexdigest()[:16]

    def shape(self, image: NodeImage) -> Shape:
        """Return the shape of a cluster made now with `image`."""
        return Shape(nodes=self.nodes, ports=self.ports, configuration=self.configuration, image=image)


@dataclass(frozen=True, kw_only=True)
class Node:
    """A node's container: its name, the engine's word for its state, and its image."""

    name: str
    state: str
    image: str


@dataclass(frozen=True, kw_only=True)
class RegistryState:
    """The registry's container: the engine's word for its state, and the port of 127.0.0.1 it is published on."""

    state: str
    port: int | None


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What is there. `shape` is None where none is recorded; `begun` means that we began to make a cluster and did not finish."""

    nodes: tuple[Node, ...] = ()
    shape: Shape | None = None
    begun: bool = False
    registry: RegistryState | None = None

    @property
    def running(self) -> bool:
        """Whether there are nodes and every one runs."""
        return bool(self.nodes) and all(node.state == RUNNING for node in self.nodes)


class Step(StrEnum):
    """What `up` may have to do, in the order in which it does it."""

    DELETE = "delete the cluster"
    CREATE = "create the cluster"
    START = "start the nodes"
    REMOVE_REGISTRY = "remove the registry's container"
    RUN_REGISTRY = "run the registry"
    START_REGISTRY = "start the registry"


def wish(project: Project, base: Mapping[str, Any], *, pinned: str, recipe: str, archive: str) -> Wish:
    """Return what the settings ask for.

    `pinned` is the digest of the image to pull, `recipe` the hash of the one to build, `archive` the identity of the image in the
    archive that the settings name. Raise Misconfigured for a combination that cannot work.
    """
    settings = project.cluster
    known = {Origin.PULLED: pinned, Origin.BUILT: recipe}
    if settings.node_image == "auto":
        images = known
    elif settings.node_image in set(Origin) - {Origin.ARCHIVE}:
        origin = Origin(settings.node_image)
        images = {origin: known[origin]}
    else:
        images = {Origin.ARCHIVE: archive}
    if settings.nodes > 1:
        # The network of the image that we build routes within one node; kindest/node brings one that connects several.
        images.pop(Origin.BUILT, None)
        if not images:
            raise several_nodes(settings.nodes)
    ports = {
        each.port: each.node_port
        for each in project.environments.values()
        if each.remote is None and each.port is not None and each.node_port is not None
    }
    port = project.registry.port if project.registry.local else None
    return Wish(name=settings.name, nodes=settings.nodes, ports=ports, base=base, images=images, registry_port=port)


def several_nodes(nodes: int) -> Misconfigured:
    """Return the error for more nodes than the node image can connect."""
    return Misconfigured(
        f"{nodes} nodes need kindest/node, whose network connects them; the node image built from packages has a network for one",
        where="plimsoll.toml, [cluster] nodes",
        now="set nodes = 1, or make a container registry reachable that has kindest/node",
        code="several-nodes",
    )


def differences(wanted: Wish, shape: Shape) -> tuple[str, ...]:
    """Return, in words, everything in which a cluster of this shape is not what is wanted; empty when it will do."""
    found = []
    if shape.nodes != wanted.nodes:
        found.append(f"nodes: {shape.nodes}, wanted {wanted.nodes}")
    if dict(shape.ports) != dict(wanted.ports):
        found.append(f"ports of 127.0.0.1: {_ports(shape.ports)}, wanted {_ports(wanted.ports)}")
    if shape.configuration != wanted.configuration:
        found.append("infrastructure/cluster/kind.yaml has changed")
    identity = wanted.images.get(shape.image.origin)
    if identity is None:
        found.append(f"node image: {_origins([shape.image.origin])}, wanted {_origins(list(wanted.images))}")
    elif identity != shape.image.identity:
        found.append(f"node image: {shape.image.reference} is no longer the one that is wanted")
    return tuple(found)


def _ports(ports: Mapping[int, int]) -> str:
    return ", ".join(f"{host} -> {node}" for host, node in sorted(ports.items())) or "none"


def _origins(origins: Sequence[Origin]) -> str:
    words = {Origin.PULLED: "pulled", Origin.BUILT: "built here", Origin.ARCHIVE: "from an archive"}
    return " or ".join(words[origin] for origin in origins)


def require_ours(name: str, seen: Seen) -> None:
    """Raise Misconfigured when there is a kind cluster of this name that Plimsoll did not make."""
    if seen.nodes and seen.shape is None and not seen.begun:
        raise Misconfigured(
            f"there is a kind cluster {name!r} that Plimsoll did not make",
            where=", ".join(node.name for node in seen.nodes),
            now="set another name in [cluster] of plimsoll.toml, or remove it yourself with `kind delete cluster`",
            code="foreign-cluster",
        )


def steps(wanted: Wish, seen: Seen, *, recreate: bool) -> tuple[Step, ...]:
    """Return what has to be done; `recreate` makes the cluster anew whatever it is like.

    A shape that differs without `recreate` is the caller's to refuse (`refuse_change`). Raise Misconfigured for a cluster that is
    not ours.
    """
    require_ours(wanted.name, seen)
    done: list[Step] = []
    if not seen.nodes:
        done.append(Step.CREATE)
    elif recreate or seen.shape is None:
        done += [Step.DELETE, Step.CREATE]
    elif not seen.running:
        done.append(Step.START)
    return (*done, *_registry_steps(wanted, seen.registry))


def _registry_steps(wanted: Wish, registry: RegistryState | None) -> tuple[Step, ...]:
    if wanted.registry_port is None:
        return ()
    if registry is None:
        return (Step.RUN_REGISTRY,)
    if registry.port != wanted.registry_port:
        # Its images are on a volume that stays.
        return (Step.REMOVE_REGISTRY, Step.RUN_REGISTRY)
    return () if registry.state == RUNNING else (Step.START_REGISTRY,)


def refuse_change(name: str, changes: Sequence[str], releases: int | None) -> Misconfigured:
    """Return the error for a changed configuration: what differs and what a new cluster would lose.

    `releases` is the number of recorded releases, None where the cluster does not tell.
    """
    count = {None: "every recorded release (the cluster does not say how many)", 1: "1 recorded release"}
    lost = count.get(releases, f"{releases} recorded releases")
    listed = "".join(f"\n  - {change}" for change in changes)
    return Misconfigured(
        f"the cluster's configuration has changed, and only a new cluster can have it:{listed}\n"
        f"A new cluster would lose what runs in this one: {lost}, and everything in its databases and volumes. "
        "The registry and its images stay.",
        where=f"cluster {name}",
        now=RECREATE,
        code="cluster-changed",
    )


def kind_configuration(wanted: Wish, *, restrict_oom_score: bool) -> dict[str, Any]:
    """Return kind's configuration for a new cluster.

    `restrict_oom_score` is for hosts whose engine lacks CAP_SYS_RESOURCE: runc may not protect processes from the kernel there,
    and every pod would fail to start.
    """
    mappings = [
        {"containerPort": node, "hostPort": host, "listenAddress": "127.0.0.1", "protocol": "TCP"}
        for host, node in sorted(wanted.ports.items())
    ]
    nodes: list[dict[str, Any]] = [{"role": "control-plane", "extraPortMappings": mappings, "labels": {ZONE: "zone-a"}}]
    nodes += [{"role": "worker", "labels": {ZONE: f"zone-{ZONES[index % len(ZONES)]}"}} for index in range(wanted.nodes - 1)]
    patches = list(wanted.base.get("containerdConfigPatches") or ())
    if restrict_oom_score:
        patches.append('[plugins."io.containerd.grpc.v1.cri"]\n  restrict_oom_score_adj = true\n')
    return {**wanted.base, "containerdConfigPatches": patches, "nodes": nodes}


def registry_hosts(container: str) -> str:
    """Return the file by which a node's containerd finds the local registry behind its name (hosts.toml of certs.d).

    Without `server`, an image that is not there would be looked for at the name itself, where nothing listens: "connection
    refused" instead of "not found", which a rollout must bear with for its grace.
    """
    address = f"http://{container}:5000"
    return f'server = "{address}"\n\n[host."{address}"]\n  capabilities = ["pull", "resolve"]\n'
