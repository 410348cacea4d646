"""The order in which a release is applied: what workloads need comes first, and what serves users last.

foundation   namespace, accounts and rights, configuration, policies: all of it new under a new name, or harmless to what runs
data         StatefulSets and the Services in front of them: waited for, because the migration needs them
migration    Jobs, when the schema changed
workloads    everything else: Deployments, Services, autoscalers, budgets, Ingress

Inside a wave, the annotation `plimsoll.dev/after: Kind/name[, ...]` has an object applied once others are applied, and are ready
where their kind is waited for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from plimsoll.domain.manifests import pod_template, ref
from plimsoll.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from plimsoll.domain.manifests import Manifest, Ref

NAMES = ("foundation", "data", "migration", "workloads")
FOUNDATION_KINDS = frozenset(
    {
        "Namespace",
        "CustomResourceDefinition",
        "PriorityClass",
        "ResourceQuota",
        "LimitRange",
        "ServiceAccount",
        "Role",
        "RoleBinding",
        "ClusterRole",
        "ClusterRoleBinding",
        "ConfigMap",
        "Secret",
        "NetworkPolicy",
        "StorageClass",
    }
)
# These must stand before anything else can be applied, not even in parallel with the rest of their wave.
FIRST_KINDS = frozenset({"Namespace", "CustomResourceDefinition"})
AFTER = "plimsoll.dev/after"
NAMED = re.compile(r"(?P<kind>[A-Z][A-Za-z0-9]*)/(?P<name>[a-z0-9]([-.:a-z0-9]*[a-z0-9])?)")
# What a release appends to the names of Jobs; an annotation names them as the overlay does.
JOB_SUFFIX = re.compile(r"-[0-9a-f]{10}$")


def arrange(objects: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Manifest, ...]]:
    """Return wave name -> its objects, in the order of `NAMES`."""
    stores = [labels for each in objects if each["kind"] == "StatefulSet" for labels in [_pod_labels(each)]]
    found: dict[str, list[Manifest]] = {name: [] for name in NAMES}
    for each in sorted(objects, key=ref):
        found[_wave(each, stores)].append(dict(each))
    return {name: tuple(each) for name, each in found.items()}


def steps(objects: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, tuple[Manifest, ...]]]:
    """Yield (wave, objects) in the order of applying: a wave once, or once per level of declared dependencies.

    Raise Misconfigured for an annotation that cannot be read, names what is not there or is applied later, or goes round in a
    circle.
    """
    arranged = arrange(objects)
    wave_of = {ref(each): name for name, wave in arranged.items() for each in wave}
    for name, wave in arranged.items():
        waiting = {ref(each): _dependencies(each, name, wave_of) for each in wave}
        by_ref = {ref(each): each for each in wave}
        while waiting:
            level = [each for each, others in waiting.items() if not others & waiting.keys()]
            if not level:
                raise _circle(waiting)
            yield name, tuple(by_ref[each] for each in level)
            for each in level:
                del waiting[each]


def _dependencies(manifest: Mapping[str, Any], wave: str, wave_of: Mapping[Ref, str]) -> set[Ref]:
    """Return what must stand before `manifest`, of its own wave or an earlier one."""
    text = str((manifest["metadata"].get("annotations") or {}).get(AFTER, ""))
    found: set[Ref] = set()
    for name in filter(None, (each.strip() for each in text.split(","))):
        if not NAMED.fullmatch(name):
            raise _refused(manifest, f"{name!r} is not of the form Kind/name", "write for instance Deployment/backend")
        named = {each for each in wave_of if name in {each.short, JOB_SUFFIX.sub("", each.short)}}
        if not named:
            raise _refused(manifest, f"there is no {name} in this release", "correct the name, or take the annotation out")
        if late := sorted(wave_of[each] for each in named if NAMES.index(wave_of[each]) > NAMES.index(wave)):
            what = f"{name} is applied later anyway, in the wave {late[0]!r}, and this one in {wave!r}"
            raise _refused(manifest, what, "take the annotation out: an object can only be held back inside its wave")
        found |= named
    return found


def _circle(waiting: Mapping[Ref, set[Ref]]) -> Misconfigured:
    """Return the error that names one circle of objects that wait for each other."""
    path = [min(waiting)]
    while path[-1] not in path[:-1]:
        path.append(min(waiting[path[-1]] & waiting.keys()))
    circle = path[path.index(path[-1]) :]
    return Misconfigured(
        f"these objects wait for each other: {' after '.join(each.short for each in circle)}",
        where=f"annotation {AFTER} of {circle[0].short}",
        now="take one of these annotations out",
        code="dependency-circle",
    )


def _refused(manifest: Mapping[str, Any], what: str, now: str) -> Misconfigured:
    short = ref(manifest).short
    return Misconfigured(f"{short}: {what}", where=f"annotation {AFTER} of {short}", now=now, code="dependency")


def _wave(manifest: Mapping[str, Any], stores: Sequence[Mapping[str, str]]) -> str:
    kind = manifest["kind"]
    if kind in FOUNDATION_KINDS:
        return "foundation"
    if kind == "Job":
        return "migration"
    if kind in {"StatefulSet", "PersistentVolumeClaim"}:
        return "data"
    selector = (manifest.get("spec") or {}).get("selector") or {}
    # A Service in front of a data store is how the migration finds it.
    if kind == "Service" and selector and any(selector.items() <= labels.items() for labels in stores):
        return "data"
    return "workloads"


def _pod_labels(workload: Mapping[str, Any]) -> Mapping[str, str]:
    return ((pod_template(workload) or {}).get("metadata") or {}).get("labels") or {}
