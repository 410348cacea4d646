"""Whether a workload has arrived, is on its way, or never will: pure verdicts over what was observed.

A verdict looks at observedGeneration first: a status that belongs to an older specification says nothing about the new one.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from plimsoll.domain.failure import Cause, plain
from plimsoll.domain.rollout_declared import declared_in
from plimsoll.domain.rollout_missing import UNSEEN, missing
from plimsoll.domain.rollout_observed import condition, group_kind, short
from plimsoll.domain.rollout_rules import Limits, Sign, Source, classify
from plimsoll.domain.rollout_signs import CONTAINER_LISTS, LIVENESS, READINESS, newest_pods, probe_failure, ready
from plimsoll.domain.rollout_table import RULES
from plimsoll.domain.rollout_workloads import signs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from plimsoll.domain.manifests import Ref
    from plimsoll.domain.rollout_declared import Declared
    from plimsoll.domain.rollout_observed import Object, Observed
    from plimsoll.domain.rollout_rules import Fault, Rule


@dataclass(frozen=True, kw_only=True)
class Ready:
    """The workload is what its specification says, and serves."""


@dataclass(frozen=True, kw_only=True)
class Progressing:
    """Not there yet: `missing` says what is, `object` is the pod (or workload) that it waits for.

    `faults` are borne with; the caller remembers since when.
    """

    missing: str
    object: str = ""
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Doomed:
    """It will not get there, and why."""

    cause: Cause


Verdict = Ready | Progressing | Doomed

# What must be watched to judge a workload, besides itself and the events of its namespace.
CHILDREN = {
    "apps/v1/Deployment": ("apps/v1/ReplicaSet", "v1/Pod"),
    "apps/v1/StatefulSet": ("v1/Pod", "v1/PersistentVolumeClaim"),
    "apps/v1/DaemonSet": ("v1/Pod",),
    "batch/v1/Job": ("v1/Pod",),
    "v1/PersistentVolumeClaim": ("v1/Pod",),
}


def watched(workloads: Iterable[Ref]) -> tuple[str, ...]:
    """Return the kinds to watch for verdicts over `workloads`: what is judged first, then its parts, then events.

    Events of cluster-wide objects are not watched: they would be those of all namespaces.
    """
    wanted = tuple(workloads)
    kinds = dict.fromkeys(workload.path for workload in wanted)
    parts = (part for kind in kinds for part in CHILDREN.get(kind, ()))
    events = ("v1/Event",) if any(workload.namespace for workload in wanted) else ()
    return tuple(dict.fromkeys((*kinds, *parts, *events)))


def verdict(
    workload: Ref,
    observed: Observed,
    *,
    now: float = 0,
    since: Mapping[str, float] | None = None,
    limits: Limits | None = None,
    declared: Mapping[str, Declared] | None = None,
    rules: Sequence[Rule] = RULES,
) -> Verdict:
    """Judge a workload by what was observed of its namespace.

    `now` are seconds of any clock that does not jump, `since` maps a fault's key to when it was first seen on that clock,
    `declared` what definitions declare about their kind (group and kind, as `rollout_observed.group_kind` writes them).
    """
    name = workload.short

    def patience(fault: Fault) -> float | None:
        return fault.patience_left(now - (since or {}).get(fault.key, now), limits or Limits())

    live = observed.find(workload.path, workload.name)
    if live is None:
        if not observed.whole(workload.path):
            return Progressing(missing="not looked at yet", object=name)
        gone = "it is not in the cluster"
        sign = Sign(source=Source.CONDITION, reason="Deleted", message=gone, object=name, uid="")
        return _judge(classify([sign], rules), Progressing(missing=gone, object=name), name, patience)
    own = _declared(live, declared or {})
    lacks = missing(live, observed, own)
    if not lacks:
        return Ready()
    if lacks == UNSEEN:
        return Progressing(missing=lacks, object=name)
    detail, culprit = _detail(live, observed)
    on_its_way = Progressing(missing=f"{lacks}{detail}", object=culprit or name)
    return _judge(classify(signs(live, observed, own), rules), on_its_way, name, patience)


def _declared(live: Object, declared: Mapping[str, Declared]) -> Declared | None:
    """Return what an object declares about itself, otherwise what its definition does. What cannot be read was refused before."""
    with suppress(ValueError):
        if own := declared_in(live["metadata"].get("annotations") or {}):
            return own
    return declared.get(group_kind(live))


def _judge(
    faults: tuple[Fault, ...], otherwise: Progressing, workload: str, patience: Callable[[Fault], float | None]
) -> Verdict:
    for fault in faults:
        if patience(fault) == 0:
            return Doomed(cause=cause_of(fault, workload))
    return replace(otherwise, faults=faults)


def cause_of(fault: Fault, workload: str) -> Cause:
    """Return the cause that a fault is of `workload`, in words."""
    sign = fault.sign
    reason, message = sign.reason, plain(sign.message)
    if sign.exit_code is not None:
        times = f", {sign.restarts + 1} times" if sign.restarts else ""
        message = f"exited with code {sign.exit_code}{times}" + (f": {message}" if message else "")
        reason = "CrashLoopBackOff" if reason in {"Error", "Completed"} else reason
    return Cause(
        workload=workload,
        object=sign.object,
        reason=reason,
        message=message,
        rule=fault.rule.name,
        container=sign.container,
        exit_code=sign.exit_code,
        remedy=fault.rule.remedy,
    )


def _detail(live: Object, observed: Observed) -> tuple[str, str]:
    """Return what the first pod that is not ready is at, and that pod's name."""
    for pod in newest_pods(live, observed):
        if not ready(pod) and (pod.get("status") or {}).get("phase") != "Succeeded":
            return f" ({short(pod)}: {_at(pod, observed)})", short(pod)
    return "", ""


def _at(pod: Object, observed: Observed) -> str:
    """Return what keeps a pod from being ready, in a few words."""
    status = pod.get("status") or {}
    states = [each.get("state") or {} for key in CONTAINER_LISTS for each in status.get(key) or ()]
    waiting = next((str(state["waiting"]["reason"]) for state in states if (state.get("waiting") or {}).get("reason")), "")
    codes = [state["terminated"].get("exitCode") for state in states if state.get("terminated")]
    probed = probe_failure(pod, observed, READINESS) or probe_failure(pod, observed, LIVENESS)
    if condition(pod, "PodScheduled").get("status") == "False":
        return "no node takes it"
    if waiting:
        return waiting
    if any(codes):
        return f"exited with code {next(filter(None, codes))}"
    return plain(probed) or "not ready"
