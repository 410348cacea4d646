"""Signs of trouble of one workload: what it says itself, what keeps its pods from being made, and what its pods show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.domain.failure import last_seen
from plimsoll.domain.netpol import selects
from plimsoll.domain.rollout_kinds import (
    api_service_signs,
    autoscaler_signs,
    budget_signs,
    claim_signs,
    claims_of,
    cron_job_signs,
    definition_signs,
    service_signs,
)
from plimsoll.domain.rollout_observed import applied_at, condition, group_kind
from plimsoll.domain.rollout_rules import Source, sign_of
from plimsoll.domain.rollout_signs import newest_pods, newest_replica_set, older_pods_in_the_way, pod_signs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from plimsoll.domain.rollout_declared import Declared
    from plimsoll.domain.rollout_observed import Object, Observed
    from plimsoll.domain.rollout_rules import Sign

CLAIM = "v1/PersistentVolumeClaim"


def signs(workload: Object, observed: Observed, declared: Declared | None) -> list[Sign]:
    """Return everything about `workload` that a rule might be about."""
    own = OWN_SIGNS.get(group_kind(workload), _condition_signs)
    found = [*own(workload, observed), *_creation_signs(workload, observed)]
    if workload["metadata"].get("deletionTimestamp"):
        found.append(sign_of(workload, Source.CONDITION, "Deleting", "it is being deleted"))
    if not selects_its_pods(workload):
        text = "its selector does not match the labels of its own pods"
        found.append(sign_of(workload, Source.CONDITION, "SelectorMismatch", text))
    if declared is not None and declared.failed is not None and declared.failed.holds(workload):
        found.append(sign_of(workload, Source.CONDITION, "DeclaredFailed", declared.failed.told(workload)))
    return [*found, *pod_signs(workload, observed)]


def selects_its_pods(workload: Mapping[str, object]) -> bool:
    """Tell whether the selector of a Deployment, StatefulSet or DaemonSet matches the labels of its template; true of others."""
    spec = workload.get("spec")
    if not isinstance(spec, dict) or workload["kind"] not in {"Deployment", "StatefulSet", "DaemonSet"}:
        return True
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    return "selector" not in spec or selects(spec["selector"] or {}, labels)


def _deployment_signs(deployment: Object, observed: Observed) -> Iterator[Sign]:
    if deployment["spec"].get("paused"):
        text = "it is paused; `kubectl rollout resume` lets it go on"
        yield sign_of(deployment, Source.CONDITION, "DeploymentPaused", text)
    late, newest = condition(deployment, "Progressing"), newest_replica_set(deployment, observed)
    # The message names the ReplicaSet that was late. After a rollback the old condition stays until there is progress.
    if late.get("reason") == "ProgressDeadlineExceeded" and newest and newest["metadata"]["name"] in late.get("message", ""):
        yield sign_of(deployment, Source.CONDITION, "ProgressDeadlineExceeded", str(late["message"]))


def _stateful_set_signs(stateful_set: Object, observed: Observed) -> Iterator[Sign]:
    for pod in older_pods_in_the_way(stateful_set, observed):
        text = "a pod of an older revision is not ready, and its StatefulSet replaces it only once it is; delete that pod"
        yield sign_of(pod, Source.CONDITION, "OlderPodNotReady", text)
    # A pod without a node may only wait for its claim, which knows why.
    for pod in newest_pods(stateful_set, observed):
        for name in sorted(claims_of(pod)) if condition(pod, "PodScheduled").get("status") == "False" else ():
            claim = observed.find(CLAIM, name)
            if claim is not None:
                yield from claim_signs(claim, observed)


def _job_signs(job: Object, _observed: Observed) -> Iterator[Sign]:
    # FailureTarget stands there first, while the Job still stops its pods.
    for each in (condition(job, "Failed"), condition(job, "FailureTarget")):
        if each.get("status") == "True":
            yield sign_of(job, Source.JOB, str(each.get("reason", "Failed")), str(each.get("message", "")))
            return


def _own_pod_signs(pod: Object, _observed: Observed) -> Iterator[Sign]:
    status = pod.get("status") or {}
    if status.get("phase") == "Failed":
        text = status.get("message") or status.get("reason") or "it ended with an error"
        yield sign_of(pod, Source.CONDITION, "PodFailed", str(text))


def _condition_signs(workload: Object, _observed: Observed) -> Iterator[Sign]:
    stalled = condition(workload, "Stalled")
    if stalled.get("status") == "True":
        yield sign_of(workload, Source.CONDITION, "Stalled", f"{stalled.get('reason', '')}: {stalled.get('message', '')}")


def _creation_signs(workload: Object, observed: Observed) -> Iterator[Sign]:
    """Signs that no pod can be made: a ReplicaSet says so in a condition, other controllers only in events."""
    if group_kind(workload) == "apps/Deployment":
        newest = newest_replica_set(workload, observed)
        refusal = condition(newest, "ReplicaFailure") if newest else {}
        if refusal.get("status") == "True":
            yield sign_of(workload, Source.CREATION, str(refusal.get("reason", "")), str(refusal.get("message", "")))
        return
    for event in observed.warnings(str(workload["metadata"].get("uid", ""))):
        # An event older than our last apply is about another time.
        if event.get("reason") == "FailedCreate" and last_seen(event) >= applied_at(workload):
            yield sign_of(workload, Source.CREATION, "FailedCreate", str(event.get("message", "")))


OWN_SIGNS: dict[str, Callable[[Object, Observed], Iterator[Sign]]] = {
    "apps/Deployment": _deployment_signs,
    "apps/StatefulSet": _stateful_set_signs,
    "batch/Job": _job_signs,
    "batch/CronJob": cron_job_signs,
    "Pod": _own_pod_signs,
    "PersistentVolumeClaim": claim_signs,
    "Service": service_signs,
    "autoscaling/HorizontalPodAutoscaler": autoscaler_signs,
    "policy/PodDisruptionBudget": budget_signs,
    "apiextensions.k8s.io/CustomResourceDefinition": definition_signs,
    "apiregistration.k8s.io/APIService": api_service_signs,
}
