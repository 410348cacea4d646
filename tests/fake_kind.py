"""A kind cluster, its registry and node images in memory, held to the real ones by tests/contract/test_cluster_kind.py."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from plimsoll.domain.cluster import RUNNING, Node, RegistryState, Seen
from plimsoll.domain.node_image import NodeImage, Origin
from plimsoll.errors import EnvironmentLacks
from tests.fake_cluster import FakeCluster

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from plimsoll.domain.cluster import Shape
    from plimsoll.ports import Reporter

REFUSED = EnvironmentLacks("the image cannot be pulled (no such host)", where="versions.toml", now="check the network")


@dataclass
class FakeKind:
    """The nodes of one cluster; `inside` is its API, empty again after each creation."""

    name: str = "check-in"
    state: Seen = field(default_factory=Seen)
    inside: FakeCluster = field(default_factory=FakeCluster)
    configuration: Mapping[str, Any] = field(default_factory=dict)
    kubeconfig: str = ""
    trusted: dict[str, str] = field(default_factory=dict)
    made: int = 0
    fails: str = ""

    def seen(self) -> Seen:
        return self.state

    def create(self, configuration: Mapping[str, Any], image: str, *, reporter: Reporter) -> None:
        reporter.detail("kind creates")
        if self.fails:
            self.state = Seen()
            raise EnvironmentLacks(self.fails, where="kind", now="try again")
        self.configuration = configuration
        self.made += 1
        names = [
            f"{self.name}-control-plane",
            *(f"{self.name}-worker{index or ''}" for index in range(len(configuration["nodes"]) - 1)),
        ]
        nodes = tuple(Node(name=name, state=RUNNING, image=image) for name in names)
        self.state = Seen(nodes=nodes, begun=True)
        self.kubeconfig = f"cluster {self.made}"
        self.inside = FakeCluster()
        for name in names:
            self.inside.put(node(name))
        self.inside.put(COREDNS)

    def record(self, shape: Shape) -> None:
        self.state = replace(self.state, shape=shape, begun=False)

    def start(self) -> None:
        if self.fails:
            raise EnvironmentLacks(self.fails, where="node", now="try again")
        self.state = replace(self.state, nodes=tuple(replace(each, state=RUNNING) for each in self.state.nodes))

    def stop(self) -> None:
        """What a reboot does."""
        self.state = replace(self.state, nodes=tuple(replace(each, state="exited") for each in self.state.nodes))

    def delete(self) -> None:
        self.state = Seen()
        self.kubeconfig = ""

    def refresh_kubeconfig(self) -> str:
        wanted = f"cluster {self.made}"
        was, self.kubeconfig = self.kubeconfig, wanted
        return "" if was == wanted else "of another cluster" if was else "lost"

    def trust_registry(self, host: str, container: str) -> None:
        self.trusted[host] = container

    def program(self, path: str, target: Path) -> Path:
        target.write_text(path)
        return target


@dataclass
class FakeRegistryContainer:
    """The registry's container, published on `port`."""

    name: str = "check-in-registry"
    port: int = 5001
    state: RegistryState | None = None
    image: str = ""
    volume: bool = False

    def seen(self) -> RegistryState | None:
        return self.state

    def run(self, image: str) -> None:
        self.image, self.volume = image, True
        self.state = RegistryState(state=RUNNING, port=self.port)

    def start(self) -> None:
        self.state = RegistryState(state=RUNNING, port=self.port)

    def answers(self) -> bool:
        return self.state is not None and self.state.state == RUNNING

    def remove(self, *, images: bool = False) -> None:
        self.state = None
        self.volume = self.volume and not images


@dataclass
class FakeNodeImages:
    """Node images; with `reachable` the registry has the pinned one."""

    reachable: bool = False
    there: dict[Origin, NodeImage] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    identities: Mapping[Origin, str] = field(
        default_factory=lambda: {Origin.PULLED: "sha256:1", Origin.BUILT: "recipe", Origin.ARCHIVE: "packed"}
    )

    def local(self, origin: Origin) -> NodeImage | None:
        return self.there.get(origin)

    def archived(self, archive: Path) -> NodeImage:
        return self._image(Origin.ARCHIVE, f"from-{archive.name}")

    def pull(self) -> None:
        self.done.append("pull")
        if not self.reachable:
            raise REFUSED
        self.there[Origin.PULLED] = self._image(Origin.PULLED, "kindest/node")

    def build(self, *, reporter: Reporter) -> None:
        reporter.detail("building")
        self.done.append("build")
        self.there[Origin.BUILT] = self._image(Origin.BUILT, "plimsoll/kind-node")

    def load(self, archive: Path) -> None:
        self.done.append(f"load {archive.name}")

    def save(self, reference: str, file: Path) -> None:
        self.done.append(f"save {reference} {file.name}")

    def _image(self, origin: Origin, reference: str) -> NodeImage:
        brought = "" if origin is Origin.PULLED else "localhost/metrics-server:v1"
        return NodeImage(reference=reference, origin=origin, identity=self.identities[origin], metrics_server=brought)


def node(name: str, *, ready: str = "True", beat: str = "2031-01-01T00:00:00Z") -> dict[str, Any]:
    """Return a node as the API shows it."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name},
        "status": {
            "conditions": [{"type": "Ready", "status": ready, "lastHeartbeatTime": beat}],
            "nodeInfo": {"kubeletVersion": "v1.34.4"},
        },
    }


COREDNS = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "coredns", "namespace": "kube-system"},
    "spec": {"replicas": 2},
    "status": {"availableReplicas": 2},
}
