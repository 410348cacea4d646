"""Collecting what is worth telling about a rollout that failed. Nothing that goes wrong here hides the failure itself."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from plimsoll.domain.failure import Failure, commands, events_that_matter, excerpts
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


def collect(
    workload: Ref, cause: Cause, observed: Observed, *, logs: PodLogs, environment: str, others: Sequence[Cause] = ()
) -> Failure:
    """Return the failure of `workload` for `cause`: its events, its containers' last words, commands to go on with."""
    live = observed.find(workload.path, workload.name)
    pods = _failed_pods(live, observed, cause) if live else []
    about = [*pods, *_above(live, observed)]
    return Failure(
        cause=cause,
        environment=environment,
        others=tuple(others),
        events=events_that_matter(_events(workload.namespace, about, observed, logs)),
        excerpts=excerpts(list(_said(workload.namespace, pods, logs))),
        commands=commands(cause, namespace=workload.namespace, kubectl=logs.kubectl()),
    )


def _failed_pods(live: Object, observed: Observed, cause: Cause) -> list[Object]:
    """Return some pods that are not ready, the one at fault first."""
    pods = [pod for pod in newest_pods(live, observed) if not ready(pod) and not _ended_well(pod)]
    return sorted(pods, key=lambda pod: f"Pod/{pod['metadata']['name']}" != cause.object)[:PODS]


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
        yield from found or observed.warnings(uid)


def _said(namespace: str, pods: Iterable[Object], logs: PodLogs) -> Iterator[tuple[str, str, bool, str]]:
    for pod in pods:
        name = str(pod["metadata"]["name"])
        for container, previous in _failed_containers(pod):
            with suppress(PlimsollError):
                yield name, container, previous, logs.logs(namespace, name, container, previous=previous, lines=LOG_LINES)


def _failed_containers(pod: Object) -> Iterator[tuple[str, bool]]:
    """Yield the containers that failed, with whether the run before the last restart is meant.

    A container that waits to be restarted still answers with its last run; one that runs again has its crash in the run before.
    """
    for status in (each for key in CONTAINER_LISTS for each in (pod.get("status") or {}).get(key) or ()):
        state = status.get("state") or {}
        ended = state.get("terminated") or {}
        if status.get("ready") or (ended and ended.get("exitCode") == 0):
            continue
        if state.get("running") is not None and status.get("restartCount"):
            yield str(status["name"]), True
        yield str(status["name"]), False


def _ended_well(pod: Object) -> bool:
    return bool((pod.get("status") or {}).get("phase") == "Succeeded")
