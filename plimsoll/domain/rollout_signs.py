"""Signs of trouble of the pods of one workload, read from their status and from what was said about them.

Only pods of the newest revision count: a fault of a pod that the rollout is about to replace never fails the new release.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plimsoll.domain.failure import last_seen
from plimsoll.domain.rollout_observed import NODE_COMES, condition
from plimsoll.domain.rollout_rules import Source, sign_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from plimsoll.domain.rollout_observed import Object, Observed
    from plimsoll.domain.rollout_rules import Sign

REVISION = "deployment.kubernetes.io/revision"
DAEMON_GENERATION = "deprecated.daemonset.template.generation"
# Waiting for these is the ordinary course of a start.
ORDINARY = frozenset({"ContainerCreating", "PodInitializing", ""})
CONTAINER_LISTS = ("initContainerStatuses", "containerStatuses")
# How the kubelet begins what it says about a probe that failed.
READINESS, LIVENESS = "Readiness probe", "Liveness probe"


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


def held_back(pod: Mapping[str, Any]) -> bool:
    """Tell whether the pod failed before and is not ready: the kubelet puts off its next try, or the one after that."""
    status = pod.get("status") or {}
    containers = [each for key in CONTAINER_LISTS for each in status.get(key) or ()]
    waiting = [str(((each.get("state") or {}).get("waiting") or {}).get("reason", "")) for each in containers]
    return not ready(pod) and (
        any(w.endswith("BackOff") for w in waiting) or any(each.get("restartCount") for each in containers)
    )


def pod_signs(workload: Object, observed: Observed) -> list[Sign]:
    """Return everything about the workload's newest pods that a rule might be about."""
    found: list[Sign] = []
    for pod in newest_pods(workload, observed):
        restarts = _restarts_for_ever(pod)
        if not ready(pod):
            found += _unready_signs(pod, observed, restarts=restarts)
        if restarts:
            # A pod that is ready now counts as well: it may not stay so for as long as minReadySeconds.
            found += _unsteady_signs(pod, observed)
    return found


def _unready_signs(pod: Object, observed: Observed, *, restarts: bool) -> Iterator[Sign]:
    status = pod.get("status") or {}
    if status.get("phase") == "Failed" and restarts:
        yield sign_of(pod, Source.POD, str(status.get("reason") or "Failed"), str(status.get("message", "")))
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False" and scheduled.get("reason") != "SchedulingGated":
        yield _unscheduled(pod, scheduled, observed)
    elif condition(pod, "PodReadyToStartContainers").get("status") != "True" and not _started(status):
        for event in observed.warnings(str(pod["metadata"]["uid"])):
            yield sign_of(pod, Source.STARTING, str(event.get("reason", "")), str(event.get("message", "")))
    for container in (each for key in CONTAINER_LISTS for each in status.get(key) or ()):
        sign = _container_sign(pod, container, observed, restarts=restarts)
        if sign is not None:
            yield sign
    states = [each.get("state") or {} for each in status.get("containerStatuses") or ()]
    told = probe_failure(pod, observed, READINESS)
    if told and states and all("running" in state for state in states):
        yield sign_of(pod, Source.PROBE, "Unhealthy", told)


def _unscheduled(pod: Object, scheduled: Mapping[str, Any], observed: Observed) -> Sign:
    """Return that no node takes the pod; with the autoscaler's word where it brings one."""
    reason, message = str(scheduled.get("reason", "")), str(scheduled.get("message", ""))
    coming = observed.said(str(pod["metadata"]["uid"]), NODE_COMES)
    if coming is None:
        return sign_of(pod, Source.SCHEDULING, reason, message)
    return sign_of(pod, Source.SCHEDULING, str(coming["reason"]), f"{message} ({coming.get('message', '')})")


def _unsteady_signs(pod: Object, observed: Observed) -> Iterator[Sign]:
    """Yield what one look does not show: containers that were restarted while watched, readiness that came and went."""
    uid, status = str(pod["metadata"]["uid"]), pod.get("status") or {}
    for container in status.get("containerStatuses") or ():
        restarted = observed.restarts(uid, str(container.get("name", "")))
        if restarted and "running" in (container.get("state") or {}):
            ended = (container.get("lastState") or {}).get("terminated") or {}
            yield _ended_sign(pod, container, ended, observed, restarts=restarted - 1)
    if times := observed.flaps(uid):
        text = f"its readiness came and went {times} time{'' if times == 1 else 's'}"
        told = probe_failure(pod, observed, READINESS)
        yield sign_of(pod, Source.READINESS, "Unhealthy", f"{text}: {told}" if told else text, times=times)


def _container_sign(pod: Object, container: Mapping[str, Any], observed: Observed, *, restarts: bool) -> Sign | None:
    state = container.get("state") or {}
    waiting, ended = state.get("waiting") or {}, state.get("terminated")
    name, count = str(container.get("name", "")), int(container.get("restartCount") or 0)
    if waiting.get("reason") == "CrashLoopBackOff":
        ended = (container.get("lastState") or {}).get("terminated") or {}
    elif str(waiting.get("reason") or "") not in ORDINARY:
        text = str(waiting.get("message", ""))
        return sign_of(pod, Source.WAITING, str(waiting["reason"]), text, container=name, restarts=count)
    # A Job's pod, or an init container, that ended well has done its work.
    if ended is None or (ended.get("exitCode") == 0 and not waiting and not (restarts and _runs_on(pod, container))):
        return None
    if restarts:
        return _ended_sign(pod, container, ended, observed, restarts=count)
    reason, text = str(ended.get("reason") or "Error"), str(ended.get("message") or "")
    code = ended.get("exitCode")
    return sign_of(pod, Source.ATTEMPT, reason, text, container=name, restarts=count, exit_code=code)


def _ended_sign(
    pod: Object, container: Mapping[str, Any], ended: Mapping[str, Any], observed: Observed, *, restarts: int
) -> Sign:
    """Return that a container ended which should run on, and who ended it: itself, the kernel for its memory, or its probe."""
    name, reason, text = str(container.get("name", "")), str(ended.get("reason") or "Error"), str(ended.get("message") or "")
    killed = probe_failure(pod, observed, LIVENESS)
    if reason == "OOMKilled":
        limit = _memory_limit(pod, name)
        text = f"out of memory at its limit of {limit}" if limit else "the node ran out of memory"
    elif killed:
        reason, text = "Unhealthy", killed
    code = ended.get("exitCode")
    return sign_of(pod, Source.EXITED, reason, text, container=name, restarts=restarts, exit_code=code)


def probe_failure(pod: Object, observed: Observed, probe: str) -> str:
    """Return what the newest failure of a probe said (`READINESS`, `LIVENESS`), empty when none failed."""
    events = [
        event
        for event in observed.warnings(str(pod["metadata"]["uid"]))
        if event.get("reason") == "Unhealthy" and str(event.get("message", "")).startswith(probe)
    ]
    return str(max(events, key=last_seen).get("message", "")) if events else ""


def _memory_limit(pod: Object, container: str) -> str:
    for each in (pod.get("spec") or {}).get("containers") or ():
        if each.get("name") == container:
            return str(((each.get("resources") or {}).get("limits") or {}).get("memory", ""))
    return ""


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
