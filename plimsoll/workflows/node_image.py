"""Bring a node image: what the engine has already, else pulled, else built; or from an archive."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from plimsoll.domain.cluster import several_nodes
from plimsoll.domain.node_image import NodeImageReport, Origin
from plimsoll.errors import EnvironmentLacks

if TYPE_CHECKING:
    from plimsoll.domain.cluster import Wish
    from plimsoll.domain.node_image import NodeImage
    from plimsoll.ports import Clock, NodeImages, Reporter


def obtain(wanted: Wish, *, archive: str, images: NodeImages, reporter: Reporter) -> NodeImage:
    """Return a node image that is in the engine and will do for `wanted`.

    Raise EnvironmentLacks when it can neither be pulled nor built, Misconfigured when only a pulled one would do and no registry
    answers.
    """
    if Origin.ARCHIVE in wanted.images:
        with reporter.step(f"loading the node image from {archive}"):
            images.load(Path(archive))
        return images.archived(Path(archive))
    for origin in wanted.images:
        found = images.local(origin)
        if found is not None:
            return found
    if Origin.PULLED in wanted.images:
        refused = _pull(images, reporter)
        if refused is None:
            return _there(images, Origin.PULLED)
        if wanted.nodes > 1:
            raise several_nodes(wanted.nodes) from refused
        if Origin.BUILT not in wanted.images:
            raise refused
        reporter.info(f"{refused.what}: the node image is built here instead")
    images.build(reporter=reporter)
    return _there(images, Origin.BUILT)


def _pull(images: NodeImages, reporter: Reporter) -> EnvironmentLacks | None:
    with reporter.step("asking for the node image at its registry"):
        try:
            images.pull()
        except EnvironmentLacks as error:
            return error
    return None


def _there(images: NodeImages, origin: Origin) -> NodeImage:
    found = images.local(origin)
    if found is None:
        raise EnvironmentLacks(
            "the node image was made and is not in the engine",
            where=origin.value,
            now="see whether something else removes images there, and run it again",
        )
    return found


def node_image(
    wanted: Wish, *, archive: str, images: NodeImages, save: Path | None, clock: Clock, reporter: Reporter
) -> NodeImageReport:
    """Bring the node image, and write it into the file `save` where one is given."""
    started = clock.monotonic()
    image = obtain(wanted, archive=archive, images=images, reporter=reporter)
    if save is not None:
        with reporter.step(f"saving {image.reference}"):
            images.save(image.reference, save)
    return NodeImageReport(image=image, seconds=clock.monotonic() - started, saved=str(save) if save else "")
