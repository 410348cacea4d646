"""What an object still lacks to be what its specification says, in a few words: one function per kind, empty when it has arrived.

Kinds that are not named here are judged by the conditions that most controllers write (kstatus: Stalled, Reconciling, Ready); one
without conditions has nothing to wait for, unless it declares what ready means (`domain.rollout_declared`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.domain.rollout_kinds import (
    missing_api_service,
    missing_autoscaler,
    missing_budget,
    missing_claim,
    missing_cron_job,
    missing_definition,
    missing_ingress,
    missing_service,
)
from plimsoll.domain.rollout_observed import condition, group_kind
from plimsoll.domain.rollout_signs import ready

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from plimsoll.domain.rollout_declared import Declared
    from plimsoll.domain.rollout_observed import Object, Observed

UNSEEN = "its controller has not seen the change yet"
# Controllers of these always say which specification their status is about; of others a status without it counts as up to date.
SAY_SO = frozenset({"apps/Deployment", "apps/StatefulSet", "apps/DaemonSet", "policy/PodDisruptionBudget"})


def missing(live: Object, observed: Observed, declared: Declared | None) -> str:
    """Return what `live` lacks, empty when it is ready. A status about an older specification says nothing about this one."""
    if live["metadata"].get("deletionTimestamp"):
        return "it is being deleted"
    if _unseen(live):
        return UNSEEN
    if declared is not None and declared.failed is not None and declared.failed.holds(live):
        return declared.failed.told(live)
    if declared is not None and declared.ready is not None:
        return declared.ready.missing(live)
    judge = KINDS.get(group_kind(live))
    return judge(live, observed) or _behind(live, observed) if judge else _missing_conditions(live)


def _unseen(live: Object) -> bool:
    generation, status = int(live["metadata"].get("generation") or 0), live.get("status") or {}
    seen = int(status.get("observedGeneration", 0 if group_kind(live) in SAY_SO else generation))
    return seen < generation


def _behind(live: Object, observed: Observed) -> str:
    """Compare a workload's status with its pods: one that was deleted a moment ago may still be counted in it."""
    status = live.get("status") or {}
    claimed = int(status.get("availableReplicas") or status.get("numberAvailable") or 0)
    if not claimed or not observed.whole("v1/Pod"):
        return ""
    uid = str(live["metadata"]["uid"])
    owners = [uid, *(str(each["metadata"]["uid"]) for each in observed.owned(uid, "apps/v1/ReplicaSet"))]
    pods = [pod for owner in owners for pod in observed.owned(owner, "v1/Pod")]
    standing = sum(1 for pod in pods if ready(pod) and not pod["metadata"].get("deletionTimestamp"))
    return f"{standing} of {claimed} pods ready, and its controller counts more" if standing < claimed else ""


def _missing_deployment(live: Object, _observed: Observed) -> str:
    status = live.get("status") or {}
    wanted = int(live["spec"].get("replicas", 1))
    updated, everything = int(status.get("updatedReplicas", 0)), int(status.get("replicas", 0))
    available = int(status.get("availableReplicas", 0))
    if updated < wanted:
        return f"{updated} of {wanted} replicas updated"
    if everything > updated:
        return f"{_count(everything - updated, 'old replica')} still to stop"
    if available < wanted:
        return f"{available} of {wanted} replicas available{_held_back(live, wanted)}"
    return ""


def _missing_stateful_set(live: Object, _observed: Observed) -> str:
    status, spec = live.get("status") or {}, live["spec"]
    wanted = int(spec.get("replicas", 1))
    strategy = spec.get("updateStrategy") or {}
    updated, available = int(status.get("updatedReplicas", 0)), int(status.get("availableReplicas", 0))
    if strategy.get("type") != "OnDelete":
        to_update = max(wanted - int((strategy.get("rollingUpdate") or {}).get("partition") or 0), 0)
        if updated < to_update:
            return f"{updated} of {to_update} replicas updated"
    if int(status.get("replicas", 0)) > wanted:
        return f"{_count(int(status['replicas']) - wanted, 'replica')} still to stop"
    return "" if available >= wanted else f"{available} of {wanted} replicas available{_held_back(live, wanted)}"


def _missing_daemon_set(live: Object, _observed: Observed) -> str:
    status = live.get("status") or {}
    wanted = int(status.get("desiredNumberScheduled", 0))
    updated, available = int(status.get("updatedNumberScheduled", 0)), int(status.get("numberAvailable", 0))
    if updated < wanted and (live["spec"].get("updateStrategy") or {}).get("type") != "OnDelete":
        return f"{updated} of {wanted} nodes updated"
    return "" if available >= wanted else f"available on {available} of {wanted} nodes{_held_back(live, wanted)}"


def _held_back(live: Object, wanted: int) -> str:
    """Return that all are ready and have only to stay so, where that is what is missing."""
    status, seconds = live.get("status") or {}, int(live["spec"].get("minReadySeconds") or 0)
    ready_now = int(status.get("readyReplicas") or status.get("numberReady") or 0)
    return f", {ready_now} ready for less than {seconds} s" if seconds and ready_now >= wanted else ""


def _missing_job(live: Object, _observed: Observed) -> str:
    if condition(live, "Complete").get("status") == "True":
        return ""
    status, wanted = live.get("status") or {}, int(live["spec"].get("completions") or 1)
    if live["spec"].get("suspend"):
        return "it is suspended"
    failed = f", {_count(int(status['failed']), 'attempt')} failed" if status.get("failed") else ""
    return f"{int(status.get('succeeded', 0))} of {wanted} completed{failed}"


def _missing_pod(live: Object, _observed: Observed) -> str:
    phase = (live.get("status") or {}).get("phase", "Pending")
    return "" if phase == "Succeeded" or (phase == "Running" and ready(live)) else f"{phase.lower()}, not ready"


def _missing_conditions(live: Object) -> str:
    if condition(live, "Stalled").get("status") == "True":
        return "it is stalled"
    if condition(live, "Reconciling").get("status") == "True":
        return f"reconciling: {condition(live, 'Reconciling').get('message', '')}"
    for kind in ("Ready", "Available"):
        found = condition(live, kind)
        if found and _outdated(found, live):
            return UNSEEN
        if found and found.get("status") != "True":
            return f"{kind} is {found.get('status')}: {found.get('message') or found.get('reason', '')}"
    return ""


def _outdated(found: Mapping[str, object], live: Object) -> bool:
    """Tell whether a condition says that it is about an older specification."""
    about = found.get("observedGeneration")
    return isinstance(about, int) and about < int(live["metadata"].get("generation") or 0)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


KINDS: dict[str, Callable[[Object, Observed], str]] = {
    "apps/Deployment": _missing_deployment,
    "apps/StatefulSet": _missing_stateful_set,
    "apps/DaemonSet": _missing_daemon_set,
    "batch/Job": _missing_job,
    "batch/CronJob": missing_cron_job,
    "Pod": _missing_pod,
    "PersistentVolumeClaim": missing_claim,
    "Service": missing_service,
    "networking.k8s.io/Ingress": missing_ingress,
    "autoscaling/HorizontalPodAutoscaler": missing_autoscaler,
    "policy/PodDisruptionBudget": missing_budget,
    "apiextensions.k8s.io/CustomResourceDefinition": missing_definition,
    "apiregistration.k8s.io/APIService": missing_api_service,
}
