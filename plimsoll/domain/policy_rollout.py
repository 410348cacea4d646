"""How workloads are replaced, scaled and spread, so that somebody always answers (rows 17 to 20)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.domain.policy_terms import POD, Breach, Policy, differs, fields, selector, value, variables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plimsoll.domain.manifests import Manifest
    from plimsoll.domain.policy_terms import Rendered

# Row 18 and 19: production's floor, everybody else's floor, and the ceiling.
PROTECTED_FLOOR, FLOOR, CEILING = 3, 2, 10
# The variable by which a service that drains itself is told for how many seconds.
DRAIN = "SHUTDOWN_DELAY_SECONDS"
GRACE_DEFAULT = 30  # seconds that Kubernetes grants where nothing is said


def _target(autoscaler: Manifest) -> tuple[str | None, str | None]:
    return value(autoscaler, "spec.scaleTargetRef.kind"), value(autoscaler, "spec.scaleTargetRef.name")


def _deadlines(rendered: Rendered) -> Iterator[Breach]:
    for each in rendered.kind("Deployment"):
        ready, deadline = value(each, "spec.minReadySeconds") or 0, value(each, "spec.progressDeadlineSeconds")
        if ready < 1:
            yield Breach(each, "spec.minReadySeconds", "is 0: a pod that crashes after its first answer counts as up")
        if deadline is None or not ready < deadline < rendered.timeout:
            what = f"is {deadline}, not between minReadySeconds and the {rendered.timeout} s that a deploy waits"
            yield Breach(each, "spec.progressDeadlineSeconds", what)


def _drains(rendered: Rendered) -> Iterator[Breach]:
    services = [selector(each) for each in rendered.kind("Service")]
    for each in rendered.kind("Deployment"):
        if not any(wanted and wanted.items() <= selector(each).items() for wanted in services):
            continue
        slept = value(each, f"{POD}.containers.0.lifecycle.preStop.sleep.seconds") or 0
        drained = variables(each, rendered).get(DRAIN, "0")
        delay = max(int(slept), int(drained) if drained.isdigit() else 0)
        grace = value(each, f"{POD}.terminationGracePeriodSeconds") or GRACE_DEFAULT
        if delay < 1:
            what = f"neither a preStop sleep nor {DRAIN}: requests that are still routed here would fail"
            yield Breach(each, f"{POD}.containers.0", what)
        elif grace <= delay:
            yield Breach(each, f"{POD}.terminationGracePeriodSeconds", f"is {grace} s, of which draining takes {delay} s")


def _owned_replicas(rendered: Rendered) -> Iterator[Breach]:
    owned = {_target(each) for each in rendered.kind("HorizontalPodAutoscaler")}
    for each in rendered.objects:
        if (each["kind"], each["metadata"]["name"]) in owned and value(each, "spec.replicas") is not None:
            yield Breach(each, "spec.replicas", "is set, but an autoscaler owns it: every deploy would undo its decision")


def _autoscaled(rendered: Rendered) -> Iterator[Breach]:
    autoscalers = rendered.kind("HorizontalPodAutoscaler")
    owned = {_target(each) for each in autoscalers}
    for each in rendered.kind("Deployment"):
        if ("Deployment", each["metadata"]["name"]) not in owned:
            yield Breach(each, "metadata.name", "is the target of no HorizontalPodAutoscaler")
    for each in autoscalers:
        kind, name = _target(each)
        target = rendered.named(kind or "", name or "")
        if target is None or value(each, "spec.scaleTargetRef.apiVersion") != target["apiVersion"]:
            yield Breach(each, "spec.scaleTargetRef", "names no workload of this environment by apiVersion, kind and name")


def _floor(rendered: Rendered) -> Iterator[Breach]:
    floor = PROTECTED_FLOOR if rendered.environment.protected else FLOOR
    for each in rendered.kind("HorizontalPodAutoscaler"):
        found = value(each, "spec.minReplicas") or 1
        if found < floor:
            yield Breach(each, "spec.minReplicas", f"is {found}, below {floor}")


def _thresholds(rendered: Rendered) -> Iterator[Breach]:
    for each in rendered.kind("HorizontalPodAutoscaler"):
        found = {
            value(metric, "resource.name"): value(metric, "resource.target.averageUtilization")
            for metric in value(each, "spec.metrics") or ()
        }
        for resource, wanted in (("cpu", 70), ("memory", 80)):
            if found.get(resource) != wanted:
                what = f"{resource} is scaled at {found.get(resource)} % of its request, not {wanted} %"
                yield Breach(each, "spec.metrics", what)


UP = [{"type": "Percent", "value": 100, "periodSeconds": 15}, {"type": "Pods", "value": 4, "periodSeconds": 15}]
DOWN = [{"type": "Percent", "value": 10, "periodSeconds": 60}]


def _behaviour(rendered: Rendered) -> Iterator[Breach]:
    for each in rendered.kind("HorizontalPodAutoscaler"):
        for direction, window, steps in (("scaleUp", 0, UP), ("scaleDown", 300, DOWN)):
            at = f"spec.behavior.{direction}"
            yield from differs(each, "stabilizationWindowSeconds", window, within=at)
            yield from differs(each, "policies", steps, within=at)
        yield from differs(each, "spec.behavior.scaleUp.selectPolicy", "Max")


def _budgets(rendered: Rendered) -> Iterator[Breach]:
    budgets = rendered.kind("PodDisruptionBudget")
    covered = [selector(each) for each in budgets]
    for each in rendered.kind("Deployment", "StatefulSet"):
        if selector(each) not in covered:
            yield Breach(each, "spec.selector", "has no PodDisruptionBudget with the same selector")
    for each in budgets:
        yield from differs(each, "spec.minAvailable", 1)


def _apart_by_host(rendered: Rendered) -> Iterator[Breach]:
    at = f"{POD}.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution"
    for each in rendered.kind("Deployment"):
        wanted = {
            "weight": 100,
            "podAffinityTerm": {
                "topologyKey": "kubernetes.io/hostname",
                "labelSelector": {"matchLabels": selector(each)},
            },
        }
        if wanted not in (value(each, at) or ()):
            yield Breach(each, at, "does not keep its own pods on different hosts with weight 100")


def _apart_by_zone(rendered: Rendered) -> Iterator[Breach]:
    at = f"{POD}.topologySpreadConstraints"
    for each in rendered.kind("Deployment"):
        good = [
            constraint
            for constraint in value(each, at) or ()
            if constraint.get("topologyKey") == "topology.kubernetes.io/zone"
            and constraint.get("maxSkew") == 1
            and value(constraint, "labelSelector.matchLabels") == selector(each)
        ]
        if not good:
            yield Breach(each, at, "does not spread its own pods over zones with maxSkew 1")


POLICIES = (
    Policy(
        id="rolling-update",
        row="17",
        sentence="A rollout adds one pod before it takes one away.",
        remedy="set strategy.type RollingUpdate with maxSurge 1 and maxUnavailable 0",
        check=fields(
            ["Deployment"],
            {
                "spec.strategy.type": "RollingUpdate",
                "spec.strategy.rollingUpdate.maxSurge": 1,
                "spec.strategy.rollingUpdate.maxUnavailable": 0,
            },
        ),
    ),
    Policy(
        id="rollout-deadlines",
        row="15",
        sentence="A new pod must hold out, and the cluster gives its own verdict before a deploy stops waiting.",
        remedy="set minReadySeconds to 1 or more, and progressDeadlineSeconds below the rollout's timeout",
        check=_deadlines,
    ),
    Policy(
        id="graceful-stop",
        row="17",
        sentence="A pod that serves goes on serving until nobody sends it requests any more.",
        remedy=f"add a preStop sleep or {DRAIN}, shorter than terminationGracePeriodSeconds",
        check=_drains,
    ),
    Policy(
        id="replicas-owned-once",
        row="point 11",
        sentence="Where an autoscaler decides the number of pods, no manifest does.",
        remedy="take `replicas` out; the floor is the autoscaler's minReplicas",
        check=_owned_replicas,
    ),
    Policy(
        id="autoscaled",
        row="19",
        sentence="Every Deployment is scaled by an autoscaler that names it completely.",
        remedy="add a HorizontalPodAutoscaler with apiVersion, kind and name of the Deployment",
        check=_autoscaled,
    ),
    Policy(
        id="replicas-floor",
        row="18",
        sentence="A protected environment runs at least three pods of each Deployment, any other two.",
        remedy="raise minReplicas in the overlay",
        check=_floor,
        sizes=True,
    ),
    Policy(
        id="replicas-ceiling",
        row="19",
        sentence="An autoscaler may go up to ten pods.",
        remedy="set maxReplicas to 10",
        check=fields(["HorizontalPodAutoscaler"], {"spec.maxReplicas": CEILING}),
        sizes=True,
    ),
    Policy(
        id="autoscaling-thresholds",
        row="19",
        sentence="Pods are added at 70 % of the requested CPU and 80 % of the requested memory.",
        remedy="set averageUtilization 70 for cpu and 80 for memory",
        check=_thresholds,
    ),
    Policy(
        id="autoscaling-behaviour",
        row="19",
        sentence="Scaling up is immediate, scaling down slow.",
        remedy="up: window 0, 100 % or 4 pods per 15 s, Max; down: window 300, 10 % per 60 s",
        check=_behaviour,
    ),
    Policy(
        id="disruption-budget",
        row="20",
        sentence="Maintenance never takes the last pod of a workload.",
        remedy="add a PodDisruptionBudget with minAvailable 1 and the workload's selector",
        check=_budgets,
    ),
    Policy(
        id="spread-hosts",
        row="20",
        sentence="Pods of one Deployment prefer different hosts.",
        remedy="add a preferred podAntiAffinity of weight 100 by kubernetes.io/hostname",
        check=_apart_by_host,
    ),
    Policy(
        id="spread-zones",
        row="20",
        sentence="Pods of one Deployment are spread over zones.",
        remedy="add a topologySpreadConstraint by topology.kubernetes.io/zone with maxSkew 1",
        check=_apart_by_zone,
    ),
)
