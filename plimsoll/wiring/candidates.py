"""Where the images of a release come from: the present source, or a release that is recorded already."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from plimsoll import wiring
from plimsoll.domain.promotion import Candidate, environment_of
from plimsoll.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from plimsoll.domain.images import Image
    from plimsoll.domain.ledger import History
    from plimsoll.domain.project import Environment
    from plimsoll.ports import Reporter
    from plimsoll.workflows.deploy_plan import Supply


def supply(environment: Environment, reporter: Reporter, *, recorded: bool) -> Supply:
    """Return where deploys to `environment` get their objects and images from; images of a `recorded` release are not pushed."""
    from plimsoll.wiring import images, render
    from plimsoll.workflows.deploy_plan import Supply

    return Supply(
        renderer=render.renderer(),
        schemas=render.schemas,
        registry=images.registry(),
        publish=lambda found: _passed(environment, found, reporter) if recorded else _published(environment, found, reporter),
        recorded=recorded,
    )


def present(environment: Environment, reporter: Reporter) -> Candidate:
    """Return the images of the present source. Raise Misconfigured naming `inv build` when they are not built."""
    from plimsoll.adapters.git import Git
    from plimsoll.wiring import images

    found = images.images(reporter)
    dirty = _overlay_differs(environment) or any(image.tag.endswith("-dirty") for image in found.values())
    return Candidate(images=found, git_revision=Git(wiring.root()).head().revision, dirty=dirty)


def _overlay_differs(environment: Environment) -> bool:
    """Tell whether the overlay, what it is made of, or the settings differ from the commit."""
    from plimsoll.adapters.git import Git

    parts = PurePosixPath(environment.overlay).parts
    # Bases and components stand beside the folder `overlays`, where there is one.
    folder = str(PurePosixPath(*parts[: parts.index("overlays")])) if "overlays" in parts[1:] else environment.overlay
    return bool(Git(wiring.root()).changed([folder, wiring.SETTINGS_FILE]))


def recorded(version: str, target: Environment, history_of: Callable[[Environment], History]) -> Candidate:
    """Return the images of a recorded release of any environment, for a deploy to `target` with the present overlay."""
    environment = environment_of(version, wiring.project().environments)
    found = history_of(environment).named(version) if environment else None
    if found is None:
        raise Misconfigured(
            f"no environment has a release {version!r}",
            where="--version",
            now="name one that `inv history --env ENVIRONMENT` lists, such as staging-12",
            code="unknown-release",
        )
    if found.compacted:
        raise Misconfigured(
            f"of {version} only a line is kept, without the labels of its images",
            where="--version",
            now="name a newer release, or build and deploy its source again: equal sources give equal digests",
            code="not-whole",
        )
    dirty = found.dirty or _overlay_differs(target)
    # What a scanner said then is no verdict of today: the images are judged anew before anything is deployed.
    images = {service: replace(image, scan=None) for service, image in found.images.items()}
    return Candidate(images=images, git_revision=found.git_revision, dirty=dirty)


def _passed(environment: Environment, found: Mapping[str, Image], reporter: Reporter) -> Mapping[str, Image]:
    """Return the images of a recorded release with the verdicts of today; they are taken from the registry as they are there."""
    from plimsoll.domain.publish import gate
    from plimsoll.wiring import images, scan
    from plimsoll.workflows.deploy import require_images

    # First of all: a scanner could only look at what is there.
    require_images(found, images.registry(), reporter)
    judged = scan.judged(environment, found, reporter)
    refusal = gate(judged.values()) if environment.gate == "block" else None
    if refusal is not None:
        raise refusal
    return judged


def _published(environment: Environment, found: Mapping[str, Image], reporter: Reporter) -> Mapping[str, Image]:
    """Return the images with their verdicts, after whatever was missing of scan and push."""
    from plimsoll.wiring import images, scan

    judged = scan.judged(environment, found, reporter)
    return images.publish(environment, judged, reporter).images
