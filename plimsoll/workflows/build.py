"""Build images: decide tags from the sources, leave alone what stands already, build the rest side by side."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from plimsoll.domain.build import BuildPreview, BuildResult, check_budgets
from plimsoll.errors import EnvironmentLacks, Failed, Misconfigured, PlimsollError
from plimsoll.workflows import bases as base_images
from plimsoll.workflows.build_plan import plans

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from plimsoll.domain.bases import BaseImage, BaseState
    from plimsoll.domain.build import BuildPlan, Built
    from plimsoll.domain.images import Image
    from plimsoll.domain.project import Service
    from plimsoll.workflows.build_plan import Workshop

# Builds that run side by side: BuildKit spreads the steps of each over the processors.
AT_ONCE = 4


def standing(planned: Iterable[BuildPlan], shop: Workshop) -> dict[str, Built]:
    """Return the images that exist under their tags, on this machine or in the registry; the latter are remembered here."""
    found: dict[str, Built] = {}
    answers = True
    for each in planned:
        built = shop.images.find(each.service.name, each.tag)
        if built is None and answers:
            try:
                built = shop.registry().find(each.service.name, each.tagged)
            except (EnvironmentLacks, Misconfigured) as error:
                # Building needs no registry; a deploy will ask it again and say what is wrong.
                answers = False
                tell = shop.reporter.detail if shop.project.registry.local else shop.reporter.warn
                tell(f"{error.what}; images that it may hold are built here")
            if built is not None:
                shop.images.keep(built)
        if built is not None:
            found[each.service.name] = built
    return found


def build(services: Sequence[Service], shop: Workshop, *, cache: bool = True) -> BuildResult:
    """Build what does not exist yet, and check every size budget. Raise Failed naming services, steps or layers.

    Without `cache` everything is built, whatever exists, and every step is run.
    """
    started = shop.clock.monotonic()
    planned = plans(services, shop)
    found = standing(planned, shop) if cache else {}
    missing = [each for each in planned if each.service.name not in found]
    if missing:
        shop.builder.require()
        wanted = {state.base.name: state for each in missing for state in each.inputs.bases}
        states, images = base_images.ensure(wanted.values(), store=shop.bases, mirror=shop.mirror, reporter=shop.reporter)
        # Where the mirror had moved on, the bases are others than those that the tags were made of.
        before, missing = missing, [_with_bases(each, states, shop) for each in missing]
        found |= standing([each for each in missing if each not in before], shop) if cache else {}
        missing = [each for each in missing if each.service.name not in found]
        found |= _build_all(missing, images, shop, cache=cache)
    built = {service.name: found[service.name] for service in services}
    check_budgets(built.values(), shop.project.services)
    return BuildResult(
        images=built,
        budgets={service.name: service.budget_bytes for service in services},
        seconds=shop.clock.monotonic() - started,
    )


def _with_bases(planned: BuildPlan, states: Mapping[str, BaseState], shop: Workshop) -> BuildPlan:
    if all(states[state.base.name].key == state.key for state in planned.inputs.bases):
        return planned
    return plans((planned.service,), shop, states)[0]


def _build_all(planned: Sequence[BuildPlan], images: Mapping[str, BaseImage], shop: Workshop, *, cache: bool) -> dict[str, Built]:
    def one(each: BuildPlan) -> Built | PlimsollError:
        own = {name: images[name] for name in each.service.bases}
        try:
            with shop.reporter.step(f"building {each.service.name}"):
                return shop.builder.build(each, own, cache=cache)
        except PlimsollError as error:
            return error

    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        futures = [pool.submit(one, each) for each in planned]
        try:
            outcomes = [future.result() for future in futures]
        except BaseException:
            # An interrupt reaches this thread only; the pool would wait for builds that nobody wants any more.
            pool.shutdown(wait=False, cancel_futures=True)
            shop.builder.stop()
            raise
    failures = [outcome for outcome in outcomes if isinstance(outcome, PlimsollError)]
    if failures:
        raise _together(failures)
    return {each.image.service: each for each in outcomes if not isinstance(each, PlimsollError)}


def _together(failures: Sequence[PlimsollError]) -> PlimsollError:
    """Return one error for all that went wrong: a build that failed wins over a machine that lacks something."""
    distinct = list({str(failure): failure for failure in failures}.values())
    if len(distinct) == 1:
        return distinct[0]
    worst = next((failure for failure in distinct if isinstance(failure, Failed)), distinct[0])
    return type(worst)(
        "\n".join(failure.what for failure in distinct),
        where="; ".join(failure.where for failure in distinct),
        now=worst.now,
        code=worst.code,
    )


def preview(services: Sequence[Service], shop: Workshop) -> BuildPreview:
    """Return what `build` would do; nothing is made, built or written but the memory of what a registry holds."""
    planned = plans(services, shop)
    found = standing(planned, shop)
    states = {state.base.name: state for each in planned if each.service.name not in found for state in each.inputs.bases}
    missing = tuple(name for name, state in states.items() if not state.base.pull and shop.bases.find(state) is None)
    return BuildPreview(plans=planned, standing=found, bases=missing)


def existing(services: Sequence[Service], shop: Workshop) -> dict[str, Built]:
    """Return the images of the present sources. Raise Misconfigured naming those that are not built."""
    planned = plans(services, shop)
    found = standing(planned, shop)
    missing = [each for each in planned if each.service.name not in found]
    if missing:
        raise Misconfigured(
            f"not built from the present sources: {', '.join(each.service.name for each in missing)}",
            where="; ".join(each.tagged for each in missing),
            now="run `inv build` first",
            code="not-built",
        )
    return {service.name: found[service.name] for service in services}


def layout(image: Image, shop: Workshop) -> Path:
    """Return the folder with the image's OCI layout, fetched from the registry when this machine has only its description."""
    folder = shop.images.folder(image)
    if folder is None:
        registry = shop.registry()
        built = shop.images.find(image.service, image.tag) or registry.find(image.service, image.tagged)
        if built is None or built.image.digest != image.digest:
            raise Failed(f"there is no image {image.reference}", where=image.tagged, now="run `inv build`", code="image-missing")
        with shop.reporter.step(f"fetching {image.service} from the registry"):
            shop.images.keep(built, lambda target: registry.fetch(image, target))
        folder = shop.images.folder(image)
    if folder is None:
        raise Failed(f"the image {image.reference} could not be kept", where=image.tagged, now="run `inv build`")
    return folder
