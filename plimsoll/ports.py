"""What the workflows ask of the outside world, in Protocols of two to six methods.

Adapters keep these promises; tests keep them with fakes (tests/fakes.py), and the contract tests hold both to the same cases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    from plimsoll.domain.bases import BaseImage, BaseState, Recorded
    from plimsoll.domain.build import BuildPlan, Built, ContextFile
    from plimsoll.domain.cluster import RegistryState, Seen, Shape
    from plimsoll.domain.dev import Container
    from plimsoll.domain.images import Digest, Image
    from plimsoll.domain.node_image import NodeImage, Origin
    from plimsoll.domain.project import Base, Environment
    from plimsoll.domain.publish import PushResult
    from plimsoll.domain.scan import Database, ScanReport
    from plimsoll.domain.source import Change, Commit
    from plimsoll.domain.tools import Found, Tool
    from plimsoll.domain.tools import Source as ToolSource
    from plimsoll.domain.tools_machine import EngineFacts, Machine
    from plimsoll.domain.tools_setup import Candidate, PackageChoice, Step


class Clock(Protocol):
    """Time, so that tests need not wait."""

    def now(self) -> datetime:
        """Return the present time, aware, in UTC."""

    def monotonic(self) -> float:
        """Return seconds of a clock that never jumps."""

    def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""


class Stop(Protocol):
    """Whether somebody asked this process to end. Work that must not be cut in two looks at it between its steps."""

    def check(self) -> None:
        """Return when nobody did; raise Interrupted naming the signal otherwise."""

    def listening(self) -> AbstractContextManager[None]:
        """For the block, note a request to end instead of being interrupted by it wherever the program is."""

    def ignore(self) -> None:
        """Let `check` pass from now on: what follows brings things back in order and has to be finished."""


class Reporter(Protocol):
    """What the user sees while something is under way. Logic never prints; it reports."""

    def step(self, title: str) -> AbstractContextManager[None]:
        """Show that `title` is under way, and when it ends how long it took or that it failed. Steps nest."""

    def info(self, text: str) -> None:
        """Say one line of progress."""

    def warn(self, text: str) -> None:
        """Say one line that the user should act on some day."""

    def detail(self, text: str) -> None:
        """Say one line that only an interested user reads (`--verbose`, or after a failure)."""


class Source(Protocol):
    """The version control of the repository. Paths are relative to its root."""

    def head(self) -> Commit:
        """Return the commit that is checked out. Raise Misconfigured without one, or in a shallow clone."""

    def history(self, paths: Sequence[str]) -> Iterator[Change]:
        """Yield the commits that touched any of `paths`, newest first. Raise Misconfigured in a shallow clone."""

    def show(self, revision: str, path: str) -> str | None:
        """Return a file's text as it was at `revision` (`REVISION^`: before it), None when it was not there."""

    def changed(self, paths: Sequence[str]) -> tuple[str, ...]:
        """Return the files under `paths` that differ from the commit, untracked ones included (ignored ones not)."""

    def files(self, path: str) -> tuple[str, ...]:
        """Return the files under `path` that a clone would have, or would have once committed: no ignored ones."""

    def actor(self) -> str:
        """Return who is at work: the CI system's actor, otherwise the user configured in git, otherwise the login name."""


class WorkTree(Protocol):
    """The files of the repository as they lie there now. Paths are relative to its root."""

    def text(self, path: str) -> str | None:
        """Return a file's text, None when it is not there."""

    def write(self, path: str, text: str) -> None:
        """Write a file, whole or not at all."""

    def context(self, folder: str, paths: Sequence[str]) -> tuple[ContextFile, ...]:
        """Return those of `paths` that are files or links, by their paths inside `folder`, with the hashes of their contents."""


class ImageRegistry(Protocol):
    """A container registry. References are `host/path:tag` or `host/path@sha256:...`.

    Every method raises EnvironmentLacks when the registry does not answer, Misconfigured when it does not let us in.
    """

    def digest(self, reference: str) -> Digest | None:
        """Return the digest that `reference` stands for, or None."""

    def find(self, service: str, reference: str) -> Built | None:
        """Return the image under `reference` with its labels and sizes, or None; its layers are not fetched."""

    def fetch(self, image: Image, folder: Path) -> None:
        """Write the image's OCI layout into `folder`."""

    def push(self, image: Image, folder: Path) -> PushResult:
        """Move what is missing of the image whose OCI layout is `folder`. Raise Misconfigured rather than move a tag."""


class ImageStore(Protocol):
    """The images that this machine keeps, by service and tag."""

    def find(self, service: str, tag: str) -> Built | None:
        """Return the image, or None."""

    def folder(self, image: Image) -> Path | None:
        """Return the OCI layout of the image, or None when only its description is kept."""

    def keep(self, built: Built, fill: Callable[[Path], None] | None = None) -> None:
        """Keep an image's description; `fill` writes its OCI layout into the folder it is given. Whole or not at all."""


class ImageBuilder(Protocol):
    """What turns a plan into an image. Several may build at once, each in its own thread."""

    def build(self, plan: BuildPlan, bases: Mapping[str, BaseImage], *, cache: bool = True) -> Built:
        """Build, and keep the image in the store; without `cache` every step is run anew.

        Raise Failed with the failing step's last lines and the Dockerfile's line, EnvironmentLacks when the engine goes away or a
        disk is full.
        """

    def require(self) -> None:
        """Raise EnvironmentLacks when nothing can be built on this machine."""

    def stop(self) -> None:
        """End the builds that are under way, before the caller leaves."""


class PackageMirror(Protocol):
    """Where packages of base images come from."""

    def resolve(self, base: Base, wished: Recorded | None, *, reporter: Reporter) -> Recorded:
        """Return every package of `base` with the version to take: the wished one where the mirror has it, else the newest.

        Raise EnvironmentLacks when the mirror does not answer, Misconfigured when the packages do not fit together.
        """


class BaseStore(Protocol):
    """The base images that this machine has made, and what it took where recorded versions had gone."""

    def find(self, state: BaseState) -> BaseImage | None:
        """Return the base in this state, or None when it has to be made. A pulled one is asked for at its registry."""

    def make(self, state: BaseState, *, reporter: Reporter) -> BaseImage:
        """Make the base in exactly this state, or raise EnvironmentLacks."""

    def taken(self) -> Mapping[str, Mapping[str, Any]]:
        """Return what this machine took where recorded versions had gone (`domain.bases.recorded_state`)."""

    def take(self, base: str, instead_of: str, recorded: Recorded) -> None:
        """Remember what was taken for the recorded state with the key `instead_of`."""


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

    def delete(self, kind: str, name: str, namespace: str | None = None) -> None:
        """Delete with its dependants in the background; an object that is gone already is no error."""

    def watch(
        self, kinds: Sequence[str], namespace: str, *, timeout: float, labels: str = ""
    ) -> Iterator[tuple[str, dict[str, Any]] | None]:
        """Yield what is there and what changes, from one watch per kind, as (event, object).

        `MODIFIED`: the object is there, is new or has changed; `DELETED`: it is gone; `SYNCED`: all that was there of one kind
        has been yielded (the object holds apiVersion and kind only). `labels` does not apply to `v1/Event`. Cut watches and
        expired versions are mended inside. Yield None at least once a second, so that the caller can look at its deadline, and
        stop after `timeout` seconds; close the iterator to stop before. Raise EnvironmentLacks after 30 s without an answer.
        """


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


class Http(Protocol):
    """GET requests for smoke tests."""

    def get(self, url: str, *, timeout: float) -> HttpAnswer:
        """Return the answer whatever its status; a connection error is an answer with status None."""


class HttpAnswer(Protocol):
    """What a request brought: `status` is None when nothing answered, and `error` then says why."""

    @property
    def status(self) -> int | None:
        """The HTTP status."""

    @property
    def body(self) -> str:
        """The text that came with it."""

    @property
    def error(self) -> str:
        """Why there is no answer."""


class Commands(Protocol):
    """Programs that a project runs over its own files: linters, formatters, test runners."""

    def run(
        self, argv: Sequence[str], *, folder: str, tools: Sequence[str], timeout: float, attach: bool
    ) -> tuple[int, str, float]:
        """Return exit code, output and seconds of a program run in `folder`.

        With `attach` it owns the terminal and the output is empty.

        Raise EnvironmentLacks when the program is not there.
        """

    def tracked(self) -> tuple[str, ...]:
        """Return the files of the repository that are tracked or new, relative to its root."""


class Scanner(Protocol):
    """A vulnerability scanner with its database."""

    def database(self) -> Database:
        """Return the newest database that can be had; when there is none, its `reason` says why. Never raises for that."""

    def scan(self, layout: str) -> ScanReport:
        """Return what is known of the image in an OCI layout. Raise EnvironmentLacks when the scanner cannot run or read it."""


class ScanMemory(Protocol):
    """What earlier scans found, by digest and database: a verdict is reused while both are unchanged."""

    def recall(self, digest: str, database: Database) -> ScanReport | None:
        """Return the report of an earlier scan, or None."""

    def keep(self, digest: str, database: Database, report: ScanReport) -> None:
        """Keep a report for the next time."""


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
