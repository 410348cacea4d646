"""The development stack: make its images, start it, wait for health; take it down again."""

from __future__ import annotations

import dataclasses
import secrets
from typing import TYPE_CHECKING

from plimsoll.domain.dev import DevDown, DevUp, Verdict, judge, published
from plimsoll.errors import EnvironmentLacks, Failed, Misconfigured
from plimsoll.workflows import bases as base_images
from plimsoll.workflows import build
from plimsoll.workflows.build_plan import plans
from plimsoll.workflows.secrets import ALPHABET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from plimsoll.domain.build import BuildPlan
    from plimsoll.domain.dev import DevSettings
    from plimsoll.ports import Clock, DevImages, DevStack, DevVariables, Reporter
    from plimsoll.workflows.build_plan import Workshop

# Seconds for the last service, after all before it are healthy: its own start period (compose.yaml) and some.
PATIENCE = 90.0
# Seconds between looks.
PACE = 0.5
# Lines of a service's log that an error shows.
TAIL = 20


def ensure_images(settings: DevSettings, shop: Workshop, store: DevImages) -> tuple[dict[str, str], tuple[str, ...]]:
    """Make the images that the engine does not have; return all by service, and the services whose images were made."""
    planned = _plans(settings, shop)
    missing = [service for service, plan in planned.items() if not store.has(store.reference(service, plan.tag))]
    whole = [service for service in missing if settings.images[service].stage is None]
    stages = {service: stage for service in missing if (stage := settings.images[service].stage) is not None}
    built = build.build([shop.project.services[service] for service in whole], shop).images if whole else {}
    states = {state.base.name: state for service in stages for state in planned[service].inputs.bases}
    _, bases = base_images.ensure(states.values(), store=shop.bases, mirror=shop.mirror, reporter=shop.reporter)
    if missing:
        # Where the mirror had moved on, bases were made of other versions than the names above tell.
        planned = _plans(settings, shop)
    names = {service: store.reference(service, plan.tag) for service, plan in planned.items()}
    for service in whole:
        with shop.reporter.step(f"loading {service} into the engine"):
            store.load(build.layout(built[service].image, shop), names[service])
    for service, stage in stages.items():
        with shop.reporter.step(f"building {service}, stage {stage}"):
            store.make(planned[service], bases, stage, names[service])
    return names, tuple(missing)


def _plans(settings: DevSettings, shop: Workshop) -> dict[str, BuildPlan]:
    services = [shop.project.services[name] for name in settings.images]
    return {plan.service.name: _own(plan, settings) for plan in plans(services, shop)}


def _own(plan: BuildPlan, settings: DevSettings) -> BuildPlan:
    inputs = settings.images[plan.service.name].inputs(plan.inputs)
    return dataclasses.replace(plan, inputs=inputs, tag=inputs.hash())


def ensure_secrets(settings: DevSettings, stack: DevStack, variables: DevVariables) -> dict[str, str]:
    """Return the stack's secrets, generated where they are missing.

    Raise Misconfigured when data is there whose password is lost.
    """
    kept = variables.variables()
    found = {name: kept[name] for name in settings.secret_variables() if name in kept}
    missing = {name: length for name, length in settings.secret_variables().items() if name not in found}
    if missing and (volumes := stack.volumes()):
        raise Misconfigured(
            f"the development stack's data is here, but not what it was locked with ({', '.join(missing)})",
            where=f"volume {', '.join(volumes)}",
            now="`inv dev.down --purge` removes the data; the next `inv dev.up` begins anew",
            code="dev-secrets",
        )
    return found | {name: "".join(secrets.choice(ALPHABET) for _ in range(length)) for name, length in missing.items()}


def up(
    settings: DevSettings,
    images: Mapping[str, str],
    *,
    stack: DevStack,
    variables: DevVariables,
    require_free: Callable[[Iterable[tuple[int, str]]], None],
    clock: Clock,
    reporter: Reporter,
) -> DevUp:
    """Start the stack, or what of it is not as it should be, and return when every service is healthy.

    Raise Failed with the log of the service that is not, EnvironmentLacks for a port that somebody else has.
    """
    started = clock.monotonic()
    own = published(stack.containers())
    require_free((port, f"[dev] ports.{name}") for name, port in settings.ports.items() if port not in own)
    variables.keep(settings.variables(images) | ensure_secrets(settings, stack, variables))
    told: set[tuple[str, str]] = set()

    def tell(service: str, what: str) -> None:
        if (service, what) not in told:
            told.add((service, what))
            reporter.detail(f"{service}: {what}")

    with reporter.step("starting the development stack"):
        try:
            stack.start(tell)
        except Failed as error:
            raise _broken(stack, error) from error
        _wait(stack, clock)
    return DevUp(containers=stack.containers(), addresses=settings.addresses(), made=(), seconds=clock.monotonic() - started)


def _wait(stack: DevStack, clock: Clock) -> None:
    deadline = clock.monotonic() + PATIENCE
    while (verdict := judge(stack.containers())) is not Verdict.READY:
        if verdict is Verdict.BROKEN or clock.monotonic() >= deadline:
            raise _broken(stack, None)
        clock.sleep(PACE)


def _broken(stack: DevStack, error: Failed | None) -> Failed:
    """Return the error that names the first service that is broken (else not ready), with the end of its log."""
    containers = stack.containers()
    guilty = [each for each in containers if each.broken] or [each for each in containers if not each.ready and error is None]
    if not guilty:
        return error or Failed("the development stack has no containers", where="inv dev.up", code="dev-stack")
    first = guilty[0]
    said = "".join(f"\n  | {line}" for _service, line in stack.lines(first.service, TAIL))
    return Failed(
        f"{first.service} does not come up ({first.word}){said}",
        where=f"development stack, service {first.service}",
        now="correct it and run `inv dev.up` again; what runs goes on. More: `inv dev.logs`",
        code="dev-stack",
    )


def down(*, purge: bool, stack: DevStack, variables: DevVariables, images: DevImages, reporter: Reporter) -> DevDown:
    """Remove the containers; with `purge` also data, secrets and images. What is not there is no error."""
    containers = tuple(f"container {each.service}" for each in stack.containers())
    volumes, names = stack.volumes(), images.names()
    with reporter.step("stopping the development stack"):
        stack.stop()
        if purge:
            stack.remove_volumes()
            variables.forget()
            images.remove(names)
    things = (*(f"volume {name}" for name in volumes), *(f"image {name}" for name in names))
    return DevDown(removed=(*containers, *things), kept=()) if purge else DevDown(removed=containers, kept=things)


def forget_old(images: DevImages, used: Mapping[str, str]) -> None:
    """Remove images that earlier sources needed."""
    images.remove([name for name in images.names() if name not in used.values()])


def require_up(stack: DevStack, service: str | None) -> None:
    """Raise EnvironmentLacks when nothing runs whose log could be shown, Misconfigured for a service that is not there."""
    known = sorted({each.service for each in stack.containers()})
    if not known:
        raise EnvironmentLacks("the development stack is down", where="inv dev.logs", now="run `inv dev.up`", code="dev-down")
    if service is not None and service not in known:
        raise Misconfigured(
            f"the development stack has no service {service!r}",
            where="--service",
            now=f"known: {', '.join(known)}",
            code="unknown-service",
        )
