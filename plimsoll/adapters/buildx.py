"""Images by BuildKit (port ImageBuilder). Docker's SDK does not drive it: `docker buildx` is a process.

An image leaves the engine as an OCI layout and is written anew there (`oci_canonical`), so that it is the same wherever it was
built. Nothing is kept in the engine but its build cache.
"""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from plimsoll.adapters import process
from plimsoll.adapters.disk import forget_unused, free_megabytes, full, room
from plimsoll.adapters.oci import Layout
from plimsoll.adapters.oci_canonical import Canonical
from plimsoll.domain.bases import EPOCH
from plimsoll.domain.build import Built
from plimsoll.domain.build_log import explain
from plimsoll.domain.images import Image
from plimsoll.errors import EnvironmentLacks, Failed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from plimsoll.adapters.image_store import StateImages
    from plimsoll.adapters.work_tree import FileTree
    from plimsoll.domain.bases import BaseImage
    from plimsoll.domain.build import BuildPlan
    from plimsoll.domain.build_log import Explanation
    from plimsoll.domain.images import Digest
    from plimsoll.domain.tools_machine import EngineFacts
    from plimsoll.errors import PlimsollError

# Seconds for one image, cold, on a slow line and two cores.
TIMEOUT = 3600
PLATFORM = "linux/amd64"
# Where systems keep the certificates they trust; the first that is there enters builds as the secret `ca`.
CERTIFICATES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
# What package managers on this machine are told about mirrors and logins; builds read it as secrets, images never hold it.
PIP_SETTINGS = ("~/.config/pip/pip.conf", "~/.pip/pip.conf", "/etc/pip.conf")
NPM_SETTINGS = ("~/.npmrc",)
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")


@dataclass(frozen=True)
class _Folders:
    """Where one build works: the context, the Dockerfile, and what the engine exports."""

    context: Path
    dockerfile: Path
    exported: Path


class Buildx:
    """Builds from a work tree into a store."""

    def __init__(self, tree: FileTree, store: StateImages, scratch: Path, engine: Callable[[], EngineFacts]) -> None:
        """Take sources from `tree`, keep images in `store`, work below the folder `scratch`; `engine` tells about the engine."""
        self._tree = tree
        self._store = store
        self._scratch = scratch
        self._engine = engine

    def build(self, plan: BuildPlan, bases: Mapping[str, BaseImage], *, cache: bool = True) -> Built:
        """Build, and keep the image in the store. Several may build at once, each in its own thread.

        Raise Failed with the failing step's last lines and the Dockerfile's line, EnvironmentLacks when the engine goes away or a
        disk is full.
        """
        started = time.monotonic()
        self._scratch.mkdir(parents=True, exist_ok=True)
        forget_unused(self._scratch, days=1)
        with room(self._scratch), tempfile.TemporaryDirectory(prefix=f"{plan.service.name}-", dir=self._scratch) as work:
            folders = self._prepare(plan, Path(work))
            labels = plan.labels(_base_digest(plan, bases))
            argv = ("docker", "buildx", "build", *_flags(plan, bases, folders, labels, cache=cache), folders.context)
            # Times of the history; those of files are dealt with afterwards.
            env = {"SOURCE_DATE_EPOCH": str(EPOCH), "BUILDX_NO_DEFAULT_ATTESTATIONS": "1", "DOCKER_CLI_HINTS": "false"}
            try:
                process.run(argv, timeout=TIMEOUT, env=env, title=f"docker buildx build of {plan.service.name}")
            except process.CommandFailed as error:
                raise self._failure(plan, explain(error.finished.stderr)) from error
            return self._keep(plan, bases, Layout(folders.exported), labels, started)

    def require(self) -> None:
        """Raise EnvironmentLacks when nothing can be built on this machine."""
        process.find("docker")
        facts = self._engine()
        if not facts.running:
            what = "the container engine does not let this user in" if facts.refused else "no container engine answers"
            raise EnvironmentLacks(what, where=facts.address, now="run `inv setup`, then `inv doctor`", code="no-engine")

    def stop(self) -> None:
        """End the builds that are under way, before the caller leaves."""
        process.stop_running()

    def _prepare(self, plan: BuildPlan, work: Path) -> _Folders:
        name = Path(plan.service.dockerfile).name
        folders = _Folders(context=work / "context", dockerfile=work / name, exported=work / "exported")
        folders.context.mkdir()
        self._tree.stage(plan.service.context, plan.inputs.files, folders.context)
        folders.dockerfile.write_text(plan.inputs.dockerfile, encoding="utf-8")
        # The context holds exactly what shall be in it; an empty list of this name keeps BuildKit from leaving out more.
        (work / f"{name}.dockerignore").touch()
        return folders

    def _keep(
        self, plan: BuildPlan, bases: Mapping[str, BaseImage], exported: Layout, labels: Mapping[str, str], started: float
    ) -> Built:
        with tempfile.TemporaryDirectory(prefix="new-", dir=self._scratch) as folder:
            target = Layout(Path(folder) / "layout")
            before = self._store.rewritten(plan.service.name)
            canonical = Canonical(exported, target, bases=bases.values(), before=before)
            name, layers = canonical.write(created=plan.created)
            image = Image(
                service=plan.service.name,
                repository=plan.repository,
                tag=plan.tag,
                digest=name,
                unpacked_bytes=sum(layer.unpacked for layer in layers),
                labels=labels,
                schema=plan.inputs.schema,
            )
            built = Built(image=image, layers=layers, origin="built", seconds=time.monotonic() - started)
            self._store.keep(built, lambda place: move(target.folder, place), made_from=canonical.made_from)
            return built

    def _failure(self, plan: BuildPlan, why: Explanation) -> PlimsollError:
        dockerfile = plan.service.dockerfile
        if why.cause == "disk-full":
            return full(self._fullest())
        if why.cause == "engine-gone":
            return EnvironmentLacks(
                f"the container engine went away while {plan.service.name} was being built: {why.summary}",
                where=dockerfile,
                now="run `inv doctor`, then build again: finished steps are kept in its cache",
                code="engine-gone",
            )
        if why.cause == "no-buildx":
            return EnvironmentLacks(
                "Docker's buildx is not installed", where="docker buildx", now="run `inv setup`", code="tool-missing"
            )
        if why.cause == "no-oci":
            return EnvironmentLacks(
                "this container engine cannot export OCI layouts: its image store is not containerd's",
                where="the engine's daemon.json",
                now='set "features": {"containerd-snapshotter": true} there and restart it, or run `inv setup`',
                code="image-store",
            )
        place = why.place.rpartition(":")[2]
        head = f"the image of {plan.service.name} does not build" + (f", at {why.step}" if why.step else "")
        said = "".join(f"\n  | {line}" for line in (why.lines or (why.summary,)))
        return Failed(
            f"{head}{said}",
            where=f"{dockerfile}:{place}" if place else dockerfile,
            now="correct it and build again; PLIMSOLL_VERBOSE=1 shows the whole output",
            code="build-failed",
        )

    def _fullest(self) -> Path:
        places, root = [self._scratch], self._engine().root
        if root:
            places.append(Path(root))
        return min(places, key=free_megabytes)


def move(source: Path, target: Path) -> None:
    """Move a folder to another place on the same disk."""
    source.rename(target)


def _base_digest(plan: BuildPlan, bases: Mapping[str, BaseImage]) -> Digest | str | None:
    final = plan.inputs.parsed.final_base
    if final in bases:
        return bases[final].digest
    return final.partition("@")[2] or None


def _flags(
    plan: BuildPlan, bases: Mapping[str, BaseImage], folders: _Folders, labels: Mapping[str, str], *, cache: bool
) -> Iterator[str | Path]:
    yield from ("--progress", "plain", "--provenance", "false", "--platform", PLATFORM, "--file", folders.dockerfile)
    yield from ("--output", f"type=oci,tar=false,compression=uncompressed,dest={folders.exported}")
    if not cache:
        yield "--no-cache"
    for name, base in sorted(bases.items()):
        yield from ("--build-context", f"{name}={base.context}")
    arguments = dict(plan.service.arguments)
    if "REVISION" in plan.inputs.parsed.arguments:
        arguments["REVISION"] = plan.revision
    for key, value in sorted(arguments.items()):
        yield from ("--build-arg", f"{key}={value}")
    for name in PROXIES:
        if os.environ.get(name):
            # Without a value: BuildKit takes it from the environment and keeps it out of the image's history and cache keys.
            yield from ("--build-arg", name)
    for key, value in sorted(labels.items()):
        yield from ("--label", f"{key}={value}")
    for name, path in secrets():
        yield from ("--secret", f"id={name},src={path}")


def secrets() -> Iterator[tuple[str, Path]]:
    """Yield what builds may read but images never hold: (id, file), where this machine has it."""
    named = {
        "ca": (os.environ.get("SSL_CERT_FILE", ""), *CERTIFICATES),
        "pip": (os.environ.get("PIP_CONFIG_FILE", ""), *PIP_SETTINGS),
        "npm": (os.environ.get("NPM_CONFIG_USERCONFIG", ""), *NPM_SETTINGS),
    }
    for name, places in named.items():
        for place in places:
            path = Path(place).expanduser()
            if place and path.is_file():
                yield name, path
                break
