"""Collecting what is worth telling about a rollout that failed. Nothing that goes wrong here hides the failure itself."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from plimsoll.domain.failure import Failure, commands, last_seen
from plimsoll.domain.failure_evidence import events_that_matter, excerpts
from plimsoll.domain.rollout_observed import applied_at
from plimsoll.domain.rollout_signs import CONTAINER_LISTS, newest_pods, newest_replica_set, ready
from plimsoll.errors import PlimsollError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from plimsoll.domain.failure import Cause
    from plimsoll.domain.manifests import Ref
    from plimsoll.domain.rollout_observed import Object, Observed
    from plimsoll.ports import PodLogs

LOG_LINES = 12
# Replicas of one workload fail alike; more of them say nothing new, and each costs a request.
PODS = 3
# Length of an RFC 3339 time without fractions, which some reporters of events add.
WHOLE_SECONDS = 19


def collect(
    workload: Ref, cause: Cause, observed: Observed, *, logs: PodLogs, environment: str, others: Sequence[Cause] = ()
) -> Failure:
    """Return the failure of `workload` for `cause`: its events, its containers' last words, commands to go on with."""
    live = observed.find(workload.path, workload.name)
    failed = _failed_pods(live, observed, cause)
    pods = failed[:PODS]
    found = list(_events(workload.namespace, [*pods, *_above(live, observed)], observed, logs))
    # What was said about the other replicas was seen already, and counts.
    found += [event for pod in failed[PODS:] for event in observed.warnings(str(pod["metadata"]["uid"]))]
    return Failure(
        cause=cause,
        environment=environment,
        others=tuple(others),
        events=events_that_matter(found),
        excerpts=excerpts(_said(workload.namespace, pods, logs, cause)),
        commands=commands(cause, namespace=workload.namespace, kubectl=logs.kubectl()),
        failed_pods=len(failed),
    )


def _failed_pods(live: Object | None, observed: Observed, cause: Cause) -> list[Object]:
    """Return the pods that are not ready: the one at fault first, then the newest (a Job's last attempt), then by name."""
    kind, _, name = cause.object.partition("/")
    at_fault = observed.find("v1/Pod", name) if kind == "Pod" else None
    pods = [pod for pod in newest_pods(live, observed) if not ready(pod) and not _ended_well(pod)] if live else []
    others = [pod for pod in pods if at_fault is None or pod["metadata"]["uid"] != at_fault["metadata"]["uid"]]
    others.sort(key=lambda pod: str(pod["metadata"].get("creationTimestamp") or ""), reverse=True)
    # A pod of an older revision may be at fault, too: a StatefulSet waits for it.
    return [at_fault, *others] if at_fault is not None else others


def _above(live: Object | None, observed: Observed) -> Iterator[Object]:
    if live is None:
        return
    yield live
    newest = newest_replica_set(live, observed) if live["kind"] == "Deployment" else None
    if newest is not None:
        yield newest


def _events(namespace: str, about: Iterable[Object], observed: Observed, logs: PodLogs) -> Iterator[Mapping[str, Any]]:
    for each in about:
        uid = str(each["metadata"]["uid"])
        # The verdict may be older than the news of its events, so they are asked for once more.
        found: tuple[dict[str, Any], ...] = ()
        with suppress(PlimsollError):
            found = logs.events(namespace, uid)
        # An object that outlives releases still has the events of the one that failed before; they explain nothing now.
        yield from (event for event in found or observed.warnings(uid) if not _stale(event, applied_at(each)))


def _stale(event: Mapping[str, Any], applied: str) -> bool:
    """Tell whether an event is older than our change, in whole seconds; one without a time is not."""
    return last_seen(event)[:WHOLE_SECONDS] < applied[:WHOLE_SECONDS] and bool(last_seen(event))


def _said(namespace: str, pods: Iterable[Object], logs: PodLogs, cause: Cause) -> Iterator[tuple[str, str, bool, str]]:
    for pod in pods:
        name = str(pod["metadata"]["name"])
        for container, previous in _failed_containers(pod, cause):
            with suppress(PlimsollError):
                yield name, container, previous, logs.logs(namespace, name, container, previous=previous, lines=LOG_LINES)


def _failed_containers(pod: Object, cause: Cause) -> Iterator[tuple[str, bool]]:
    """Yield the containers that failed, the one at fault first, with whether the run before the last restart is meant.

    Where none ended badly, those that run and are not ready have failed. One that never ran has nothing to say. A container that
    waits to be restarted still answers with its last run; one that runs again has its crash in the run before.
    """
    waiting = [each for each in _statuses(pod) if not each.get("ready")]
    chosen = [each for each in waiting if _ended_badly(each)] or [each for each in waiting if "running" in _state(each)]
    for status in sorted(chosen, key=lambda each: each["name"] != cause.container):
        if "running" in _state(status) and status.get("restartCount"):
            yield str(status["name"]), True
        yield str(status["name"]), False


def _statuses(pod: Object) -> list[Object]:
    return [each for key in CONTAINER_LISTS for each in (pod.get("status") or {}).get(key) or ()]


def _state(status: Object) -> Object:
    return status.get("state") or {}


def _ended_badly(status: Object) -> bool:
    """Tell whether a container ended with an error, or ended at all and was started again."""
    ended = _state(status).get("terminated")
    return bool(ended and ended.get("exitCode") != 0) or bool(status.get("restartCount"))


def _ended_well(pod: Object) -> bool:
    return bool((pod.get("status") or {}).get("phase") == "Succeeded")
