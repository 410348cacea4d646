"""Node images: where one comes from, what tells it from others, and what it is made of where none can be pulled."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from plimsoll.domain.tools import parse_version
from plimsoll.errors import EnvironmentLacks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plimsoll.domain.tools_versions import PinnedPackages

# Counted up whenever the same files would give another image.
RECIPE = 1
REPOSITORY = "plimsoll/kind-node"
REGISTRY_REPOSITORY = "plimsoll/registry"
# What an image says of itself: the hash of its recipe, and the image that it brings for metrics-server.
RECIPE_LABEL = "dev.plimsoll.recipe"
METRICS_LABEL = "dev.plimsoll.metrics-server"
LENGTH = 16


class Origin(StrEnum):
    """Where a node image comes from."""

    PULLED = "pull"
    BUILT = "build"
    ARCHIVE = "archive"


@dataclass(frozen=True, kw_only=True)
class NodeImage:
    """A node image: what the engine calls it, and what tells it from others.

    `identity` is a digest (pulled), the hash of the recipe (built) or of the image's configuration (archive). `metrics_server` is
    the image that it brings for metrics-server, empty where that has to be pulled.
    """

    reference: str
    origin: Origin
    identity: str
    metrics_server: str = ""


@dataclass(frozen=True, kw_only=True)
class Root:
    """A root file system of Debian packages. `key` names it among those that this machine keeps."""

    name: str
    packages: PinnedPackages
    platform: str

    @property
    def key(self) -> str:
        """The root's name and the hash of what it is asked for."""
        return f"{self.name}-{hashed({'suite': self.packages.suite, **self.packages.at_least}, self.platform)}"


def hashed(parts: Mapping[str, str | bytes], platform: str) -> str:
    """Return the hash of named parts for a platform, 16 hexadecimal digits."""
    total = hashlib.sha256(f"{RECIPE}\n{platform}\n".encode())
    for name, part in sorted(parts.items()):
        content = part.encode() if isinstance(part, str) else part
        total.update(f"{name} {len(content)}\n".encode() + content)
    return total.hexdigest()[:LENGTH]


def require_versions(root: Root, installed: Mapping[str, str]) -> None:
    """Raise EnvironmentLacks when a package is older than the lowest version that serves."""
    for name, lowest in root.packages.at_least.items():
        version = installed.get(name, "")
        if not version or parse_version(version) < parse_version(lowest):
            raise EnvironmentLacks(
                f"the mirror has {name} {version or '(nothing)'} for {root.packages.suite}, and {lowest} or newer is needed",
                where=f"infrastructure/versions.toml, [packages.{root.name}.at_least]",
                now="use a mirror that is up to date, or correct the version there",
                code="pin-vanished",
            )


@dataclass(frozen=True, kw_only=True)
class NodeImageReport:
    """A node image that is there now (JSON: `plimsoll.cluster.node-image/1`); `saved` is the archive, empty without one."""

    image: NodeImage
    seconds: float
    saved: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        return {
            "schema": "plimsoll.cluster.node-image/1",
            "reference": self.image.reference,
            "origin": self.image.origin.value,
            "identity": self.image.identity,
            "seconds": round(self.seconds, 1),
            "saved": self.saved,
        }
