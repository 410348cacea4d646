"""The order in which a release is applied: what workloads need comes first, and what serves users last.

foundation   namespace, accounts and rights, configuration, policies: all of it new under a new name, or harmless to what runs
data         StatefulSets and the Services in front of them: waited for, because the migration needs them
migration    Jobs, when the schema changed
workloads    everything else: Deployments, Services, autoscalers, budgets, Ingress
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plimsoll.domain.manifests import pod_template, ref

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plimsoll.domain.manifests import Manifest

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
# Kinds whose pods a release waits for. A CronJob runs later, a Job in the migration's wave.
WAITED_KINDS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job"})
# These must stand before anything else can be applied, not even in parallel with the rest of their wave.
FIRST_KINDS = frozenset({"Namespace", "CustomResourceDefinition"})


def arrange(objects: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Manifest, ...]]:
    """Return wave name -> its objects, in the order of `NAMES`."""
    stores = [labels for each in objects if each["kind"] == "StatefulSet" for labels in [_pod_labels(each)]]
    found: dict[str, list[Manifest]] = {name: [] for name in NAMES}
    for each in sorted(objects, key=ref):
        found[_wave(each, stores)].append(dict(each))
    return {name: tuple(each) for name, each in found.items()}


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
