"""Composition of build, base images, labels, sizes and pushes."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from plimsoll import wiring
from plimsoll.config import load, unknown
from plimsoll.workflows import bases as base_images
from plimsoll.workflows import build as workflow
from plimsoll.workflows.build_plan import Workshop

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plimsoll.adapters.registry import OciRegistry
    from plimsoll.domain.bases import BasesReport
    from plimsoll.domain.build import BuildPreview, BuildResult
    from plimsoll.domain.build_compare import Reproduction
    from plimsoll.domain.image_facts import ImageFacts
    from plimsoll.domain.images import Image
    from plimsoll.domain.project import Base, Environment, Project, Service
    from plimsoll.domain.publish import Publication
    from plimsoll.ports import Reporter


@cache
def registry() -> OciRegistry:
    """Return the registries' client."""
    from plimsoll.adapters.registry import OciRegistry

    settings = wiring.project().registry
    ca = str(wiring.root() / settings.ca) if settings.ca else None
    return OciRegistry(ca=ca, private_host=settings.host)


def workshop(reporter: Reporter) -> Workshop:
    """Return what building this repository's images needs."""
    return _workshop(wiring.project(), wiring.root(), wiring.state(), reporter)


def _workshop(project: Project, root: Path, state: Path, reporter: Reporter) -> Workshop:
    from plimsoll.adapters.base_store import BaseImages
    from plimsoll.adapters.bootstrap import AptMirror
    from plimsoll.adapters.buildx import Buildx
    from plimsoll.adapters.git import Git
    from plimsoll.adapters.image_store import StateImages
    from plimsoll.adapters.work_tree import FileTree
    from plimsoll.wiring import tools

    tree, store = FileTree(root), StateImages(state / "images")
    mirror = AptMirror(wiring.cache_folder() / "debian")
    # Bases are named by what is in them, so projects and clones share them; what this machine had to take is its own affair.
    bases = BaseImages(wiring.cache_folder() / "bases", wiring.state() / "bases.json", mirror, registry)
    return Workshop(
        project=project,
        source=Git(root),
        tree=tree,
        images=store,
        bases=bases,
        mirror=mirror,
        registry=registry,
        builder=Buildx(tree, store, state / "scratch", lambda: tools.engine().facts()),
        clock=wiring.clock(),
        reporter=reporter,
    )


def services(names: Sequence[str] = ()) -> tuple[Service, ...]:
    """Return the services called `names`, all of them without one. Raise Misconfigured with a suggestion for an unknown one."""
    known = wiring.project().services
    for name in names:
        if name not in known:
            raise unknown("service", name, known, where=f"{wiring.SETTINGS_FILE}, [services]")
    return tuple(known[name] for name in dict.fromkeys(names)) if names else tuple(known.values())


def build(names: Sequence[str], reporter: Reporter) -> BuildResult:
    """Build what does not exist yet of the services called `names`."""
    result = workflow.build(services(names), workshop(reporter))
    _warn_of_old_bases(result, reporter)
    return result


def _warn_of_old_bases(result: BuildResult, reporter: Reporter) -> None:
    if any(built.origin == "built" for built in result.images.values()):
        from plimsoll.wiring import tools

        if warning := tools.bases_warning():
            reporter.warn(warning)


def preview(names: Sequence[str], reporter: Reporter) -> BuildPreview:
    """Return what `build` would do."""
    return workflow.preview(services(names), workshop(reporter))


def check_reproducible(names: Sequence[str], reporter: Reporter) -> Reproduction:
    """Build twice from two clones of the commit, with a throw-away state, and compare."""
    from plimsoll.adapters.git import Git
    from plimsoll.adapters.oci import layer_entries
    from plimsoll.workflows.reproducible import check_reproducible as check

    chosen = [service.name for service in services(names)]
    source = Git(wiring.root())
    if source.changed((".",)):
        reporter.warn("uncommitted changes are not part of this check: it builds what is committed")
    with tempfile.TemporaryDirectory(prefix="plimsoll-") as folder:
        shops = []
        # Paths of different length and depth: what leaks into an image shows.
        for place in ("a", "second/clone"):
            root = Path(folder) / place / "source"
            root.parent.mkdir(parents=True)
            source.clone(root)
            shops.append(_workshop(load(root).project, root, root.parent / "state", reporter))
        return check(chosen, (shops[0], shops[1]), entries=layer_entries, clock=wiring.clock())


def images(reporter: Reporter, names: Sequence[str] = ()) -> dict[str, Image]:
    """Return the images of the present sources, by service. Raise Misconfigured when one is not built."""
    return {name: built.image for name, built in workflow.existing(services(names), workshop(reporter)).items()}


def layout(image: Image, reporter: Reporter) -> Path:
    """Return the folder with the image's OCI layout, fetched from the registry when it is not here."""
    return workflow.layout(image, workshop(reporter))


def publish(environment: Environment | None, found: Mapping[str, Image], reporter: Reporter) -> Publication:
    """Push images that carry their verdicts, as `environment` demands it; without one the gate blocks.

    Raise EnvironmentLacks when a cluster elsewhere would get images on bases that are not the recorded ones.
    """
    from plimsoll.domain.bases import require_recorded
    from plimsoll.workflows.publish import publish as push

    shop = workshop(reporter)
    if environment is not None and environment.remote is not None:
        require_recorded(tuple(base_images.states(_used(found), tree=shop.tree, store=shop.bases).values()), environment.name)
    return push(found, shop, gated=environment is None or environment.gate == "block")


def _used(found: Mapping[str, Image]) -> tuple[Base, ...]:
    project = wiring.project()
    names = dict.fromkeys(name for service in found for name in project.services[service].bases)
    return tuple(project.bases[name] for name in names)


def bases(reporter: Reporter, *, update: bool) -> BasesReport:
    """Show the recorded state of the base images, or refresh it from the mirror first."""
    shop = workshop(reporter)
    known = wiring.project().bases
    if update:
        return base_images.update(known, tree=shop.tree, mirror=shop.mirror, clock=shop.clock, reporter=reporter)
    return base_images.report(known, tree=shop.tree, store=shop.bases, clock=shop.clock)


def facts(task: str, reporter: Reporter) -> ImageFacts:
    """Return what is known of the present images; for `exists` the registry is asked."""
    from plimsoll.domain.image_facts import ImageFacts
    from plimsoll.workflows.publish import absent

    shop = workshop(reporter)
    found = workflow.existing(services(), shop)
    budgets = {name: shop.project.services[name].budget_bytes for name in found}
    missing = absent({name: built.image for name, built in found.items()}, shop) if task == "exists" else ()
    return ImageFacts(task=task, images=found, budgets=budgets, absent=missing)
