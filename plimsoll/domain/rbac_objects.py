"""Rights as the objects that an administrator applies: Roles, and bindings to the service account that deploys."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plimsoll.domain.ledger import NAMESPACE, stem
from plimsoll.domain.project import check_name
from plimsoll.domain.rbac import RBAC_GROUP
from plimsoll.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plimsoll.domain.manifests import Manifest
    from plimsoll.domain.rbac import Right

ACCOUNT = "plimsoll-deployer"


@dataclass(frozen=True, kw_only=True)
class Account:
    """The service account that deploys."""

    name: str
    namespace: str

    @classmethod
    def parse(cls, text: str) -> Account:
        """Return the account of `NAME` (in Plimsoll's namespace) or `NAMESPACE/NAME`; raise Misconfigured for anything else."""
        namespace, slash, name = text.rpartition("/")
        try:
            return cls(name=check_name(name), namespace=check_name(namespace) if slash else NAMESPACE)
        except ValueError as error:
            raise Misconfigured(
                str(error), where="--service-account", now="write NAME or NAMESPACE/NAME", code="flags"
            ) from error


@dataclass(frozen=True, kw_only=True)
class DeployerRights:
    """What an administrator applies so that `account` may release to an environment."""

    environment: str
    account: Account
    objects: tuple[Manifest, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the JSON contract `plimsoll.kube.rbac/1`."""
        return {
            "schema": "plimsoll.kube.rbac/1",
            "environment": self.environment,
            "service_account": f"{self.account.namespace}/{self.account.name}",
            "objects": list(self.objects),
        }


def role_objects(rights: Iterable[Right], application: str, environment: str, account: Account) -> tuple[Manifest, ...]:
    """Return the objects that grant `rights` to `account`: namespaces first, so that they can be applied in this order.

    They are not marked as Plimsoll's own: a release must never remove the rights that it stands on.
    """
    by_place: dict[str, list[Right]] = defaultdict(list)
    for right in sorted(rights):
        by_place[right.namespace].append(right)
    name = f"plimsoll-{stem(application, environment)}"
    labels = {"app.kubernetes.io/part-of": application}
    places = sorted({*by_place, account.namespace} - {""})
    found: list[Manifest] = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": place}} for place in places]
    metadata = {"name": account.name, "namespace": account.namespace, "labels": labels}
    found.append({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    for place, granted in sorted(by_place.items()):
        kind = "Role" if place else "ClusterRole"
        inside: dict[str, Any] = {"name": name, **({"namespace": place} if place else {}), "labels": labels}
        found.append({"apiVersion": f"{RBAC_GROUP}/v1", "kind": kind, "metadata": inside, "rules": rules(granted)})
        found.append(
            {
                "apiVersion": f"{RBAC_GROUP}/v1",
                "kind": f"{kind}Binding",
                "metadata": inside,
                "roleRef": {"apiGroup": RBAC_GROUP, "kind": kind, "name": name},
                "subjects": [{"kind": "ServiceAccount", "name": account.name, "namespace": account.namespace}],
            }
        )
    return tuple(found)


def rules(rights: Iterable[Right]) -> list[dict[str, list[str]]]:
    """Return the rules that grant `rights` (of one namespace) and nothing else: resources with the same verbs share one."""
    names: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for right in rights:
        names[right.group, right.resource, right.verb].add(right.name)
    verbs: dict[tuple[str, str, tuple[str, ...]], list[str]] = defaultdict(list)
    for (group, resource, verb), named in sorted(names.items()):
        verbs[group, resource, tuple(sorted(named - {""}))].append(verb)
    resources: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[str]] = defaultdict(list)
    for (group, resource, only), allowed in sorted(verbs.items()):
        resources[group, only, tuple(allowed)].append(resource)
    return [
        {
            "apiGroups": [group],
            "resources": sorted(alike),
            **({"resourceNames": list(only)} if only else {}),
            "verbs": list(granted),
        }
        for (group, only, granted), alike in sorted(resources.items())
    ]
