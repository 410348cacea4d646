"""Images of the container engine on their way to a registry (port EngineImages)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from plimsoll.adapters.docker_cli import docker, inspect
from plimsoll.errors import EnvironmentLacks, Misconfigured

if TYPE_CHECKING:
    from pathlib import Path

# Seconds for the largest image that anybody would load on a laptop.
MOVE = 1800.0
LOADED = re.compile(r"^Loaded image(?: ID)?: (?P<name>\S+)$", re.MULTILINE)
DIGEST = re.compile(r"digest: (?P<digest>sha256:[0-9a-f]{64})")
PUSHED = re.compile(r"^[0-9a-f]+: Pushed", re.MULTILINE)


class EngineImages:
    """The engine's own image store."""

    def load(self, archive: Path) -> str:
        """Bring an archive's image into the engine and return its name. Raise Misconfigured when there is none in it."""
        done = docker("load", "--input", archive, timeout=MOVE, check=False)
        found = LOADED.search(done.stdout)
        if done.code != 0 or found is None:
            raise Misconfigured(
                f"this is no archive of an image: {(done.stderr or done.stdout).strip()}",
                where=str(archive),
                now="make one with `docker save`",
                code="image-archive",
            )
        return found["name"]

    def has(self, name: str) -> bool:
        """Tell whether the engine has an image of that name."""
        return bool(inspect("image", [name]))

    def push(self, name: str, reference: str) -> tuple[str, int]:
        """Push the image `name` as `reference`; return its digest and the number of layers that moved.

        Raise EnvironmentLacks when the registry does not take it.
        """
        docker("tag", name, reference)
        try:
            done = docker("push", reference, timeout=MOVE, check=False)
        finally:
            docker("rmi", "--no-prune", reference, check=False)
        digest = DIGEST.search(done.stdout)
        if done.code != 0 or digest is None:
            raise EnvironmentLacks(
                f"the registry does not take the image: {done.stderr.strip()}",
                where=reference,
                now="run `inv cluster.up`",
                code="push",
            )
        return digest["digest"], len(PUSHED.findall(done.stdout))
