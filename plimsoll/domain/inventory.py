"""The inventory of a release as an ApplySet: every object carries the ID of one parent object, so that any tool can list them.

`kubectl get deployments,services,... -A -l applyset.kubernetes.io/part-of=ID` shows what an environment owns. The parent is a
ConfigMap beside the ledger: it outlives the environment's own namespace. Source of names and of the ID: KEP-3659, version 1.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

from plimsoll.domain.ledger import NAMESPACE, labels, stem
from plimsoll.domain.manifests import PART_OF_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from plimsoll.domain.manifests import Manifest, Ref

ID_LABEL = "applyset.kubernetes.io/id"
TOOLING = "applyset.kubernetes.io/tooling"
KINDS = "applyset.kubernetes.io/contains-group-kinds"
NAMESPACES = "applyset.kubernetes.io/additional-namespaces"
PARENT_KIND = "v1/ConfigMap"


def inventory_id(application: str, environment: str) -> str:
    """Return the ID of an environment's inventory, computed from its parent's name, namespace, kind and (empty) group."""
    parent = f"{stem(application, environment)}.{NAMESPACE}.ConfigMap."
    digest = base64.urlsafe_b64encode(hashlib.sha256(parent.encode()).digest()).decode().rstrip("=")
    return f"applyset-{digest}-v1"


def listed(manifest: Mapping[str, Any], inventory: str) -> Manifest:
    """Return `manifest` as a member of the inventory; its pods are not touched."""
    metadata = manifest["metadata"]
    return {**manifest, "metadata": {**metadata, "labels": {**(metadata.get("labels") or {}), PART_OF_LABEL: inventory}}}


def is_listed(manifest: Mapping[str, Any]) -> bool:
    """Tell whether a live object is a member of an inventory."""
    return PART_OF_LABEL in (manifest["metadata"].get("labels") or {})


def parent(
    application: str, environment: str, members: Iterable[Ref], *, tooling: str, before: Mapping[str, Any] | None = None
) -> Manifest:
    """Return the parent object for `members`; with `before`, the parent as it is, what that one names is named too.

    While a release is under way both old and new members exist, and the parent names the kinds and namespaces of both.
    `tooling` is our name and version.
    """
    members = tuple(members)
    told = (before or {}).get("metadata", {}).get("annotations") or {}
    kinds = {_group_kind(each) for each in members} | _entries(told.get(KINDS))
    namespaces = {each.namespace for each in members if each.namespace} | _entries(told.get(NAMESPACES))
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": stem(application, environment),
            "namespace": NAMESPACE,
            "labels": {**labels(application, environment, "inventory"), ID_LABEL: inventory_id(application, environment)},
            "annotations": {
                TOOLING: tooling,
                KINDS: ",".join(sorted(kinds)),
                NAMESPACES: ",".join(sorted(namespaces - {NAMESPACE})),
            },
        },
    }


def _group_kind(each: Ref) -> str:
    group = each.api.partition("/")[0] if "/" in each.api else ""
    return f"{each.kind}.{group}" if group else each.kind


def _entries(text: str | None) -> set[str]:
    return {each for each in (text or "").split(",") if each}
