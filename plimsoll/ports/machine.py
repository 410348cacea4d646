"""The machine: tools, engine, packages, the local kind cluster and its registry, and the development stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from plimsoll.domain.bases import BaseImage
    from plimsoll.domain.build import BuildPlan
    from plimsoll.domain.cluster import RegistryState, Seen, Shape
    from plimsoll.domain.dev import Container
    from plimsoll.domain.node_image import NodeImage, Origin
    from plimsoll.domain.tools import Found, Tool
    from plimsoll.domain.tools import Source as ToolSource
    from plimsoll.domain.tools_machine import EngineFacts, Machine
    from plimsoll.domain.tools_setup import Candidate, PackageChoice, Step
    from plimsoll.ports.process import Reporter


class KindNodes(Protocol):
    """The nodes of one kind cluster. Every method raises EnvironmentLacks when the engine does not answer."""

    def seen(self) -> Seen:
        """Return the nodes and what is recorded of them; the registry is not looked at."""

    def create(self, configuration: Mapping[str, Any], image: str, *, reporter: Reporter) -> None:
        """Make the cluster, and its kubeconfig; it counts as begun until `record`. Raise EnvironmentLacks with kind's words."""

    def record(self, shape: Shape) -> None:
        """Keep in the cluster what it was made from: from now on it is finished."""

    def start(self) -> None:
        """Start the nodes that do not run. Raise EnvironmentLacks when one does not start."""

    def delete(self) -> None:
        """Remove the cluster with everything in it; one that is not there is no error."""


class KindAccess(Protocol):
    """What is asked of running nodes from outside of Kubernetes."""

    def refresh_kubeconfig(self) -> str:
        """Keep the kubeconfig that the cluster itself gives; return what ours was: `lost`, `of another cluster`, or empty."""

    def trust_registry(self, host: str, container: str) -> None:
        """Tell every node which container stands behind the registry's name `host`."""

    def program(self, path: str, target: Path) -> Path:
        """Copy a program of the control plane's node to `target`, and return that."""


class LocalRegistry(Protocol):
    """The registry's container beside the cluster, called `name`."""

    name: str

    def seen(self) -> RegistryState | None:
        """Return its state, None without one. Raise Misconfigured when a container of that name is somebody else's."""

    def run(self, image: str) -> None:
        """Make it and start it. Raise EnvironmentLacks when it does not answer."""

    def start(self) -> None:
        """Start it and return when it answers. Raise EnvironmentLacks with its last words when it does not."""

    def answers(self) -> bool:
        """Tell whether it answers."""

    def remove(self, *, images: bool = False) -> None:
        """Remove it, and with `images` the volume that they are on; what is not there is no error."""


class NodeImages(Protocol):
    """Node images in the container engine."""

    def local(self, origin: Origin) -> NodeImage | None:
        """Return the image to be pulled, or to be built, where the engine has it already."""

    def archived(self, archive: Path) -> NodeImage:
        """Return the image in an archive without loading it. Raise Misconfigured when there is none in it."""

    def pull(self) -> None:
        """Pull the pinned image. Raise EnvironmentLacks when it cannot be had."""

    def build(self, *, reporter: Reporter) -> None:
        """Build the image from packages and modules. Raise Failed with the failing step's words, or EnvironmentLacks."""

    def load(self, archive: Path) -> None:
        """Bring the image in an archive into the engine."""

    def save(self, reference: str, file: Path) -> None:
        """Write an image of the engine into an archive."""


class EngineImages(Protocol):
    """The container engine's own images."""

    def load(self, archive: Path) -> str:
        """Bring an archive's image into the engine and return its name. Raise Misconfigured when there is none in it."""

    def has(self, name: str) -> bool:
        """Tell whether the engine has an image of that name."""

    def push(self, name: str, reference: str) -> tuple[str, int]:
        """Push an image as `reference`; return digest and number of layers that moved. Raise EnvironmentLacks."""


class Toolbox(Protocol):
    """The programs on this machine, and the pinned ones that can be brought."""

    def found(self, tool: Tool) -> tuple[Found, ...]:
        """Return every binary that could serve, the user's own first."""

    def install(self, tool: Tool, source: ToolSource, *, reporter: Reporter) -> Found:
        """Install a tool from one source. Raise EnvironmentLacks when the source does not bring what is pinned."""


class Engine(Protocol):
    """The container engine of this machine."""

    def facts(self) -> EngineFacts:
        """Return what its client sees; an engine that is not there is an answer, too."""

    def start(self, *, systemd: bool) -> None:
        """Start it and return when it answers. Raise EnvironmentLacks with its last words when it does not."""


class Packages(Protocol):
    """The packages of the system's package manager."""

    def candidates(self, names: Sequence[str]) -> Mapping[str, Sequence[Candidate]]:
        """Return what this release and the next one offer, newest first, after asking the mirror."""

    def install(self, packages: Sequence[PackageChoice], *, reporter: Reporter) -> None:
        """Install packages with what they need, not what they recommend. Raise EnvironmentLacks with apt's words."""


class Host(Protocol):
    """The machine itself."""

    def facts(self) -> Machine:
        """Return what the machine is like."""

    def change(self, step: Step) -> None:
        """Do a step of setup that changes a kernel limit, a folder, a group or the engine's settings file."""

    def require_administrator(self) -> None:
        """Raise EnvironmentLacks, naming the command to run instead, when steps that need root cannot be done."""


class DevImages(Protocol):
    """The container engine's images for the development stack, under names that no registry has."""

    def reference(self, service: str, tag: str) -> str:
        """Return the name of a service's image."""

    def has(self, name: str) -> bool:
        """Tell whether the engine has the image."""

    def load(self, layout: Path, name: str) -> None:
        """Bring the image of an OCI layout into the engine as `name`."""

    def make(self, plan: BuildPlan, bases: Mapping[str, BaseImage], stage: str, name: str) -> None:
        """Build one stage of a Dockerfile into the engine as `name`. Raise Failed with the failing step's last lines."""

    def names(self) -> tuple[str, ...]:
        """Return all images of the development stack, old ones too."""

    def remove(self, names: Sequence[str]) -> None:
        """Remove images; one that a container still uses stays."""


class DevStack(Protocol):
    """The containers and the data of the development stack."""

    def start(self, on_event: Callable[[str, str], None]) -> None:
        """Start or update the stack; return when its last service was started, which tells `on_event` (service, what happened).

        Raise Failed when a service does not come up, EnvironmentLacks for a port that is taken.
        """

    def containers(self) -> tuple[Container, ...]:
        """Return the containers as they are now; none where the stack is down."""

    def lines(self, service: str | None, last: int) -> tuple[tuple[str, str], ...]:
        """Return the `last` lines of each service, or of one, as (service, line)."""

    def stop(self) -> None:
        """Stop and remove the containers and their network; data stays."""

    def volumes(self) -> tuple[str, ...]:
        """Return the names of the volumes that hold its data."""

    def remove_volumes(self) -> None:
        """Remove its data."""


class DevVariables(Protocol):
    """The variables of the compose file, secrets among them, readable by their owner only."""

    def variables(self) -> dict[str, str]:
        """Return those of the last start, none when there was none."""

    def keep(self, variables: Mapping[str, str]) -> None:
        """Keep them for the next start."""

    def forget(self) -> None:
        """Keep none any more."""
