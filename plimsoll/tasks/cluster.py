"""`inv cluster.up`, `cluster.down`, `cluster.status`, `cluster.load` and `cluster.node-image`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from invoke.tasks import task

from plimsoll import wiring

if TYPE_CHECKING:
    from invoke.context import Context

JSON_HELP = "print one JSON object to stdout and nothing else"


@task(help={"recreate": "make the cluster anew, losing everything in it (the registry's images stay)", "json": JSON_HELP})
def up(_c: Context, recreate: bool = False, json: bool = False) -> None:
    """Bring the local kind cluster and its registry up; what runs already is left alone."""
    from plimsoll.ui.cluster import draw_up
    from plimsoll.wiring import cluster

    output = wiring.output(json=json)
    output.result(cluster.up(output.reporter, recreate=recreate), draw_up)


@task(help={"json": JSON_HELP})
def status(_c: Context, json: bool = False) -> None:
    """Show the local cluster: nodes, Kubernetes version, registry, addresses, and what differs from the settings."""
    from plimsoll.ui.cluster import draw_status
    from plimsoll.wiring import cluster

    output = wiring.output(json=json)
    output.result(cluster.status(output.reporter), draw_status)


@task(
    help={
        "yes": "do not ask before recorded releases and data are removed with the cluster",
        "purge": "remove the registry's images, too",
        "json": JSON_HELP,
    }
)
def down(_c: Context, yes: bool = False, purge: bool = False, json: bool = False) -> None:
    """Remove the local cluster and the registry's container, and say what is kept."""
    from plimsoll.ui.cluster import draw_down
    from plimsoll.wiring import approval, cluster

    output = wiring.output(json=json)
    approval.of_removal(wiring.project().cluster.name, yes=yes)
    output.result(cluster.down(output.reporter, purge=purge), draw_down)


@task(
    positional=["image"], help={"image": "image of the container engine, or an archive made by `docker save`", "json": JSON_HELP}
)
def load(_c: Context, image: str, json: bool = False) -> None:
    """Bring an image that the engine has to the local registry, and print by which reference a pod pulls it."""
    from plimsoll.ui.cluster import draw_loaded
    from plimsoll.wiring import cluster

    output = wiring.output(json=json)
    output.result(cluster.load(image, output.reporter), draw_loaded)


@task(help={"save": "also write it into this file, for [cluster] node_image of another machine", "json": JSON_HELP})
def node_image(_c: Context, save: str | None = None, json: bool = False) -> None:
    """Bring the kind node image: pulled, or built from packages and modules where no registry answers."""
    from plimsoll.ui.cluster import draw_node_image
    from plimsoll.wiring import cluster

    output = wiring.output(json=json)
    output.result(cluster.node_image(Path(save).absolute() if save else None, output.reporter), draw_node_image)
