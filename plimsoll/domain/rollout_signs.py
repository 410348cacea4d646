"""Signs of trouble of one workload, read from its newest pods and its own status.

Only pods of the newest revision count: a fault of a pod that the rollout is about to replace never fails the new release.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plimsoll.domain.failure import last_seen
from plimsoll.domain.rollout_observed import condition, short
from plimsoll.domain.rollout_rules import Sign, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from plimsoll.domain.rollout_observed import Object, Observed

REVISION = "deployment.kubernetes.io/revision"
DAEMON_GENERATION = "deprecated.daemonset.template.generation"
# Waiting for these is the ordinary course of a start.
ORDINARY = frozenset({"ContainerCreating", "PodInitializing", ""})
MANAGER = "plimsoll"
CONTAINER_LISTS = ("initContainerStatuses", "containerStatuses")


def newest_replica_set(deployment: Object, observed: Observed) -> Object | None:
    """Return the ReplicaSet of the Deployment's newest revision, or None while it was not seen."""
    revision = (deployment["metadata"].get("annotations") or {}).get(REVISION)
    for each in observed.owned(str(deployment["metadata"]["uid"]), "apps/v1/ReplicaSet"):
        if revision and (each["metadata"].get("annotations") or {}).get(REVISION) == revision:
            return each
    return None


def newest_pods(workload: Object, observed: Observed) -> list[Object]:
    """Return the pods of a workload's newest revision that are not on their way out, by name."""
    uid, kind = str(workload["metadata"]["uid"]), workload["kind"]
    if kind == "Pod":
        return [workload]
    if kind == "Deployment":
        newest = newest_replica_set(workload, observed)
        pods = observed.owned(str(newest["metadata"]["uid"]), "v1/Pod") if newest else []
    else:
        pods = [pod for pod in observed.owned(uid, "v1/Pod") if _is_newest(pod, workload)]
    staying = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
    return sorted(staying, key=lambda pod: str(pod["metadata"]["name"]))


def older_pods_in_the_way(stateful_set: Object, observed: Observed) -> list[Object]:
    """Return the pods of an older revision that are not ready: with ordered pods the controller waits for them for ever."""
    if (stateful_set.get("spec") or {}).get("podManagementPolicy") == "Parallel":
        return []
    pods = observed.owned(str(stateful_set["metadata"]["uid"]), "v1/Pod")
    return [
        pod
        for pod in pods
        if not _is_newest(pod, stateful_set) and not ready(pod) and not pod["metadata"].get("deletionTimestamp")
    ]


def ready(pod: Mapping[str, Any]) -> bool:
    """Tell whether the pod is ready to serve."""
    return condition(pod, "Ready").get("status") == "True"


def backing_off(pod: Mapping[str, Any]) -> bool:
    """Tell whether the kubelet has put off its next try: a container crashed again and again, or an image did not come."""
    states = [
        (each.get("state") or {}, int(each.get("restartCount") or 0))
        for key in CONTAINER_LISTS
        for each in (pod.get("status") or {}).get(key) or ()
    ]
    waiting = any(str((state.get("waiting") or {}).get("reason", "")).endswith("BackOff") for state, _restarts in states)
    return not ready(pod) and (waiting or any("terminated" in state and restarts for state, restarts in states))


def signs(workload: Object, observed: Observed) -> list[Sign]:
    """Return everything about `workload` that a rule might be about."""
    found = [*OWN_SIGNS.get(workload["kind"], _stalled_signs)(workload, observed), *_creation_signs(workload, observed)]
    if workload["metadata"].get("deletionTimestamp"):
        found.append(_about(workload, Source.CONDITION, "Deleting", "it is being deleted"))
    for pod in newest_pods(workload, observed):
        if not ready(pod):
            found += _pod_signs(pod, observed, restarts=_restarts_for_ever(pod))
    return found


def _deployment_signs(deployment: Object, observed: Observed) -> Iterator[Sign]:
    if deployment["spec"].get("paused"):
        text = "it is paused; `kubectl rollout resume` lets it go on"
        yield _about(deployment, Source.CONDITION, "DeploymentPaused", text)
    late, newest = condition(deployment, "Progressing"), newest_replica_set(deployment, observed)
    # The message names the ReplicaSet that was late. After a rollback the old condition stays until there is progress.
    if late.get("reason") == "ProgressDeadlineExceeded" and newest and newest["metadata"]["name"] in late.get("message", ""):
        yield _about(deployment, Source.CONDITION, "ProgressDeadlineExceeded", str(late["message"]))


def _stateful_set_signs(stateful_set: Object, observed: Observed) -> Iterator[Sign]:
    for pod in older_pods_in_the_way(stateful_set, observed):
        text = "a pod of an older revision is not ready, and its StatefulSet replaces it only once it is; delete that pod"
        yield _about(pod, Source.CONDITION, "OlderPodNotReady", text)


def _job_signs(job: Object, _observed: Observed) -> Iterator[Sign]:
    # FailureTarget stands there first, while the Job still stops its pods.
    for each in (condition(job, "Failed"), condition(job, "FailureTarget")):
        if each.get("status") == "True":
            yield _about(job, Source.JOB, str(each.get("reason", "Failed")), str(each.get("message", "")))
            return


def _own_pod_signs(pod: Object, _observed: Observed) -> Iterator[Sign]:
    status = pod.get("status") or {}
    if status.get("phase") == "Failed":
        text = status.get("message") or status.get("reason") or "it ended with an error"
        yield _about(pod, Source.CONDITION, "PodFailed", str(text))


def _claim_signs(claim: Object, observed: Observed) -> Iterator[Sign]:
    if (claim.get("status") or {}).get("phase") == "Lost":
        yield _about(claim, Source.CLAIM, "Lost", "the volume behind it is gone")
    for event in observed.warnings(str(claim["metadata"].get("uid", ""))):
        if event.get("reason") == "ProvisioningFailed":
            yield _about(claim, Source.CLAIM, "ProvisioningFailed", str(event.get("message", "")))


def _stalled_signs(workload: Object, _observed: Observed) -> Iterator[Sign]:
    stalled = condition(workload, "Stalled")
    if stalled.get("status") == "True":
        yield _about(workload, Source.CONDITION, "Stalled", f"{stalled.get('reason', '')}: {stalled.get('message', '')}")


OWN_SIGNS: dict[str, Callable[[Object, Observed], Iterator[Sign]]] = {
    "Deployment": _deployment_signs,
    "StatefulSet": _stateful_set_signs,
    "Job": _job_signs,
    "Pod": _own_pod_signs,
    "PersistentVolumeClaim": _claim_signs,
}


def _creation_signs(workload: Object, observed: Observed) -> Iterator[Sign]:
    """Signs that no pod can be made: a ReplicaSet says so in a condition, other controllers only in events."""
    if workload["kind"] == "Deployment":
        newest = newest_replica_set(workload, observed)
        refusal = condition(newest, "ReplicaFailure") if newest else {}
        if refusal.get("status") == "True":
            yield _about(workload, Source.CREATION, str(refusal.get("reason", "")), str(refusal.get("message", "")))
        return
    for event in observed.warnings(str(workload["metadata"].get("uid", ""))):
        # An event older than our last apply is about another time.
        if event.get("reason") == "FailedCreate" and last_seen(event) >= _applied_at(workload):
            yield _about(workload, Source.CREATION, "FailedCreate", str(event.get("message", "")))


def _pod_signs(pod: Object, observed: Observed, *, restarts: bool) -> Iterator[Sign]:
    status = pod.get("status") or {}
    if status.get("phase") == "Failed" and restarts:
        yield _about(pod, Source.POD, str(status.get("reason") or "Failed"), str(status.get("message", "")))
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False" and scheduled.get("reason") != "SchedulingGated":
        yield _about(pod, Source.SCHEDULING, str(scheduled.get("reason", "")), str(scheduled.get("message", "")))
    elif condition(pod, "PodReadyToStartContainers").get("status") != "True" and not _started(status):
        for event in observed.warnings(str(pod["metadata"]["uid"])):
            yield _about(pod, Source.STARTING, str(event.get("reason", "")), str(event.get("message", "")))
    for container in (each for key in CONTAINER_LISTS for each in status.get(key) or ()):
        sign = _container_sign(pod, container, restarts=restarts)
        if sign is not None:
            yield sign


def _container_sign(pod: Object, container: Mapping[str, Any], *, restarts: bool) -> Sign | None:
    state = container.get("state") or {}
    waiting, ended = state.get("waiting") or {}, state.get("terminated")
    if waiting.get("reason") == "CrashLoopBackOff":
        ended = (container.get("lastState") or {}).get("terminated") or {}
    elif str(waiting.get("reason") or "") not in ORDINARY:
        return _about(pod, Source.WAITING, str(waiting["reason"]), str(waiting.get("message", "")), container=container)
    # A Job's pod, or an init container, that ended well has done its work.
    if ended is None or (ended.get("exitCode") == 0 and not waiting and not (restarts and _runs_on(pod, container))):
        return None
    reason = str(ended.get("reason") or "Error")
    return _about(
        pod,
        Source.EXITED if restarts else Source.ATTEMPT,
        reason,
        str(ended.get("message") or ""),
        container=container,
        ended=ended,
    )


def _about(
    seen: Object,
    source: Source,
    reason: str,
    message: str,
    *,
    container: Mapping[str, Any] | None = None,
    ended: Mapping[str, Any] | None = None,
) -> Sign:
    return Sign(
        source=source,
        reason=reason,
        message=" ".join(message.split()),
        object=short(seen),
        uid=str(seen["metadata"].get("uid", "")),
        container=str((container or {}).get("name", "")),
        restarts=int((container or {}).get("restartCount", 0)),
        exit_code=(ended or {}).get("exitCode"),
    )


def _is_newest(pod: Object, workload: Object) -> bool:
    labels, status = pod["metadata"].get("labels") or {}, workload.get("status") or {}
    if workload["kind"] == "StatefulSet":
        return bool(labels.get("controller-revision-hash") == status.get("updateRevision"))
    if workload["kind"] == "DaemonSet":
        generation = (workload["metadata"].get("annotations") or {}).get(DAEMON_GENERATION)
        return generation is None or bool(labels.get("pod-template-generation") == generation)
    return True


def _restarts_for_ever(pod: Object) -> bool:
    return bool((pod.get("spec") or {}).get("restartPolicy", "Always") == "Always")


def _runs_on(pod: Object, container: Mapping[str, Any]) -> bool:
    return any(each.get("name") == container.get("name") for each in (pod.get("spec") or {}).get("containers") or ())


def _started(status: Mapping[str, Any]) -> bool:
    """Tell whether any container got past its volumes and the network."""
    every = [each for key in CONTAINER_LISTS for each in status.get(key) or ()]
    return any(
        (each.get("state") or {}).get("waiting", {}).get("reason", "") not in ORDINARY
        or "waiting" not in (each.get("state") or {})
        for each in every
    )


def _applied_at(workload: Object) -> str:
    """Return when our last change reached the API server, by its own clock (RFC 3339, whole seconds); empty when never."""
    times = [
        str(each.get("time", ""))
        for each in workload["metadata"].get("managedFields") or ()
        if each.get("manager") == MANAGER and each.get("operation") == "Apply" and not each.get("subresource")
    ]
    return max(times, default="")
