"""`inv image.*`: what has no everyday verb around images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from plimsoll import wiring

if TYPE_CHECKING:
    from invoke.context import Context

JSON = {"json": "print one JSON object to stdout and nothing else"}


@task(help={"update": "record the newest version of every package; commit the file that it writes", **JSON})
def bases(_c: Context, update: bool = False, json: bool = False) -> None:
    """Show which packages base images are made of and how old that record is; --update refreshes it, and nothing else does."""
    from plimsoll.ui.images import draw_bases
    from plimsoll.wiring import images

    output = wiring.output(json=json)
    output.result(images.bases(output.reporter, update=update), draw_bases)


@task(help=JSON)
def labels(_c: Context, json: bool = False) -> None:
    """Show the labels of the present images."""
    from plimsoll.ui.images import draw_labels
    from plimsoll.wiring import images

    output = wiring.output(json=json)
    output.result(images.facts("labels", output.reporter), draw_labels)


@task(help=JSON)
def size(_c: Context, json: bool = False) -> None:
    """Show the unpacked size of the present images, layer by layer, against their budgets."""
    from plimsoll.ui.images import draw_sizes
    from plimsoll.wiring import images

    output = wiring.output(json=json)
    output.result(images.facts("size", output.reporter), draw_sizes)


@task(help=JSON)
def exists(_c: Context, json: bool = False) -> None:
    """Tell whether the registry has the present images, by digest."""
    from plimsoll.ui.images import draw_presence
    from plimsoll.wiring import images

    output = wiring.output(json=json)
    output.result(images.facts("exists", output.reporter), draw_presence, lambda facts: facts.require_present())


@task(help={"env": "push what the gate of this environment lets pass (default: the gate blocks)", **JSON})
def push(_c: Context, env: str | None = None, json: bool = False) -> None:
    """Scan the present images and push what the registry does not have; what the gate does not pass is refused."""
    from plimsoll.ui.images import draw_push
    from plimsoll.wiring import scan

    output = wiring.output(json=json)
    output.result(scan.push(env, output.reporter), draw_push)
