"""Node images and the registry's image in the engine (port NodeImages): pulled, built from packages, or loaded."""

from __future__ import annotations

import json
import os
import re
import tarfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from plimsoll.adapters import process
from plimsoll.adapters.buildx import PROXIES, secrets
from plimsoll.adapters.disk import room
from plimsoll.adapters.docker_cli import disk_full, docker, engine_gone, inspect
from plimsoll.domain.bases import EPOCH
from plimsoll.domain.build_log import explain
from plimsoll.domain.node_image import (
    METRICS_LABEL,
    RECIPE_LABEL,
    REGISTRY_REPOSITORY,
    REPOSITORY,
    NodeImage,
    Origin,
    Root,
    hashed,
)
from plimsoll.errors import EnvironmentLacks, Failed, Misconfigured

if TYPE_CHECKING:
    from pathlib import Path

    from plimsoll.adapters.debian_root import DebianRoots
    from plimsoll.domain.tools_versions import Versions
    from plimsoll.ports import Reporter

# Seconds: 8 minutes are usual on two cores, a busy machine needs a multiple.
BUILD = 7200.0
# The image has 1.2 GB.
MOVE = 1800.0
NODE, BUILDER = "node", "node-build"


class EngineNodeImages:
    """Node images of this machine's engine, by the recipe in the folder `recipe` and the pins of `versions`."""

    def __init__(self, recipe: Path, versions: Versions, roots: DebianRoots, *, platform: str) -> None:
        """Build for `platform` (`linux-amd64`) on root file systems that `roots` makes."""
        self._recipe = recipe
        self._versions = versions
        self._roots = roots
        self._platform = platform

    @property
    def pinned(self) -> str:
        """The digest of the node image that would be pulled."""
        return self._versions.images["kindest-node"].reference.partition("@")[2]

    @property
    def recipe(self) -> str:
        """The hash of everything that decides what a built node image is."""
        return self._hash(["node.Dockerfile", *(f"node/{path}" for path in _files(self._recipe / "node"))], NODE, BUILDER)

    def archived(self, archive: Path) -> NodeImage:
        """Return the image in an archive without loading it. Raise Misconfigured when it holds none."""
        try:
            with tarfile.open(archive) as tar:
                entry = _json(tar, "manifest.json")[0]
                config = _json(tar, entry["Config"])
        except (OSError, tarfile.TarError, KeyError, IndexError, ValueError) as error:
            raise Misconfigured(
                f"this is no archive of a node image: {error}",
                where=str(archive),
                now="set node_image in [cluster] of plimsoll.toml to auto, or to a file of `inv cluster.node-image --save`",
                code="node-archive",
            ) from error
        labels = config.get("config", {}).get("Labels") or {}
        return NodeImage(
            reference=(entry.get("RepoTags") or [""])[0],
            origin=Origin.ARCHIVE,
            identity=str(entry["Config"]).rpartition("/")[2].removesuffix(".json"),
            metrics_server=labels.get(METRICS_LABEL, ""),
        )

    def local(self, origin: Origin) -> NodeImage | None:
        """Return the pulled or built image where the engine has it."""
        reference = self._versions.images["kindest-node"].reference if origin is Origin.PULLED else self._built
        found = inspect("image", [reference])
        if not found:
            return None
        labels = found[0]["Config"].get("Labels") or {}
        identity = self.pinned if origin is Origin.PULLED else self.recipe
        return NodeImage(reference=reference, origin=origin, identity=identity, metrics_server=labels.get(METRICS_LABEL, ""))

    def pull(self) -> None:
        """Pull the pinned node image. Raise EnvironmentLacks when no registry answers or it has no such image."""
        _pull(self._versions.images["kindest-node"].reference)

    def build(self, *, reporter: Reporter) -> None:
        """Build the node image: minutes when it is cold, seconds from cache.

        Raise Failed with the failing step's last words, EnvironmentLacks when a mirror does not answer or the engine goes away.
        """
        names = (BUILDER, NODE)
        with reporter.step("root file systems of Debian packages"), ThreadPoolExecutor(len(names)) as pool:
            archives = dict(zip(names, pool.map(lambda name: self._roots.make(self._root(name)), names), strict=True))
        with reporter.step("compiling Kubernetes and packing the node image (8 minutes on two cores, once)"):
            labels = {RECIPE_LABEL: self.recipe, METRICS_LABEL: self._metrics_server()}
            self._buildx("node.Dockerfile", self._built, archives, labels, reporter)

    def load(self, archive: Path) -> None:
        """Load an archive into the engine."""
        docker("load", "--quiet", "--input", archive, timeout=MOVE, title="docker load of the node image")

    def save(self, reference: str, file: Path) -> None:
        """Write an image of the engine into a file, as an archive that `load` takes."""
        with room(file.parent):
            file.parent.mkdir(parents=True, exist_ok=True)
            fresh = file.with_name(f".{file.name}.new")
            name, _, pinned = reference.partition("@")
            if pinned:
                # An archive names its image by a tag only.
                docker("tag", reference, name)
            try:
                docker("save", "--output", fresh, name, timeout=MOVE, title="docker save of the node image")
                fresh.replace(file)
            finally:
                fresh.unlink(missing_ok=True)

    def registry(self, *, reporter: Reporter) -> str:
        """Return the registry's image: the pinned one, or one built from Debian's package where no registry answers."""
        pinned = self._versions.images["registry"].reference
        built = f"{REGISTRY_REPOSITORY}:{self._hash(['registry.Dockerfile', 'node/closure.sh'], BUILDER)}"
        for reference in (pinned, built):
            if inspect("image", [reference]):
                return reference
        with suppress(EnvironmentLacks):
            _pull(pinned)
            return pinned
        with reporter.step("building the registry's image from Debian's package"):
            self._buildx("registry.Dockerfile", built, {BUILDER: self._roots.make(self._root(BUILDER))}, {}, reporter)
        return built

    @property
    def _built(self) -> str:
        return f"{REPOSITORY}:{self.recipe}"

    def _metrics_server(self) -> str:
        """Return the image that the recipe brings for metrics-server; compile.sh calls it so."""
        lock = (self._recipe / "node" / "go.mod").read_text(encoding="utf-8")
        found = re.search(r"^\tsigs\.k8s\.io/metrics-server (v\S+)$", lock, re.MULTILINE)
        if found is None:
            raise Misconfigured(
                "the node's modules no longer name metrics-server", where=str(self._recipe / "node" / "go.mod"), now="restore it"
            )
        return f"localhost/metrics-server:{found[1]}"

    def _root(self, name: str) -> Root:
        return Root(name=name, packages=self._versions.packages[name], platform=self._platform)

    def _hash(self, files: list[str], *roots: str) -> str:
        parts: dict[str, str | bytes] = {name: (self._recipe / name).read_bytes() for name in files}
        return hashed({**parts, **{f"root {name}": self._root(name).key for name in roots}}, self._platform)

    def _buildx(self, dockerfile: str, tag: str, archives: dict[str, Path], labels: dict[str, str], reporter: Reporter) -> None:
        words = ["--progress", "plain", "--provenance", "false", "--file", str(self._recipe / dockerfile)]
        # Compressing layers that never leave this machine would take a minute.
        words += ["--output", f"type=image,name=docker.io/{tag},compression=uncompressed,unpack=true"]
        words += ["--build-context", f"recipe={self._recipe / 'node'}"]
        for root, archive in archives.items():
            words += ["--build-arg", f"{root.upper().replace('-', '_')}_ROOT={archive.name}"]
        for name in filter(os.environ.get, PROXIES):
            words += ["--build-arg", name]
        for key, value in labels.items():
            words += ["--label", f"{key}={value}"]
        for name, path in secrets():
            words += ["--secret", f"id={name},src={path}"]
        if os.environ.get("GOPROXY"):
            # A secret: it may hold a login.
            words += ["--secret", "id=goproxy,env=GOPROXY"]
        context = next(iter(archives.values())).parent
        env = {"SOURCE_DATE_EPOCH": str(EPOCH), "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
        try:
            process.stream(
                ("docker", "buildx", "build", *words, context), reporter.detail, timeout=BUILD, env=env, title=f"build of {tag}"
            )
        except process.CommandFailed as error:
            raise self._failure(dockerfile, error.finished.stderr) from error

    def _failure(self, dockerfile: str, said: str) -> EnvironmentLacks | Failed:
        why = explain(said)
        if why.cause == "disk-full":
            return disk_full(why.summary)
        if why.cause == "engine-gone":
            return engine_gone(why.summary)
        lines = "".join(f"\n  | {line}" for line in (why.lines or (why.summary,)))
        return Failed(
            f"{dockerfile} does not build, at {why.step or 'its start'}{lines}",
            where=f"infrastructure/cluster/{why.place or dockerfile}",
            now="check that this machine's Go module proxy and Debian mirror answer, then run it again: finished steps are kept",
            code="node-image",
        )


def _pull(reference: str) -> None:
    try:
        docker("pull", "--quiet", reference, timeout=MOVE, title=f"docker pull {reference}")
    except process.CommandFailed as error:
        last = (error.finished.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise EnvironmentLacks(
            # The engine wraps the reason in what it was doing, outermost first.
            f"{reference.partition('@')[0]} cannot be pulled ({last.rpartition(': ')[2]})",
            where="infrastructure/versions.toml, [images]",
            now='check the network, or set node_image = "build" in [cluster] of plimsoll.toml',
            code="pull",
        ) from error


def _files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def _json(tar: tarfile.TarFile, name: str) -> Any:  # noqa: ANN401 -- whatever the archive holds; a surprise is a KeyError
    file = tar.extractfile(name)
    if file is None:
        raise KeyError(name)
    return json.load(file)
