"""Kinds that make no pods of their own: what each lacks until it does its work, and what says that it never will.

Of a Service that is no load balancer, a budget, a CronJob or an autoscaler nothing is waited for; they are looked at because they
can be wrong, and say so in their status. Whether an Ingress gets an address depends on the controller of its class: it is waited
for where another Ingress of that class has one, or where `plimsoll.dev/wait: "true"` says that it will.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from plimsoll.domain.failure import last_seen
from plimsoll.domain.rollout_observed import CLAIM_WAITS, applied_at, condition, kind_of, short
from plimsoll.domain.rollout_rules import Source, sign_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plimsoll.domain.rollout_observed import Object, Observed
    from plimsoll.domain.rollout_rules import Sign

WAIT = "plimsoll.dev/wait"
INGRESS_CLASS = "kubernetes.io/ingress.class"
# The CronJob controller's words for a schedule that it cannot follow.
NO_SCHEDULE = frozenset({"UnknownTimeZone", "UnparseableSchedule", "InvalidSchedule"})
# Metrics that are not served (yet): the cache fills a minute after a pod starts, and small clusters do without.
METRICS_TO_COME = re.compile(
    r"no metrics returned|did not receive metrics|unable to fetch metrics|unable to handle the request"
    r"|could not find the requested resource",
    re.IGNORECASE,
)


def missing_cron_job(cron_job: Object, observed: Observed) -> str:
    """Return why its schedule cannot be followed; nothing else is waited for, for it runs later."""
    return next((sign.message for sign in cron_job_signs(cron_job, observed)), "")


def cron_job_signs(cron_job: Object, observed: Observed) -> Iterator[Sign]:
    """Yield what its controller said about its schedule."""
    for event in observed.warnings(str(cron_job["metadata"]["uid"])):
        if event.get("reason") in NO_SCHEDULE and last_seen(event) >= applied_at(cron_job):
            yield sign_of(cron_job, Source.CONDITION, str(event["reason"]), str(event.get("message", "")))


def missing_service(service: Object, _observed: Observed) -> str:
    """Return that a load balancer has no address yet."""
    if service["spec"].get("type") != "LoadBalancer" or _addresses(service):
        return ""
    return "its load balancer has no address yet"


def service_signs(service: Object, observed: Observed) -> Iterator[Sign]:
    """Yield why the load balancer cannot be made."""
    for event in observed.warnings(str(service["metadata"]["uid"])):
        if event.get("reason") == "SyncLoadBalancerFailed" and last_seen(event) >= applied_at(service):
            yield sign_of(service, Source.CONDITION, "SyncLoadBalancerFailed", str(event.get("message", "")))


def missing_ingress(ingress: Object, observed: Observed) -> str:
    """Return that its controller gave no address yet, where it is known to give one."""
    if _addresses(ingress):
        return ""
    name = _class_of(ingress)
    peers = (each for each in observed.every(kind_of(ingress)) if _class_of(each) == name)
    if (ingress["metadata"].get("annotations") or {}).get(WAIT) == "true" or any(map(_addresses, peers)):
        return f"no address yet from the controller of {f'class {name}' if name else 'the default class'}"
    return ""


def missing_autoscaler(autoscaler: Object, observed: Observed) -> str:
    """Return why it cannot scale; metrics that are only to come are not waited for."""
    return next((f"{sign.reason}: {sign.message}" for sign in autoscaler_signs(autoscaler, observed)), "")


def autoscaler_signs(autoscaler: Object, _observed: Observed) -> Iterator[Sign]:
    """Yield what keeps it from scaling for good."""
    for kind in ("AbleToScale", "ScalingActive"):
        found = condition(autoscaler, kind)
        reason, message = str(found.get("reason", "")), str(found.get("message", ""))
        # ScalingDisabled: somebody scaled the workload to zero on purpose. Backoff...: it has just scaled (older clusters).
        meant = reason == "ScalingDisabled" or reason.startswith("Backoff")
        if found.get("status") == "False" and not meant and not METRICS_TO_COME.search(message):
            yield sign_of(autoscaler, Source.SCALING, reason, message)


def missing_budget(budget: Object, observed: Observed) -> str:
    """Return why it protects nothing. That it allows no disruption now is no fault: one replica of one may not go."""
    return next((sign.message for sign in budget_signs(budget, observed)), "")


def budget_signs(budget: Object, _observed: Observed) -> Iterator[Sign]:
    """Yield why its controller cannot tell which pods it is about."""
    found = condition(budget, "DisruptionAllowed")
    if found.get("status") == "False" and found.get("reason") == "SyncFailed":
        yield sign_of(budget, Source.CONDITION, "SyncFailed", str(found.get("message", "")))


def missing_definition(definition: Object, _observed: Observed) -> str:
    """Return that its kind is not served yet."""
    if condition(definition, "NamesAccepted").get("status") == "False":
        return "its names are not accepted"
    return "" if condition(definition, "Established").get("status") == "True" else "its kind is not served yet"


def definition_signs(definition: Object, _observed: Observed) -> Iterator[Sign]:
    """Yield that another definition has its names."""
    found = condition(definition, "NamesAccepted")
    if found.get("status") == "False":
        yield sign_of(definition, Source.CONDITION, "NamesNotAccepted", f"{found.get('reason')}: {found.get('message')}")


def missing_api_service(api_service: Object, _observed: Observed) -> str:
    """Return why its API does not answer yet."""
    found = condition(api_service, "Available")
    if found.get("status") == "True":
        return ""
    return f"its API is not available: {found.get('message') or found.get('reason') or 'nobody has looked yet'}"


def api_service_signs(api_service: Object, _observed: Observed) -> Iterator[Sign]:
    """Yield that it names a Service that is not there. One whose pods are not up yet is only on its way."""
    found = condition(api_service, "Available")
    if found.get("status") == "False" and found.get("reason") in {"ServiceNotFound", "ServicePortError"}:
        yield sign_of(api_service, Source.CONDITION, str(found["reason"]), str(found.get("message", "")))


def missing_claim(claim: Object, observed: Observed) -> str:
    """Return that it has no volume; a claim that waits for its first pod has nothing to wait for while no pod uses it."""
    phase = str((claim.get("status") or {}).get("phase", "Pending"))
    if phase == "Bound":
        return ""
    users = [short(pod) for pod in observed.every("v1/Pod") if str(claim["metadata"]["name"]) in claims_of(pod)]
    waits = observed.said(str(claim["metadata"]["uid"]), CLAIM_WAITS)
    if phase == "Pending" and waits and waits.get("reason") == "WaitForFirstConsumer" and not users:
        return ""
    return f"the claim is {phase.lower()}" + (f", for {users[0]}" if users else "")


def claim_signs(claim: Object, observed: Observed) -> Iterator[Sign]:
    """Yield that its volume is gone, or that nobody can provide one."""
    uid = str(claim["metadata"].get("uid", ""))
    if (claim.get("status") or {}).get("phase") == "Lost":
        yield sign_of(claim, Source.CLAIM, "Lost", "the volume behind it is gone")
    for event in observed.warnings(uid):
        if event.get("reason") == "ProvisioningFailed":
            yield sign_of(claim, Source.CLAIM, "ProvisioningFailed", str(event.get("message", "")))
    waits = observed.said(uid, CLAIM_WAITS)
    if waits and waits.get("reason") == "FailedBinding":
        yield sign_of(claim, Source.CLAIM, "FailedBinding", str(waits.get("message", "")))


def _addresses(seen: Object) -> bool:
    return bool(((seen.get("status") or {}).get("loadBalancer") or {}).get("ingress"))


def _class_of(ingress: Object) -> str:
    annotations = ingress["metadata"].get("annotations") or {}
    return str((ingress.get("spec") or {}).get("ingressClassName") or annotations.get(INGRESS_CLASS) or "")


def claims_of(pod: Object) -> set[str]:
    """Return the names of the claims that a pod mounts."""
    volumes = (pod.get("spec") or {}).get("volumes") or ()
    return {str(each["persistentVolumeClaim"].get("claimName", "")) for each in volumes if each.get("persistentVolumeClaim")}
