"""Composition of the local cluster, its registry, and the way to every environment's cluster."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plimsoll import wiring
from plimsoll.domain.cluster import wish
from plimsoll.domain.node_image import Origin
from plimsoll.errors import EnvironmentLacks, Misconfigured
from plimsoll.wiring import tools
from plimsoll.workflows import cluster as workflow

if TYPE_CHECKING:
    from collections.abc import Callable

    from plimsoll.adapters.kind import KindNodes
    from plimsoll.adapters.kind_registry import RegistryContainer
    from plimsoll.adapters.kube import KubeCluster
    from plimsoll.adapters.node_image import EngineNodeImages
    from plimsoll.domain.cluster import Wish
    from plimsoll.domain.cluster_report import ClusterDown, ClusterStatus, ClusterUp, Loaded
    from plimsoll.domain.node_image import NodeImage, NodeImageReport
    from plimsoll.domain.project import Environment
    from plimsoll.ports import Cluster, Reporter

FOLDER = "infrastructure/cluster"


@dataclass(frozen=True, kw_only=True)
class Connected:
    """The cluster of an environment; `guard` raises Misconfigured when it is not the one that the environment means."""

    cluster: KubeCluster
    guard: Callable[[], None]


def up(reporter: Reporter, *, recreate: bool = False) -> ClusterUp:
    """Bring the local cluster and its registry up, with the engine under them and what the node needs of the kernel."""
    tools.ensure_engine(reporter)
    tools.ensure_node_limits(reporter)
    bench = _bench(reporter)
    report = workflow.up(_wish(), bench, recreate=recreate)
    _adopt_kubectl(report.status, reporter)
    return report


def status(reporter: Reporter) -> ClusterStatus:
    """Return what the local cluster is like."""
    return workflow.status(_wish(), _bench(reporter))


def down(reporter: Reporter, *, purge: bool) -> ClusterDown:
    """Remove the local cluster and the registry's container; with `purge` the registry's images, too."""
    return workflow.down(_wish(), _bench(reporter), purge=purge)


def load(image: str, reporter: Reporter) -> Loaded:
    """Bring an image of the engine, or of an archive, to the local registry."""
    from plimsoll.adapters.engine_images import EngineImages
    from plimsoll.workflows.cluster_load import load as bring

    settings = wiring.project().registry
    if not settings.local:
        raise Misconfigured(
            "this registry is not beside a local cluster",
            where=f"plimsoll.toml, [registry] repository = {settings.repository!r}",
            now="`inv image.push` brings this repository's own images there",
        )
    return bring(image, repository=settings.repository, images=EngineImages(), registry=_registry(), reporter=reporter)


def node_image(save: Path | None, reporter: Reporter) -> NodeImageReport:
    """Bring the node image, and write it into a file where one is named."""
    from plimsoll.workflows.node_image import node_image as bring

    tools.ensure_engine(reporter)
    archive = _archive()
    return bring(_wish(), archive=archive, images=_images(), save=save, clock=wiring.clock(), reporter=reporter)


def connect(environment: Environment, reporter: Reporter) -> Connected:
    """Return the cluster of an environment; nothing is asked of it yet.

    Raise EnvironmentLacks where the local cluster is not there, Misconfigured where the kubeconfig does not name the context.
    """
    from plimsoll.adapters.kube import KubeCluster
    from plimsoll.adapters.state_file import RememberedText
    from plimsoll.workflows import cluster_guard as guards

    if environment.remote is not None:
        remote = environment.remote
        there = KubeCluster.connect(_users_kubeconfig(), remote.context, state=wiring.state())
        return Connected(cluster=there, guard=lambda: guards.require_named(there, remote, environment.name))
    cluster = _connect_local(reporter)
    known = RememberedText(wiring.state() / f"{_name()}.uid")
    guard = guards.LocalGuard(cluster, cluster, name=_name(), known=known, reporter=reporter)
    return Connected(cluster=cluster, guard=guard.check)


def _connect_local(reporter: Reporter) -> KubeCluster:
    from plimsoll.adapters.kube import KubeCluster

    nodes = _nodes()
    if not nodes.kubeconfig.is_file():
        seen = nodes.seen()
        if not seen.running:
            raise EnvironmentLacks(
                f"the local cluster {_name()!r} {'does not run' if seen.nodes else 'is not there'}",
                where="kind",
                now="run `inv cluster.up`",
                code="cluster-stopped" if seen.nodes else "no-cluster",
            )
        nodes.refresh_kubeconfig()
        reporter.info("the kubeconfig was lost: it is fetched again from the node")
    return KubeCluster.connect(nodes.kubeconfig, f"kind-{_name()}", state=wiring.state())


def _users_kubeconfig() -> Path:
    first = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
    return Path(first) if first else Path.home() / ".kube" / "config"


def _name() -> str:
    return wiring.project().cluster.name


@cache
def _nodes() -> KindNodes:
    from plimsoll.adapters.kind import KindNodes

    return KindNodes(_name(), kind=lambda: tools.ensure_tool("kind"), folder=wiring.state())


@cache
def _registry() -> RegistryContainer:
    from plimsoll.adapters.kind_registry import RegistryContainer

    return RegistryContainer(f"{_name()}-registry", wiring.project().registry.port, configuration=_folder() / "registry.yml")


@cache
def _images() -> EngineNodeImages:
    from plimsoll.adapters.debian_root import DebianRoots
    from plimsoll.adapters.host import this_platform
    from plimsoll.adapters.node_image import EngineNodeImages

    roots = DebianRoots(wiring.cache_folder() / "roots", mmdebstrap=lambda: tools.ensure_tool("mmdebstrap"))
    return EngineNodeImages(_folder(), tools.versions(), roots, platform=this_platform())


def _folder() -> Path:
    return wiring.root() / FOLDER


def _archive() -> str:
    """Return the path of the archive that the settings name, an empty text where they name none."""
    wanted = wiring.project().cluster.node_image
    return "" if wanted in {"auto", Origin.PULLED, Origin.BUILT} else str(wiring.root() / Path(wanted).expanduser())


@cache
def _wish() -> Wish:
    images, archive = _images(), _archive()
    return wish(
        wiring.project(),
        _yaml("kind.yaml")[0],
        pinned=images.pinned,
        recipe=images.recipe,
        archive=images.archived(Path(archive)).identity if archive else "",
    )


def _yaml(name: str) -> tuple[dict[str, Any], ...]:
    from plimsoll.adapters.yaml_file import documents

    return documents(_folder() / name)


def _bench(reporter: Reporter) -> workflow.Workbench:
    from plimsoll.adapters.kind import lacks_sys_resource
    from plimsoll.adapters.kube import KubeCluster
    from plimsoll.adapters.ports_in_use import require_free

    project, nodes, context = wiring.project(), _nodes(), f"kind-{_name()}"
    return workflow.Workbench(
        nodes=nodes,
        access=nodes,
        registry=_registry(),
        registry_host=project.registry.host,
        kubeconfig=str(nodes.kubeconfig),
        context=context,
        manifests=_yaml("metrics-server.yaml"),
        metrics_image=tools.versions().images["metrics-server"].reference,
        restrict_oom_score=lacks_sys_resource(),
        addresses={each.name: each.address for each in project.environments.values() if each.remote is None and each.address},
        obtain=lambda wanted: _obtain(wanted, reporter),
        registry_image=lambda: _images().registry(reporter=reporter),
        connect=lambda: KubeCluster.connect(nodes.kubeconfig, context, state=wiring.state()),
        releases=_releases,
        require_free=require_free,
        clock=wiring.clock(),
        reporter=reporter,
    )


def _obtain(wanted: Wish, reporter: Reporter) -> NodeImage:
    from plimsoll.workflows.node_image import obtain

    return obtain(wanted, archive=_archive(), images=_images(), reporter=reporter)


def _releases(cluster: Cluster) -> int:
    """Return how many releases of this project's environments the cluster has recorded."""
    from plimsoll.workflows.ledger import Ledger

    project = wiring.project()
    local = [each.name for each in project.environments.values() if each.remote is None]
    return sum(len(Ledger(cluster, project.name, name).history().releases) for name in local)


def _adopt_kubectl(report: ClusterStatus, reporter: Reporter) -> None:
    """Take the kubectl of a node that we built among the pinned tools: it is of the very release that serves the API."""
    pinned = next((each for each in tools.versions().tools["kubectl"].sources if each.kind == "build"), None)
    if pinned is None or report.kubernetes != f"v{pinned.version}" or tools.adopted("kubectl"):
        return
    with tempfile.TemporaryDirectory(prefix="plimsoll-") as folder:
        tools.adopt("kubectl", _nodes().program("/usr/bin/kubectl", Path(folder) / "kubectl"), reporter)
