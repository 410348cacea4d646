"""Bring images to the registry: only what the scan gate lets pass, and only what is not there yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.domain.publish import Publication, PushResult, gate
from plimsoll.workflows.build import layout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plimsoll.domain.images import Image
    from plimsoll.workflows.build_plan import Workshop


def publish(images: Mapping[str, Image], shop: Workshop, *, gated: bool) -> Publication:
    """Push what the registry does not have. The images carry their verdicts.

    With `gated`, raise Failed or EnvironmentLacks before anything is pushed when a verdict does not pass. Raise EnvironmentLacks
    when the registry does not answer, Misconfigured when a tag is already another image.
    """
    refusal = gate(images.values()) if gated else None
    if refusal is not None:
        raise refusal
    return Publication(images=dict(images), results={service: _push(image, shop) for service, image in images.items()})


def _push(image: Image, shop: Workshop) -> PushResult:
    registry = shop.registry()
    if registry.digest(image.tagged) == image.digest:
        return PushResult(digest=image.digest, pushed=False)
    folder = layout(image, shop)
    with shop.reporter.step(f"pushing {image.service}"):
        return registry.push(image, folder)


def absent(images: Mapping[str, Image], shop: Workshop) -> tuple[str, ...]:
    """Return the services whose image the registry does not have under its digest."""
    registry = shop.registry()
    return tuple(service for service, image in images.items() if registry.digest(image.reference) != image.digest)
