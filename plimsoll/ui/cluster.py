"""The cluster as its tasks show it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

    from plimsoll.domain.cluster_report import ClusterDown, ClusterStatus, Loaded
    from plimsoll.domain.node_image import NodeImageReport

GOOD = frozenset({"running"})


def draw_status(status: ClusterStatus, console: Console) -> None:
    """Print what there is, where it is reached, and what differs from the settings."""
    table = Table.grid(padding=(0, 2))
    release = f"Kubernetes {status.kubernetes}" if status.kubernetes else ""
    table.add_row("cluster", Text(status.name, style="bold"), _state(status.state), release)
    for node in status.nodes:
        table.add_row("node", node.name, _state(node.state), Text(node.image, style="dim"))
    table.add_row("registry", status.registry, _state(status.registry_state), "")
    if status.state == "running":
        metrics = "served" if status.metrics else "not yet: the first numbers take half a minute"
        table.add_row("metrics", "kubectl top, HPA", Text(metrics, style="green" if status.metrics else "yellow"), "")
    if status.kubeconfig:
        table.add_row("kubeconfig", status.kubeconfig, "", Text(f"context {status.context}", style="dim"))
    for environment, address in status.addresses.items():
        table.add_row("address", address, environment, "")
    console.print(table)
    for change in status.changes:
        console.print(Text(f"! differs from the settings: {change}", style="yellow"))
    if status.state in {"absent", "stopped"}:
        console.print(Text.assemble("run ", ("inv cluster.up", "bold cyan")))
    elif status.done:
        console.print(Text(f"done: {', '.join(status.done)}", style="dim"))


def _state(state: str) -> Text:
    return Text(state, style="green" if state in GOOD else "yellow")


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
