"""Whether a workload has arrived, is on its way, or never will: pure verdicts over what was observed.

A verdict looks at observedGeneration first: a status that belongs to an older specification says nothing about the new one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from plimsoll.domain.failure import Cause, last_seen, plain
from plimsoll.domain.rollout_observed import condition, short
from plimsoll.domain.rollout_rules import Limits, Sign, Source, classify
from plimsoll.domain.rollout_signs import CONTAINER_LISTS, newest_pods, ready, signs
from plimsoll.domain.rollout_table import RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from plimsoll.domain.manifests import Ref
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
    "apps/v1/StatefulSet": ("v1/Pod",),
    "apps/v1/DaemonSet": ("v1/Pod",),
    "batch/v1/Job": ("v1/Pod",),
}


def watched(workloads: Iterable[Ref]) -> tuple[str, ...]:
    """Return the kinds to watch for verdicts over `workloads`: what is judged first, then its parts, then events."""
    kinds = list(dict.fromkeys(workload.path for workload in workloads))
    parts = (part for kind in kinds for part in CHILDREN.get(kind, ()))
    return tuple(dict.fromkeys((*kinds, *parts, "v1/Event")))


def verdict(
    workload: Ref,
    observed: Observed,
    *,
    now: float = 0,
    since: Mapping[str, float] | None = None,
    limits: Limits | None = None,
    rules: Sequence[Rule] = RULES,
) -> Verdict:
    """Judge a workload by what was observed of its namespace.

    `now` are seconds of any clock that does not jump, `since` maps a fault's key to when it was first seen on that clock.
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
    if _unseen(live):
        return Progressing(missing="its controller has not seen the change yet", object=name)
    missing = _missing(live)
    if not missing:
        return Ready()
    detail, culprit = _detail(live, observed)
    on_its_way = Progressing(missing=f"{missing}{detail}", object=culprit or name)
    return _judge(classify(signs(live, observed), rules), on_its_way, name, patience)


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


def _unseen(live: Object) -> bool:
    """Tell whether the status is about an older specification; kinds that do not say count as up to date."""
    metadata, status = live["metadata"], live.get("status") or {}
    generation = int(metadata.get("generation") or 0)
    if metadata.get("deletionTimestamp"):
        return False
    says_so = live["kind"] in {"Deployment", "StatefulSet", "DaemonSet"}
    seen = int(status.get("observedGeneration", 0 if says_so else generation))
    return seen < generation


def _missing(live: Object) -> str:
    """Return what a workload lacks, empty when it is ready."""
    if live["metadata"].get("deletionTimestamp"):
        return "it is being deleted"
    return MISSING.get(live["kind"], _missing_conditions)(live)


def _missing_deployment(live: Object) -> str:
    status = live.get("status") or {}
    wanted = int(live["spec"].get("replicas", 1))
    updated, everything = int(status.get("updatedReplicas", 0)), int(status.get("replicas", 0))
    available = int(status.get("availableReplicas", 0))
    if updated < wanted:
        return f"{updated} of {wanted} replicas updated"
    if everything > updated:
        return f"{_count(everything - updated, 'old replica')} still to stop"
    if available < wanted:
        return f"{available} of {wanted} replicas available"
    return ""


def _missing_stateful_set(live: Object) -> str:
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
    return "" if available >= wanted else f"{available} of {wanted} replicas available"


def _missing_daemon_set(live: Object) -> str:
    status = live.get("status") or {}
    wanted = int(status.get("desiredNumberScheduled", 0))
    updated, available = int(status.get("updatedNumberScheduled", 0)), int(status.get("numberAvailable", 0))
    if updated < wanted and (live["spec"].get("updateStrategy") or {}).get("type") != "OnDelete":
        return f"{updated} of {wanted} nodes updated"
    return "" if available >= wanted else f"available on {available} of {wanted} nodes"


def _missing_job(live: Object) -> str:
    if condition(live, "Complete").get("status") == "True":
        return ""
    status, wanted = live.get("status") or {}, int(live["spec"].get("completions") or 1)
    if live["spec"].get("suspend"):
        return "it is suspended"
    failed = f", {_count(int(status['failed']), 'attempt')} failed" if status.get("failed") else ""
    return f"{int(status.get('succeeded', 0))} of {wanted} completed{failed}"


def _missing_pod(live: Object) -> str:
    phase = (live.get("status") or {}).get("phase", "Pending")
    return "" if phase == "Succeeded" or (phase == "Running" and ready(live)) else f"{phase.lower()}, not ready"


def _missing_claim(live: Object) -> str:
    phase = (live.get("status") or {}).get("phase", "Pending")
    return "" if phase == "Bound" else f"the claim is {phase.lower()}"


def _missing_conditions(live: Object) -> str:
    """Judge any other kind by the conditions that most controllers write; one without conditions has nothing to wait for."""
    if condition(live, "Stalled").get("status") == "True":
        return "it is stalled"
    if condition(live, "Reconciling").get("status") == "True":
        return f"reconciling: {condition(live, 'Reconciling').get('message', '')}"
    for kind in ("Ready", "Available", "Established"):
        found = condition(live, kind)
        if found and found.get("status") != "True":
            return f"{kind} is {found.get('status')}: {found.get('message') or found.get('reason', '')}"
    return ""


MISSING: dict[str, Callable[[Object], str]] = {
    "Deployment": _missing_deployment,
    "StatefulSet": _missing_stateful_set,
    "DaemonSet": _missing_daemon_set,
    "Job": _missing_job,
    "Pod": _missing_pod,
    "PersistentVolumeClaim": _missing_claim,
}


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
    probes = [event for event in observed.warnings(str(pod["metadata"]["uid"])) if event.get("reason") == "Unhealthy"]
    if condition(pod, "PodScheduled").get("status") == "False":
        return "no node takes it"
    if waiting:
        return waiting
    if any(codes):
        return f"exited with code {next(filter(None, codes))}"
    return plain(str(max(probes, key=last_seen).get("message", ""))) if probes else "not ready"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
