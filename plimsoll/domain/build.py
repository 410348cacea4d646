"""What a build is made from, and therefore what its image is called: tag, labels, budget, and what came of it.

A tag is the hash of everything that goes into an image, so equal sources never build twice and no tag ever moves. Labels come
from the last commit that touched these inputs, not from the machine or the minute of the build.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from plimsoll.domain.project import MEGABYTE
from plimsoll.errors import Failed, Misconfigured

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from plimsoll.domain.bases import BaseState
    from plimsoll.domain.build_dockerfile import Dockerfile
    from plimsoll.domain.images import Digest, Image
    from plimsoll.domain.project import Service
    from plimsoll.domain.source import Commit

DIRTY = "-dirty"
# 16 hexadecimal digits: 64 bits, enough that two inputs of one repository never meet.
TAG_LENGTH = 16
SCHEMA_LABEL = "dev.plimsoll.schema"
OCI = "org.opencontainers.image"
# How many layers a message about a budget names.
NAMED_LAYERS = 3


@dataclass(frozen=True, kw_only=True)
class ContextFile:
    """A file of a build context: path relative to it, and the hash of its bytes (of its target, when it is a link)."""

    path: str
    sha256: str
    executable: bool = False
    link: bool = False


@dataclass(frozen=True, kw_only=True)
class BuildInputs:
    """Everything that goes into one image. `ignore` is the `.dockerignore` text; `bases` are in the order of the settings."""

    service: Service
    source: str
    title: str
    dockerfile: str
    parsed: Dockerfile
    ignore: str
    files: tuple[ContextFile, ...]
    bases: tuple[BaseState, ...]

    def hash(self, revision: str = "") -> str:
        """Return the hash of the inputs, 16 hexadecimal digits; `revision` enters it for uncommitted inputs only."""
        state = {
            "dockerfile": self.dockerfile,
            "ignore": self.ignore,
            "files": [[each.path, each.sha256, each.executable, each.link] for each in sorted(self.files, key=lambda f: f.path)],
            "arguments": dict(self.service.arguments),
            "bases": {each.base.name: each.key for each in self.bases},
            "source": self.source,
            "title": self.title,
            "revision": revision,
        }
        return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()[:TAG_LENGTH]

    @property
    def schema(self) -> str | None:
        """The hash of the service's schema folder, None where it has none: what decides whether migrations run."""
        folder = _inside(self.service.schema, self.service.context)
        if folder is None:
            return None
        chosen = sorted((each.path, each.sha256) for each in self.files if each.path.startswith(f"{folder}/"))
        return hashlib.sha256(json.dumps(chosen).encode()).hexdigest()[:TAG_LENGTH]


@dataclass(frozen=True, kw_only=True)
class BuildPlan:
    """One image to be: its inputs, its tag, and the labels that are known before it is built."""

    inputs: BuildInputs
    repository: str
    tag: str
    revision: str
    created: str
    dirty: tuple[str, ...] = ()

    @property
    def service(self) -> Service:
        """The service that the image is for."""
        return self.inputs.service

    @property
    def tagged(self) -> str:
        """The reference under which the image is looked for: repository:tag."""
        return f"{self.repository}:{self.tag}"

    def labels(self, base_digest: str | None) -> dict[str, str]:
        """Return the labels of the image; `base_digest` is that of what its last stage stands on, None for `scratch`."""
        found = {
            f"{OCI}.created": self.created,
            f"{OCI}.revision": self.revision,
            f"{OCI}.version": self.tag,
            f"{OCI}.source": self.inputs.source,
            f"{OCI}.title": self.inputs.title,
        }
        if base_digest is not None:
            found[f"{OCI}.base.digest"] = base_digest
        if self.inputs.schema is not None:
            found[SCHEMA_LABEL] = self.inputs.schema
        return found


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A layer of a built image: its digest, its uncompressed bytes, and the instruction that made it."""

    digest: Digest
    unpacked: int
    created_by: str

    def to_json(self) -> dict[str, Any]:
        """Return one entry of `layers`."""
        return {"digest": self.digest, "unpacked_bytes": self.unpacked, "created_by": self.created_by}


@dataclass(frozen=True, kw_only=True)
class Built:
    """An image that exists. `origin` is `built` (just now), `kept` (on this machine before) or `registry`; `seconds` it took."""

    image: Image
    layers: tuple[Layer, ...]
    origin: str = "kept"
    seconds: float = 0.0

    def largest(self, count: int = NAMED_LAYERS) -> tuple[Layer, ...]:
        """Return the largest layers, largest first."""
        return tuple(sorted(self.layers, key=lambda layer: -layer.unpacked)[:count])


@dataclass(frozen=True, kw_only=True)
class BuildResult:
    """What `inv build` shows (JSON: `plimsoll.build/1`)."""

    images: Mapping[str, Built]
    budgets: Mapping[str, int]
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        return {
            "schema": "plimsoll.build/1",
            "images": {
                service: {
                    **built.image.to_json(),
                    "built": built.origin == "built",
                    "origin": built.origin,
                    "seconds": round(built.seconds, 2),
                    "budget_bytes": self.budgets[service],
                    "layers": [layer.to_json() for layer in built.layers],
                }
                for service, built in self.images.items()
            },
            "seconds": round(self.seconds, 2),
        }


@dataclass(frozen=True, kw_only=True)
class BuildPreview:
    """What `inv build --dry-run` shows (JSON: `plimsoll.build-plan/1`): `standing` are the images that exist already."""

    plans: tuple[BuildPlan, ...]
    standing: Mapping[str, Built]
    bases: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        return {
            "schema": "plimsoll.build-plan/1",
            "images": {
                plan.service.name: {
                    "tag": plan.tag,
                    "repository": plan.repository,
                    "action": "none" if plan.service.name in self.standing else "build",
                    "revision": plan.revision,
                    "dirty": list(plan.dirty),
                    "bases": [state.base.name for state in plan.inputs.bases],
                }
                for plan in self.plans
            },
            "bases_to_make": list(self.bases),
        }


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where inputs come from: the last commit that touched them, and the files among them that differ from it."""

    commit: Commit
    dirty: tuple[str, ...] = field(default=())


def plan(inputs: BuildInputs, provenance: Provenance, *, repository: str) -> BuildPlan:
    """Decide tag and labels of one image."""
    commit = provenance.commit
    revision = f"{commit.revision}{DIRTY}" if provenance.dirty else commit.revision
    tag = f"{inputs.hash(revision)}{DIRTY}" if provenance.dirty else inputs.hash()
    return BuildPlan(
        inputs=inputs,
        repository=f"{repository}/{inputs.service.name}",
        tag=tag,
        revision=revision,
        created=commit.time.strftime("%Y-%m-%dT%H:%M:%SZ"),
        dirty=provenance.dirty,
    )


def check_budgets(images: Iterable[Built], services: Mapping[str, Service]) -> None:
    """Raise Failed naming every image above its size budget, with its largest layers."""
    over = [built for built in images if built.image.unpacked_bytes > services[built.image.service].budget_bytes]
    if over:
        lines = [line for built in over for line in _excess(built, services[built.image.service].budget_bytes)]
        raise Failed(
            "\n".join([f"{len(over)} image{'s are' if len(over) > 1 else ' is'} larger than the budget allows", *lines]),
            where="; ".join(services[built.image.service].dockerfile for built in over),
            now="leave out what is not run, or raise size_budget_mb in plimsoll.toml",
            code="over-budget",
        )


def _excess(built: Built, budget: int) -> Iterator[str]:
    size = built.image.unpacked_bytes / MEGABYTE
    yield f"{built.image.service}: {size:.1f} MB unpacked, {budget / MEGABYTE:.0f} MB allowed; its largest layers:"
    for layer in built.largest():
        yield f"  {layer.unpacked / MEGABYTE:8.1f} MB  {instruction(layer.created_by)}"


def instruction(created_by: str, width: int = 90) -> str:
    """Return the instruction that made a layer as people wrote it, on one line."""
    text = " ".join(created_by.removesuffix("# buildkit").replace("/bin/sh -c ", "").split())
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _inside(path: str | None, folder: str) -> str | None:
    if path is None:
        return None
    if folder in {".", ""}:
        return path
    if not path.startswith(f"{folder}/"):
        raise Misconfigured(
            f"the schema folder {path} is not inside the build context {folder}",
            where="plimsoll.toml",
            now="name a folder of the context: what is not in it cannot be in the image",
        )
    return path.removeprefix(f"{folder}/")
