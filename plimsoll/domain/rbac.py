"""What whoever deploys must be allowed to do, and nothing else: derived from what an environment renders.

Each right stands beside what needs it. A test holds them to the requests that deploys, rollbacks and looks at them really make.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from plimsoll.domain.ledger import NAMESPACE, stem
from plimsoll.domain.manifests import Ref
from plimsoll.domain.pruning import DATA_KINDS
from plimsoll.domain.rollout import watched
from plimsoll.domain.rollout_limits import is_custom, waited
from plimsoll.domain.rollout_observed import group_kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from plimsoll.domain.ledger import History
    from plimsoll.domain.project import Environment

# Kinds of the Kubernetes API itself that are in no namespace and that an overlay may hold.
CLUSTER_WIDE = frozenset(
    {
        "APIService", "CSIDriver", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "IngressClass",
        "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding", "MutatingWebhookConfiguration", "Namespace", "Node",
        "PersistentVolume", "PriorityClass", "RuntimeClass", "StorageClass", "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration", "VolumeAttributesClass",
    }
)  # fmt: skip
RBAC_GROUP = "rbac.authorization.k8s.io"
# Whose pods are freed when they stand in the way of a rollout (workflows/stuck_pods.py).
RESTARTING = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
DEFINITIONS = ("apiextensions.k8s.io", "customresourcedefinitions")


@dataclass(frozen=True, order=True)
class Right:
    """One verb on one resource (`pods`, `pods/log`) of an API group. No namespace is the whole cluster, no name is any."""

    namespace: str
    group: str
    resource: str
    verb: str
    name: str = ""

    def covers(self, other: Right) -> bool:
        """Tell whether whoever has this right has the other one."""
        same = (self.group, self.resource, self.verb) == (other.group, other.resource, other.verb)
        return same and self.namespace in {"", other.namespace} and self.name in {"", other.name}

    def __str__(self) -> str:
        """Return the right in words, as an API server says that it is missing."""
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.verb} {resource}{f' {self.name!r}' if self.name else ''} " + (
            f"in the namespace {self.namespace}" if self.namespace else "in the whole cluster"
        )


@dataclass(frozen=True, kw_only=True)
class Resource:
    """Where the objects of a kind are found: API group, plural, and the namespace of one of them."""

    group: str
    plural: str
    namespace: str

    def rights(self, verbs: str, *names: str) -> Iterator[Right]:
        """Yield the rights for `verbs` (a list in words), on all objects or on those named."""
        for verb in verbs.split():
            for name in names or ("",):
                yield Right(self.namespace, self.group, self.plural, verb, name)


def needed(
    objects: Sequence[Mapping[str, Any]], *, application: str, environment: Environment, secrets: Iterable[str] = ()
) -> frozenset[Right]:
    """Return all rights that releasing `objects` (as rendered) to the environment takes, rollback and looking at it included."""
    names = plurals(objects)
    found = {*_ledger(application, environment), *_around(environment)}
    for each in objects:
        found.update(_released(each, environment, names))
    found.update(_handed_out(objects, environment))
    found.update(_watched(objects, environment, names))
    found.update(_secrets(environment, secrets))
    if any(is_custom(group_kind(each)) for each in objects):
        # When a custom resource is ready, its definition may say.
        found.add(Right("", *DEFINITIONS, "list"))
    return frozenset(right for right in found if not any(other.covers(right) for other in found - {right}))


def recorded(history: History) -> tuple[dict[str, Any], ...]:
    """Return what earlier releases applied, by identity alone: it is looked for, may be brought back, and is removed some day."""
    found = {Ref.parse(each) for release in history.releases for each in release.inventory}
    return tuple(
        {"apiVersion": each.api, "kind": each.kind, "metadata": {"name": each.name, "namespace": each.namespace}}
        for each in sorted(found)
    )


def plurals(objects: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], tuple[str, bool]]:
    """Return (group, kind) -> (plural, namespaced) of what the definitions among `objects` define."""
    return {
        (each["spec"]["group"], each["spec"]["names"]["kind"]): (
            str(each["spec"]["names"]["plural"]),
            each["spec"].get("scope") != "Cluster",
        )
        for each in objects
        if each["kind"] == "CustomResourceDefinition" and "spec" in each
    }


def plural_of(kind: str) -> str:
    """Return the plural of a kind, by the rule that the Kubernetes API itself follows."""
    word = kind.lower()
    if word == "endpoints":
        return word
    if word.endswith("s"):
        return f"{word}es"
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"


def _resource(api: str, kind: str, namespace: str, names: Mapping[tuple[str, str], tuple[str, bool]]) -> Resource:
    group = api.rpartition("/")[0]
    plural, namespaced = names.get((group, kind), (plural_of(kind), kind not in CLUSTER_WIDE))
    return Resource(group=group, plural=plural, namespace=namespace if namespaced else "")


def _ledger(application: str, environment: Environment) -> Iterator[Right]:
    """Yield what lock, hold and records take, in Plimsoll's own namespace."""
    lock = stem(application, environment.name)
    leases = Resource(group="coordination.k8s.io", plural="leases", namespace=NAMESPACE)
    maps = Resource(group="", plural="configmaps", namespace=NAMESPACE)
    yield from leases.rights("create")
    yield from leases.rights("get update", lock)
    # Records are numbered, so that no names can be given; patch is for the inventory, whose name is the lock's.
    yield from maps.rights("get list create update delete")
    yield from maps.rights("patch", lock)


def _around(environment: Environment) -> Iterator[Right]:
    """Yield what is looked at besides the objects of a release."""
    namespaces = Resource(group="", plural="namespaces", namespace="")
    # By its UID the guard recognises the cluster.
    yield from namespaces.rights("get", "kube-system", NAMESPACE, environment.namespace)
    # A request to create names no object, so that no names can be given.
    yield from namespaces.rights("create")
    yield from namespaces.rights("patch", environment.namespace)
    pods = Resource(group="", plural="pods", namespace=environment.namespace)
    yield from pods.rights("list watch")
    yield from Resource(group="", plural="pods/log", namespace=environment.namespace).rights("get")
    yield from Resource(group="", plural="events", namespace=environment.namespace).rights("list")
    yield from Resource(group="discovery.k8s.io", plural="endpointslices", namespace=environment.namespace).rights("list")
    if environment.address is None:
        # The smoke test asks through the API server, where no address leads to the environment.
        yield from Resource(group="", plural="services", namespace=environment.namespace).rights("list")
        yield from Resource(group="", plural="services/proxy", namespace=environment.namespace).rights("get")


def _released(
    manifest: Mapping[str, Any], environment: Environment, names: Mapping[tuple[str, str], tuple[str, bool]]
) -> Iterator[Right]:
    """Yield what applying, comparing and pruning objects of this kind takes."""
    api, kind, metadata = manifest["apiVersion"], manifest["kind"], manifest["metadata"]
    place = _resource(api, kind, _place(manifest, environment), names)
    if kind == "Namespace":
        yield from place.rights("get patch", metadata["name"])
        yield from place.rights("create")
        return
    # What holds data is removed with --allow-data-loss only, for which somebody grants more for the time being.
    verbs = "get patch" if kind in DATA_KINDS else "get patch delete"
    if place.namespace:
        # Names change with their content or come and go with releases, so that no names can be given.
        yield from place.rights(f"list create {verbs}")
    else:
        yield from place.rights(verbs, metadata["name"])
        yield from place.rights("create")
    if kind in RESTARTING:
        yield from Resource(group="", plural="pods", namespace=place.namespace).rights("delete")


def _watched(
    objects: Sequence[Mapping[str, Any]], environment: Environment, names: Mapping[tuple[str, str], tuple[str, bool]]
) -> Iterator[Right]:
    """Yield what waiting for a release takes: the kinds that are judged, and what they are judged by."""
    for each in filter(waited, objects):
        api, kind, metadata = each["apiVersion"], each["kind"], each["metadata"]
        place = _resource(api, kind, _place(each, environment), names)
        for path in watched([Ref(api, kind, place.namespace, metadata["name"])]):
            part_api, _, part = path.rpartition("/")
            yield from _resource(part_api, part, place.namespace, names).rights("list watch")


def _secrets(environment: Environment, secrets: Iterable[str]) -> Iterator[Right]:
    """Yield what generating values takes; to read them is to hide them in what programs print."""
    place = Resource(group="", plural="secrets", namespace=environment.namespace)
    for name in secrets:
        yield from place.rights("get update", name)
        yield from place.rights("create")


def _handed_out(objects: Sequence[Mapping[str, Any]], environment: Environment) -> Iterator[Right]:
    """Yield what the Roles of a release grant, and what binding others takes: nobody may hand out more than is theirs."""
    roles = [each for each in objects if each["kind"] in {"Role", "ClusterRole"}]
    own = {(each["kind"], each["metadata"]["name"]) for each in roles}
    for each in roles:
        place = _place(each, environment) if each["kind"] == "Role" else ""
        for rule in each.get("rules") or ():
            for group, resource in product(rule.get("apiGroups") or (), rule.get("resources") or ()):
                verbs, named = " ".join(rule.get("verbs") or ()), rule.get("resourceNames") or ()
                yield from Resource(group=group, plural=resource, namespace=place).rights(verbs, *named)
    for each in objects:
        if each["kind"] not in {"RoleBinding", "ClusterRoleBinding"}:
            continue
        role = each["roleRef"]
        if (role["kind"], role["name"]) not in own:
            place = _place(each, environment) if each["kind"] == "RoleBinding" else ""
            yield Right(place, RBAC_GROUP, plural_of(role["kind"]), "bind", role["name"])


def _place(manifest: Mapping[str, Any], environment: Environment) -> str:
    return str(manifest["metadata"].get("namespace") or environment.namespace)
