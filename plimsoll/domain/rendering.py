"""An environment's objects, in the two forms in which they are looked at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plimsoll.domain.manifests import Manifest
    from plimsoll.domain.project import Environment

# The overlay as it stands in git, and composed with what the environment's settings add: the form that is deployed.
OVERLAY, COMPOSED = "overlay", "composed"


@dataclass(frozen=True, kw_only=True)
class Rendering:
    """An environment's objects (JSON: `plimsoll.kube.render/1`)."""

    environment: str
    form: str
    objects: tuple[Manifest, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        return {
            "schema": "plimsoll.kube.render/1",
            "environment": self.environment,
            "form": self.form,
            "objects": list(self.objects),
        }


def bare(environment: Environment) -> Environment:
    """Return the environment without what its settings add to the overlay: what stands in git, as production would run it."""
    return replace(environment, components=(), port=None, node_port=None)
