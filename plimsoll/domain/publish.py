"""Images on their way to the registry: what may go there, and what a push moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plimsoll.domain.scan import PASSING
from plimsoll.errors import EnvironmentLacks, Failed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from plimsoll.domain.images import Digest, Image
    from plimsoll.errors import PlimsollError


@dataclass(frozen=True, kw_only=True)
class PushResult:
    """What a push moved: without `pushed` everything was already there."""

    digest: Digest
    pushed: bool
    bytes_moved: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Publication:
    """What `inv image.push` shows (JSON: `plimsoll.image.push/1`)."""

    images: Mapping[str, Image]
    results: Mapping[str, PushResult]

    @property
    def moved(self) -> tuple[str, ...]:
        """The services whose image was not in the registry before."""
        return tuple(service for service, result in self.results.items() if result.pushed)

    def to_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        return {
            "schema": "plimsoll.image.push/1",
            "images": {
                service: {
                    **image.to_json(),
                    "pushed": self.results[service].pushed,
                    "bytes_moved": self.results[service].bytes_moved,
                    "seconds": round(self.results[service].seconds, 2),
                }
                for service, image in self.images.items()
            },
        }


def gate(images: Iterable[Image]) -> PlimsollError | None:
    """Return why these images must not be pushed, or None when every one of them carries a verdict that passes.

    Findings (exit code 1) win over scanners that could not run (4), and the message names both.
    """
    images = tuple(images)
    refused = {image.service: image.scan.verdict if image.scan else "not scanned" for image in images if not passes(image)}
    if not refused:
        return None
    names = ", ".join(f"{service} ({verdict})" for service, verdict in sorted(refused.items()))
    found = any(verdict in {"findings", "expired-waiver"} for verdict in refused.values())
    kind: type[PlimsollError] = Failed if found else EnvironmentLacks
    return kind(
        f"the scan gate does not let these images pass: {names}",
        where="; ".join(image.tagged for image in images if image.service in refused),
        now="run `inv scan` to see why; correct what it finds" if found else "run `inv scan` to see what it lacks",
        code="gate",
    )


def passes(image: Image) -> bool:
    """Tell whether the verdict over an image lets it through a gate that blocks."""
    return image.scan is not None and image.scan.verdict in PASSING
