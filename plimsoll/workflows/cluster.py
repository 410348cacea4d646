"""Bring the kind cluster and its registry up, look at them, take them down."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from plimsoll.domain import cluster as rules
from plimsoll.domain.cluster import Step
from plimsoll.domain.cluster_report import ClusterDown, ClusterStatus, ClusterUp
from plimsoll.errors import EnvironmentLacks, Misconfigured, PlimsollError
from plimsoll.workflows import cluster_contents as contents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from plimsoll.domain.cluster import Seen, Wish
    from plimsoll.domain.manifests import Manifest
    from plimsoll.domain.node_image import NodeImage
    from plimsoll.ports import Clock, Cluster, KindAccess, KindNodes, LocalRegistry, Reporter

# Seconds until the API of a cluster answers and its nodes are ready: 20 are usual, a machine under full load needs minutes.
PATIENCE = 300.0
PAUSE = 0.5


@dataclass(frozen=True, kw_only=True)
class Workbench:
    """What the cluster's workflows work with.

    `obtain` brings a node image, `registry_image` the registry's; `connect` reaches the API by the kubeconfig, `releases` counts
    the releases recorded behind it. `require_free` raises for a port (with the setting that names it) that is taken.
    """

    nodes: KindNodes
    access: KindAccess
    registry: LocalRegistry
    registry_host: str
    kubeconfig: str
    context: str
    manifests: tuple[Manifest, ...]
    metrics_image: str
    restrict_oom_score: bool
    addresses: Mapping[str, str]
    obtain: Callable[[Wish], NodeImage]
    registry_image: Callable[[], str]
    connect: Callable[[], Cluster]
    releases: Callable[[Cluster], int]
    require_free: Callable[[Iterable[tuple[int, str]]], None]
    clock: Clock
    reporter: Reporter


def look(bench: Workbench) -> Seen:
    """Return what is there. Raise EnvironmentLacks when the engine does not answer."""
    return replace(bench.nodes.seen(), registry=bench.registry.seen())


def up(wanted: Wish, bench: Workbench, *, recreate: bool = False) -> ClusterUp:
    """Return when the cluster and the registry are as wanted, and say what was done for it.

    Raise Misconfigured when only a new cluster could be as wanted and releases are recorded in this one, EnvironmentLacks when a
    port is taken or something does not start.
    """
    seen = look(bench)
    rules.require_ours(wanted.name, seen)
    changes = rules.differences(wanted, seen.shape) if seen.shape else ()
    if changes and not recreate:
        releases = _releases(seen, bench)
        if releases != 0:
            raise rules.refuse_change(wanted.name, changes, releases)
        bench.reporter.info(f"the cluster is made anew, no release is recorded in it: {'; '.join(changes)}")
    steps = rules.steps(wanted, seen, recreate=recreate or bool(changes))
    since = bench.clock.now()
    for step in steps:
        _do(step, wanted, bench)
    fresh = Step.CREATE in steps
    mended = _kubeconfig(bench, fresh=fresh)
    cluster = _ready(bench, since=since if Step.START in steps else None)
    if Step.START in steps:
        stopped = {node.name for node in seen.nodes if node.state != rules.RUNNING}
        contents.wait_for_pods(cluster, nodes=stopped, since=since, clock=bench.clock, reporter=bench.reporter)
    seen = look(bench) if steps else seen
    brought = seen.shape.image.metrics_server if seen.shape else ""
    contents.install(cluster, bench.manifests, image=brought or bench.metrics_image, name=wanted.name)
    contents.wait_for_names(cluster, clock=bench.clock, reporter=bench.reporter)
    return ClusterUp(status=_status(wanted, bench, seen), done=(*(step.value for step in steps), *mended))


def _releases(seen: Seen, bench: Workbench) -> int | None:
    """Return the number of recorded releases, None when the cluster does not tell."""
    try:
        if not seen.running:
            with bench.reporter.step("starting the nodes, to see which releases are recorded"):
                bench.nodes.start()
        _kubeconfig(bench, fresh=False)
        return bench.releases(_ready(bench, since=None))
    except PlimsollError as error:
        bench.reporter.detail(str(error))
        return None


def _do(step: Step, wanted: Wish, bench: Workbench) -> None:
    if step is Step.CREATE:
        _create(wanted, bench)
        return
    if step is Step.RUN_REGISTRY:
        image = bench.registry_image()
        bench.require_free(_registry_port(wanted))
        with bench.reporter.step("starting the registry"):
            bench.registry.run(image)
            bench.access.trust_registry(bench.registry_host, bench.registry.name)
        return
    actions = {
        Step.DELETE: bench.nodes.delete,
        Step.START: bench.nodes.start,
        Step.REMOVE_REGISTRY: bench.registry.remove,
        Step.START_REGISTRY: bench.registry.start,
    }
    with bench.reporter.step(step.value):
        actions[step]()


def _create(wanted: Wish, bench: Workbench) -> None:
    bench.require_free((port, f"[environments] port = {port}") for port in sorted(wanted.ports))
    image = bench.obtain(wanted)
    with bench.reporter.step("creating the cluster"):
        configuration = rules.kind_configuration(wanted, restrict_oom_score=bench.restrict_oom_score)
        bench.nodes.create(configuration, image.reference, reporter=bench.reporter)
        if wanted.registry_port is not None:
            bench.access.trust_registry(bench.registry_host, bench.registry.name)
        bench.nodes.record(wanted.shape(image))


def _registry_port(wanted: Wish) -> list[tuple[int, str]]:
    return [(wanted.registry_port, "[registry] port")] if wanted.registry_port is not None else []


def _kubeconfig(bench: Workbench, *, fresh: bool) -> tuple[str, ...]:
    """Keep the kubeconfig of this very cluster; return what was mended, in words."""
    was = bench.access.refresh_kubeconfig()
    if fresh or not was:
        return ()
    bench.reporter.info(f"the kubeconfig was {was}: it is fetched again from the node")
    return ("fetch the kubeconfig",)


def _ready(bench: Workbench, *, since: datetime | None) -> Cluster:
    """Return the cluster when its API answers and every node is ready, with a sign of life after `since`."""
    cluster, problem = _try(bench, since)
    if cluster:
        return cluster
    deadline = bench.clock.monotonic() + PATIENCE
    with bench.reporter.step("waiting for the cluster's API and nodes"):
        while bench.clock.monotonic() < deadline:
            bench.clock.sleep(PAUSE)
            cluster, problem = _try(bench, since)
            if cluster:
                return cluster
        raise EnvironmentLacks(
            f"the cluster is not ready after {PATIENCE:g} s: {problem}",
            where=bench.kubeconfig,
            now="see `docker logs` of the node, or run `inv cluster.up --recreate`",
            code="cluster-not-ready",
        )


def _try(bench: Workbench, since: datetime | None) -> tuple[Cluster | None, str]:
    try:
        cluster = bench.connect()
        problem = contents.unready_nodes(cluster.list("v1/Node"), since=since)
    except (EnvironmentLacks, Misconfigured) as error:
        # An API server that has just started refuses its own administrator until it has read who may do what.
        return None, error.what
    return (None, problem) if problem else (cluster, "")


def status(wanted: Wish, bench: Workbench) -> ClusterStatus:
    """Return what the cluster is like now. Raise EnvironmentLacks when the engine does not answer."""
    return _status(wanted, bench, look(bench))


def _status(wanted: Wish, bench: Workbench, seen: Seen) -> ClusterStatus:
    kubernetes, metrics, state = "", False, "absent"
    if seen.nodes:
        state = "running" if seen.running else "stopped"
    if state == "running":
        try:
            kubernetes, metrics = contents.describe(bench.connect())
        except PlimsollError as error:
            bench.reporter.detail(str(error))
            state = "unreachable"
    return ClusterStatus(
        name=wanted.name,
        state=state,
        nodes=seen.nodes,
        kubernetes=kubernetes,
        registry=bench.registry_host,
        registry_state=seen.registry.state if seen.registry else "absent",
        kubeconfig=bench.kubeconfig,
        context=bench.context,
        addresses=bench.addresses,
        metrics=metrics,
        changes=rules.differences(wanted, seen.shape) if seen.shape else (),
    )


def down(wanted: Wish, bench: Workbench, *, purge: bool = False) -> ClusterDown:
    """Remove the cluster and the registry's container; with `purge` the registry's images, too."""
    seen = look(bench)
    rules.require_ours(wanted.name, seen)
    removed: list[str] = []
    kept: list[str] = []
    if seen.nodes:
        with bench.reporter.step("removing the cluster"):
            bench.nodes.delete()
        removed.append(f"cluster {wanted.name} with everything in it ({len(seen.nodes)} node{'s' * (len(seen.nodes) > 1)})")
    if seen.registry:
        removed.append(f"container {bench.registry.name}")
    if seen.registry or purge:
        bench.registry.remove(images=purge)
    volume = f"volume {bench.registry.name} (the registry's images)"
    (removed if purge else kept).append(volume)
    kept.append("the node image and the engine's build cache (`docker image rm`, `docker buildx prune` remove them)")
    return ClusterDown(name=wanted.name, removed=tuple(removed), kept=tuple(kept))
