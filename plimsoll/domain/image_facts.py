"""What `inv image.labels`, `image.size` and `image.exists` show of the present images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plimsoll.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plimsoll.domain.build import Built


@dataclass(frozen=True, kw_only=True)
class ImageFacts:
    """The present images. `absent` are the services whose image the registry lacks, None where it was not asked."""

    task: str
    images: Mapping[str, Built]
    budgets: Mapping[str, int]
    absent: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints (`plimsoll.image.<task>/1`)."""
        return {
            "schema": f"plimsoll.image.{self.task}/1",
            "images": {
                service: {
                    **built.image.to_json(),
                    "budget_bytes": self.budgets[service],
                    "layers": [layer.to_json() for layer in built.layers],
                    **({"exists": service not in self.absent} if self.task == "exists" else {}),
                }
                for service, built in self.images.items()
            },
        }

    def require_present(self) -> None:
        """Raise Failed naming the images that the registry does not have."""
        if self.absent:
            raise Failed(
                f"the registry does not have the image of {', '.join(self.absent)}",
                where="; ".join(self.images[service].image.reference for service in self.absent),
                now="run `inv image.push`",
                code="image-missing",
            )
