"""Fields that the API never changes once an object exists, and the one remedy for each that loses neither data nor service.

The API server decides what it refuses; this table explains its refusal. Each row has a case in tests/cases/immutable, and a
contract test that holds them to a real API server.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plimsoll.domain.manifests import ref
from plimsoll.domain.owned_fields import owns
from plimsoll.domain.quantity import amount
from plimsoll.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Remedies, filled in with the object's `kind`, `name`, `namespace` and the `fields`.
NEW_NAME = (
    "give it a new name, in its manifest and where others name it: the new one is brought up beside the old one, "
    "which is pruned once the release is verified"
)
ORPHAN = (
    "`kubectl -n {namespace} delete statefulset {name} --cascade=orphan`, then deploy again: its pods and their data stay and "
    "are taken over; claims that exist keep their size until you change them yourself"
)
PUT_BACK = "put {fields} back as it was: under another name it would start without its data"
ONLY_GROWS = "put the old size back: a claim can grow, never shrink; for less, copy the data to a claim with a new name"
NEW_CLAIM = "put {fields} back, or copy the data to a claim with a new name: what is in this one does not move by itself"
DELETE_JOB = (
    "its name carries the hash of its spec, so somebody changed it in the cluster: once it has ended, "
    "`kubectl -n {namespace} delete job {name}`, and deploy again"
)


@dataclass(frozen=True)
class Rule:
    """`fields` (paths from the top) of `kinds` cannot change, where `when(live value, wanted value)` holds; `remedy` is safe."""

    kinds: tuple[str, ...]
    fields: tuple[str, ...]
    remedy: str
    when: Callable[[Any, Any], bool] = lambda _live, _wanted: True


def _shrinks(live: object, wanted: object) -> bool:
    try:
        return wanted is None or amount(wanted) < amount(live)
    except ValueError:
        return True


RULES = (
    Rule(("Deployment", "DaemonSet", "ReplicaSet"), ("spec.selector",), NEW_NAME),
    Rule(("StatefulSet",), ("spec.selector",), PUT_BACK),
    Rule(("StatefulSet",), ("spec.volumeClaimTemplates", "spec.serviceName", "spec.podManagementPolicy"), ORPHAN),
    Rule(
        ("Job",),
        ("spec.template", "spec.selector", "spec.completions", "spec.completionMode", "spec.podFailurePolicy"),
        DELETE_JOB,
    ),
    Rule(("Service",), ("spec.clusterIP", "spec.clusterIPs", "spec.ipFamilies"), NEW_NAME),
    Rule(("PersistentVolumeClaim",), ("spec.resources.requests.storage",), ONLY_GROWS, _shrinks),
    Rule(
        ("PersistentVolumeClaim",),
        (
            "spec.accessModes",
            "spec.storageClassName",
            "spec.volumeName",
            "spec.volumeMode",
            "spec.selector",
            "spec.dataSource",
            "spec.dataSourceRef",
        ),
        NEW_CLAIM,
    ),
    Rule(("RoleBinding", "ClusterRoleBinding"), ("roleRef",), NEW_NAME),
    Rule(("ConfigMap", "Secret"), ("data", "binaryData", "immutable", "type"), NEW_NAME),
    Rule(("StorageClass",), ("provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"), NEW_NAME),
    Rule(("PriorityClass",), ("value", "preemptionPolicy"), NEW_NAME),
    Rule(("IngressClass",), ("spec.controller",), NEW_NAME),
    Rule(("CustomResourceDefinition",), ("spec.scope", "spec.group"), PUT_BACK),
)


def explain(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> Misconfigured | None:
    """Return why the API server refuses to turn `live` into `wanted`, and the remedy; None when no rule is about it."""
    each = ref(wanted)
    for rule in RULES:
        changed = [path for path in rule.fields if each.kind in rule.kinds and _changes(rule, path, live, wanted)]
        if changed:
            fields = " and ".join(changed)
            return Misconfigured(
                f"{each.short} would change {fields}, which cannot change once the object exists",
                where=f"{each.short} in {each.namespace or 'the cluster'}",
                now=rule.remedy.format(kind=each.kind, name=each.name, namespace=each.namespace, fields=fields),
                code="immutable-field",
            )
    return None


def _changes(rule: Rule, path: str, live: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    names = path.split(".")
    before, after = _at(live, names), _at(wanted, names)
    # What a manifest does not say stays as the server filled it in, unless an earlier apply of ours said it.
    differs = owns(live, *names) if after is None else _differs(before, after)
    return differs and rule.when(before, after)


def _at(manifest: Mapping[str, Any], names: list[str]) -> Any:  # noqa: ANN401 -- any JSON value
    here: Any = manifest
    for name in names:
        here = here.get(name) if isinstance(here, dict) else None
    return here


def _differs(before: object, after: object) -> bool:
    """Tell whether `after` says something else than `before`; what only `before` has are the server's defaults."""
    if isinstance(after, dict) and isinstance(before, dict):
        return any(_differs(before.get(key), each) for key, each in after.items())
    if isinstance(after, list) and isinstance(before, list):
        return len(before) != len(after) or any(_differs(old, new) for old, new in zip(before, after, strict=True))
    if before == after:
        return False
    try:
        return amount(before) != amount(after)
    except ValueError:
        return True
