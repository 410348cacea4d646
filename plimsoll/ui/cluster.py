"""The cluster as its tasks show it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

    from plimsoll.domain.cluster_report import ClusterDown, ClusterStatus, ClusterUp, Loaded
    from plimsoll.domain.node_image import NodeImageReport


def draw_up(up: ClusterUp, console: Console) -> None:
    """Print what the cluster is like now; what was done was shown while it was."""
    draw_status(up.status, console)


def draw_status(status: ClusterStatus, console: Console) -> None:
    """Print what there is, where it is reached, and what differs from the settings."""
    release = f"Kubernetes {status.kubernetes}" if status.kubernetes else ""
    _line(console, "cluster", status.name, status.state, release)
    for node in status.nodes:
        _line(console, "node", node.name, node.state, node.image)
    _line(console, "registry", status.registry, status.registry_state)
    if status.state == "running" and not status.metrics:
        _line(console, "metrics", "no numbers yet", "", "the first ones take half a minute")
    if status.kubeconfig:
        _line(console, "kubeconfig", status.kubeconfig, "", f"context {status.context}")
    for environment, address in status.addresses.items():
        _line(console, environment, address)
    for change in status.changes:
        console.print(Text(f"! differs from the settings: {change}", style="yellow"))
    if status.state in {"absent", "stopped"}:
        console.print(Text.assemble("run ", ("inv cluster.up", "bold cyan")))


def _line(console: Console, what: str, name: str, state: str = "", note: str = "") -> None:
    style = "green" if state == "running" else "yellow"
    line = Text.assemble((f"{what:<12}", "dim"), name, "  " if state else "", (state, style), "  " if note else "", (note, "dim"))
    console.print(line, soft_wrap=True)


def draw_down(down: ClusterDown, console: Console) -> None:
    """Print what was removed and what was kept."""
    for removed in down.removed or (f"nothing: there is no cluster {down.name}",):
        console.print(Text.assemble(("removed  ", "bold"), removed))
    for kept in down.kept:
        console.print(Text.assemble(("kept     ", "bold"), kept))


def draw_loaded(loaded: Loaded, console: Console) -> None:
    """Print the reference by which a pod pulls the image."""
    moved = f"{loaded.layers_moved} layer{'' if loaded.layers_moved == 1 else 's'} moved"
    console.print(Text.assemble(loaded.reference, (f"  ({loaded.image}, {moved})", "dim")), soft_wrap=True)


def draw_node_image(report: NodeImageReport, console: Console) -> None:
    """Print the node image, and the archive where one was written."""
    console.print(Text.assemble(report.image.reference, (f"  ({report.image.origin}, {report.seconds:.1f} s)", "dim")))
    if report.saved:
        console.print(f"saved as {report.saved}")
