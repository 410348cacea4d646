"""Bring an image that the engine has, or an archive holds, to the registry beside the cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from plimsoll.domain.cluster_report import Loaded, target
from plimsoll.errors import EnvironmentLacks, Misconfigured

if TYPE_CHECKING:
    from plimsoll.ports import EngineImages, LocalRegistry, Reporter


def load(image: str, *, repository: str, images: EngineImages, registry: LocalRegistry, reporter: Reporter) -> Loaded:
    """Push `image` (a name, or the path of an archive) below `repository`, and say by which reference a pod pulls it.

    Raise Misconfigured when there is no such image, EnvironmentLacks when the registry does not answer.
    """
    if not registry.answers():
        raise EnvironmentLacks(
            "the local registry does not answer", where=registry.name, now="run `inv cluster.up`", code="no-registry"
        )
    name = images.load(Path(image)) if Path(image).is_file() else image
    if not images.has(name):
        raise Misconfigured(
            f"the container engine has no image {name!r}",
            where="docker image ls",
            now="build or pull it, or name an archive made by `docker save`",
            code="no-image",
        )
    tagged = target(name, repository)
    with reporter.step(f"pushing {name}"):
        digest, layers = images.push(name, tagged)
    return Loaded(image=name, reference=f"{tagged.rpartition(':')[0]}@{digest}", layers_moved=layers)
