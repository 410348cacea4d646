"""What images are made from: the decisions of a build, before anything is built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plimsoll.domain import build_dockerfile, build_ignore
from plimsoll.domain.bases import LOCK
from plimsoll.domain.build import BuildInputs, Provenance, plan
from plimsoll.domain.build_settings import settings_inputs
from plimsoll.errors import Misconfigured
from plimsoll.workflows import bases as base_images

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from plimsoll.domain.bases import BaseState
    from plimsoll.domain.build import BuildPlan
    from plimsoll.domain.project import Project, Service
    from plimsoll.domain.source import Change
    from plimsoll.ports import (
        BaseStore,
        Clock,
        ImageBuilder,
        ImageRegistry,
        ImageStore,
        PackageMirror,
        Reporter,
        Source,
        WorkTree,
    )

SETTINGS = "plimsoll.toml"


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """A project and all that building its images needs. `registry` is made only when it is asked."""

    project: Project
    source: Source
    tree: WorkTree
    images: ImageStore
    bases: BaseStore
    mirror: PackageMirror
    registry: Callable[[], ImageRegistry]
    builder: ImageBuilder
    clock: Clock
    reporter: Reporter


def plans(services: Iterable[Service], shop: Workshop, states: Mapping[str, BaseState] | None = None) -> tuple[BuildPlan, ...]:
    """Return what each service's image is made from and called. Nothing but files and git is looked at.

    `states` are the bases where they are known already. Raise Misconfigured for a missing Dockerfile or record, and for a shallow
    clone.
    """
    services = tuple(services)
    if states is None:
        names = dict.fromkeys(name for service in services for name in service.bases)
        states = base_images.states((shop.project.bases[name] for name in names), tree=shop.tree, store=shop.bases)
    return tuple(_plan(service, shop, states) for service in services)


def _plan(service: Service, shop: Workshop, states: Mapping[str, BaseState]) -> BuildPlan:
    dockerfile = shop.tree.text(service.dockerfile)
    if dockerfile is None:
        raise Misconfigured(
            f"service {service.name!r} has no Dockerfile", where=service.dockerfile, now=f"write it, or correct {SETTINGS}"
        )
    ignore_file, ignore_text = _ignore(service, shop.tree)
    ignore = build_ignore.parse(ignore_text)
    kept = [path for path in shop.source.files(service.context) if ignore.keeps(_relative(path, service.context))]
    inputs = BuildInputs(
        service=service,
        source=shop.project.source,
        title=f"{shop.project.name} {service.name}",
        dockerfile=dockerfile,
        parsed=build_dockerfile.parse(dockerfile, where=service.dockerfile, bases=service.bases),
        ignore=ignore_text,
        files=shop.tree.context(service.context, kept),
        bases=tuple(states[name] for name in service.bases),
    )
    provenance = _provenance(service, ignore, {service.dockerfile, ignore_file}, shop)
    return plan(inputs, provenance, repository=shop.project.registry.repository)


def _ignore(service: Service, tree: WorkTree) -> tuple[str, str]:
    """Return path and text of the service's ignore file: beside the Dockerfile, as BuildKit has it, else in the context."""
    beside, inside = f"{service.dockerfile}.dockerignore", f"{service.context}/.dockerignore"
    text = tree.text(beside)
    return (beside, text) if text is not None else (inside, tree.text(inside) or "")


def _relative(path: str, folder: str) -> str:
    return path if folder in {".", ""} else path.removeprefix(f"{folder}/")


def _provenance(service: Service, ignore: build_ignore.Ignore, files: set[str], shop: Workshop) -> Provenance:
    """Return the last commit that touched the service's inputs, and what differs from it now."""
    paths = (service.context, *sorted(files), SETTINGS, LOCK)
    within = "" if service.context in {".", ""} else f"{service.context}/"

    def in_image(path: str) -> bool:
        return path in files or (path.startswith(within) and ignore.keeps(_relative(path, service.context)))

    def read(revision: str) -> Mapping[str, object] | None:
        return settings_inputs(shop.source.show(revision, SETTINGS), shop.source.show(revision, LOCK), service.name)

    def touches(change: Change) -> bool:
        own = [path for path in change.paths if path not in {SETTINGS, LOCK}]
        if any(in_image(path) for path in own):
            return True
        # These two hold much that is no image's business: only a commit that changes our part of them counts.
        revision = change.commit.revision
        return len(own) < len(change.paths) and read(revision) != read(f"{revision}^")

    last = next((change.commit for change in shop.source.history(paths) if touches(change)), None)
    changed = shop.source.changed(paths)
    dirty = {path for path in changed if path not in {SETTINGS, LOCK} and in_image(path)}
    settings_changed = [path for path in changed if path in {SETTINGS, LOCK}]
    if settings_changed:
        present = settings_inputs(shop.tree.text(SETTINGS), shop.tree.text(LOCK), service.name)
        if present != read("HEAD"):
            dirty.update(settings_changed)
    return Provenance(commit=last or shop.source.head(), dirty=tuple(sorted(dirty)))
