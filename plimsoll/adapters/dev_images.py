"""Images of the development stack in the engine (port DevImages), under names of its own: nothing is pulled, nothing pushed."""

from __future__ import annotations

import io
import json
import os
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from plimsoll.adapters import process
from plimsoll.adapters.buildx import PLATFORM, PROXIES, TIMEOUT, secrets
from plimsoll.adapters.disk import room
from plimsoll.adapters.docker_cli import docker
from plimsoll.adapters.engine_images import EngineImages
from plimsoll.domain.build_log import explain
from plimsoll.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from plimsoll.adapters.work_tree import FileTree
    from plimsoll.domain.bases import BaseImage
    from plimsoll.domain.build import BuildPlan

# What containerd calls an image that it takes from an archive.
NAME = "io.containerd.image.name"


class LocalImages:
    """Images named `PREFIX/SERVICE:TAG`."""

    def __init__(self, prefix: str, tree: FileTree, scratch: Path) -> None:
        """Look after the images below `prefix`; stage sources of `tree` and archives below the folder `scratch`."""
        self._prefix = prefix
        self._tree = tree
        self._scratch = scratch
        self._engine = EngineImages()

    def reference(self, service: str, tag: str) -> str:
        """Return the name of a service's image."""
        return f"{self._prefix}/{service}:{tag}"

    def has(self, name: str) -> bool:
        """Tell whether the engine has the image."""
        return self._engine.has(name)

    def load(self, layout: Path, name: str) -> None:
        """Bring the image of an OCI layout into the engine as `name`."""
        self._scratch.mkdir(parents=True, exist_ok=True)
        with room(self._scratch), tempfile.NamedTemporaryFile(dir=self._scratch, suffix=".tar") as file:
            with tarfile.open(fileobj=file, mode="w") as archive:
                index = json.loads((layout / "index.json").read_bytes())
                index["manifests"][0].setdefault("annotations", {})[NAME] = f"docker.io/{name}"
                text = json.dumps(index).encode()
                entry = tarfile.TarInfo("index.json")
                entry.size = len(text)
                archive.addfile(entry, io.BytesIO(text))
                for part in ("oci-layout", "blobs"):
                    archive.add(layout / part, part)
            file.flush()
            self._engine.load(Path(file.name))

    def make(self, plan: BuildPlan, bases: Mapping[str, BaseImage], stage: str, name: str) -> None:
        """Build one stage of a Dockerfile into the engine as `name`. Raise Failed with the failing step's last lines."""
        self._scratch.mkdir(parents=True, exist_ok=True)
        with room(self._scratch), tempfile.TemporaryDirectory(prefix="dev-", dir=self._scratch) as work:
            context, dockerfile = Path(work) / "context", Path(work) / "Dockerfile"
            context.mkdir()
            self._tree.stage(plan.service.context, plan.inputs.files, context)
            dockerfile.write_text(plan.inputs.dockerfile, encoding="utf-8")
            (context.parent / "Dockerfile.dockerignore").touch()
            flags = ("--file", dockerfile, "--target", stage, "--tag", name, *_flags(plan, bases))
            argv = ("docker", "buildx", "build", "--load", *flags, context)
            try:
                process.run(argv, timeout=TIMEOUT, title=f"docker buildx build of {plan.service.name}, stage {stage}")
            except process.CommandFailed as error:
                why = explain(error.finished.stderr)
                said = "".join(f"\n  | {line}" for line in (why.lines or (why.summary,)))
                raise Failed(
                    f"stage {stage} of {plan.service.name} does not build{said}",
                    where=plan.service.dockerfile,
                    now="correct it and start again; `inv doctor` looks at the engine",
                    code="build-failed",
                ) from error

    def names(self) -> tuple[str, ...]:
        """Return all images below the prefix."""
        words = ("--filter", f"reference={self._prefix}/*", "--format", "{{.Repository}}:{{.Tag}}")
        return tuple(sorted(docker("image", "ls", *words).stdout.split()))

    def remove(self, names: Iterable[str]) -> None:
        """Remove images; one that a container still uses stays."""
        for name in names:
            docker("image", "rm", name, check=False)


def _flags(plan: BuildPlan, bases: Mapping[str, BaseImage]) -> Iterator[str | Path]:
    yield from ("--progress", "plain", "--provenance", "false", "--platform", PLATFORM)
    for name, base in sorted(bases.items()):
        yield from ("--build-context", f"{name}={base.context}")
    for key, value in sorted(plan.service.arguments.items()):
        yield from ("--build-arg", f"{key}={value}")
    for name in PROXIES:
        if os.environ.get(name):
            yield from ("--build-arg", name)
    for name, path in secrets():
        yield from ("--secret", f"id={name},src={path}")
