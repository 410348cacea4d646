"""The words in which policies are written: what is judged, what a breach is, and the checks that are nothing but a table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from plimsoll.domain.manifests import containers, pod_template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from plimsoll.domain.manifests import Manifest
    from plimsoll.domain.project import Environment

POD = "spec.template.spec"


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """An environment's objects and what they are judged against.

    `services` are the images that the repository builds, `secrets` the generated Secrets with their keys, `part_of` the
    project's name, `timeout` the seconds that a deploy waits.
    """

    environment: Environment
    objects: tuple[Manifest, ...]
    part_of: str
    services: frozenset[str] = frozenset()
    secrets: Mapping[str, frozenset[str]] = field(default_factory=dict)
    timeout: int = 300

    def kind(self, *kinds: str) -> tuple[Manifest, ...]:
        """Return the objects of these kinds."""
        return tuple(each for each in self.objects if each["kind"] in kinds)

    def workloads(self) -> tuple[Manifest, ...]:
        """Return the objects that make pods."""
        return tuple(each for each in self.objects if pod_template(each))

    def named(self, kind: str, name: str) -> Manifest | None:
        """Return the object of that kind and name, or None."""
        return next((each for each in self.kind(kind) if each["metadata"]["name"] == name), None)


@dataclass(frozen=True)
class Breach:
    """One place that breaks a policy: the object (None: the environment as a whole), the path of the field, and what is wrong."""

    manifest: Manifest | None
    path: str
    what: str


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A demand on an environment's objects.

    `row` says where it comes from: a row, or a point, of the table of capabilities. `remedy` is what to do about a breach.
    A policy about `sizes` holds for the overlay itself and is not asked of the components that an environment's settings add.
    """

    id: str
    row: str
    sentence: str
    remedy: str
    check: Callable[[Rendered], Iterable[Breach]]
    sizes: bool = False


def value(manifest: object, path: str) -> Any:  # noqa: ANN401 -- a field may hold anything
    """Return the field at a dotted path (`spec.ports.0.name`), or None where there is none."""
    found = manifest
    for step in path.split("."):
        if isinstance(found, dict):
            found = found.get(step)
        elif isinstance(found, list) and step.isdigit() and int(step) < len(found):
            found = found[int(step)]
        else:
            return None
    return found


def selector(manifest: Manifest) -> dict[str, str]:
    """Return the labels by which a workload, Service or disruption budget selects pods."""
    found = value(manifest, "spec.selector") or {}
    labels = found if manifest["kind"] == "Service" else found.get("matchLabels") or {}
    return dict(labels)


def pod_labels(manifest: Manifest) -> dict[str, str]:
    """Return the labels of a workload's pods."""
    return dict(value(manifest, "spec.template.metadata.labels") or {})


def component(manifest: Manifest) -> str | None:
    """Return what a workload is: `api`, `web`, `database`, ..."""
    return pod_labels(manifest).get("app.kubernetes.io/component")


def numbered_containers(manifest: Manifest) -> Iterator[tuple[str, Manifest]]:
    """Yield (path, container) of a workload's containers, init containers first."""
    for group in ("initContainers", "containers"):
        for index, container in enumerate(value(manifest, f"{POD}.{group}") or ()):
            yield f"{POD}.{group}.{index}", container


def differs(manifest: Manifest, path: str, wanted: object, *, within: str = "") -> Iterator[Breach]:
    """Yield a breach where the field at `path` (below the path `within`) is not `wanted`."""
    whole = f"{within}.{path}" if within else path
    found = value(manifest, whole)
    if found != wanted or type(found) is not type(wanted):
        yield Breach(manifest, whole, f"is not set; {wanted!r} is wanted" if found is None else f"is {found!r}, not {wanted!r}")


def fields(kinds: Iterable[str], wanted: Mapping[str, object]) -> Callable[[Rendered], Iterator[Breach]]:
    """Return a check that objects of `kinds` have these values at these paths."""
    chosen = tuple(kinds)

    def check(rendered: Rendered) -> Iterator[Breach]:
        for manifest in rendered.kind(*chosen):
            for path, each in wanted.items():
                yield from differs(manifest, path, each)

    return check


def pod_fields(wanted: Mapping[str, object]) -> Callable[[Rendered], Iterator[Breach]]:
    """Return a check that every workload's pods have these values at these paths."""

    def check(rendered: Rendered) -> Iterator[Breach]:
        for manifest in rendered.workloads():
            for path, each in wanted.items():
                yield from differs(manifest, path, each, within=POD)

    return check


def container_fields(wanted: Mapping[str, object]) -> Callable[[Rendered], Iterator[Breach]]:
    """Return a check that every container of every workload has these values at these paths."""

    def check(rendered: Rendered) -> Iterator[Breach]:
        for manifest in rendered.workloads():
            for at, _container in numbered_containers(manifest):
                for path, each in wanted.items():
                    yield from differs(manifest, path, each, within=at)

    return check


def variables(manifest: Manifest, rendered: Rendered) -> dict[str, str]:
    """Return the environment variables of a workload's containers whose values stand in the objects themselves."""
    found: dict[str, str] = {}
    for container in containers(manifest):
        for source in container.get("envFrom") or ():
            config = rendered.named("ConfigMap", value(source, "configMapRef.name") or "")
            found.update((config or {}).get("data") or {})
        found.update({each["name"]: str(each["value"]) for each in container.get("env") or () if "value" in each})
    return found
