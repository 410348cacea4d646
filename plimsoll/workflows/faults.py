"""What is wrong with a release at this moment: one look at its workloads, whatever its record says. Nothing is written."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from plimsoll.domain.failure import Cause
from plimsoll.domain.manifests import MANAGER, OWNER_LABEL, Ref
from plimsoll.domain.rollout import Doomed, Progressing, verdict, watched
from plimsoll.domain.rollout_limits import waited
from plimsoll.domain.rollout_observed import Observed
from plimsoll.domain.rollout_rules import NO_PATIENCE
from plimsoll.workflows import secrets
from plimsoll.workflows.definitions import declarations

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from plimsoll.domain.release import Release
    from plimsoll.domain.rollout_declared import Declared
    from plimsoll.workflows.site import Site

# Kinds whose work is done once and for all; a cluster tidies them up.
DONE = frozenset({"Job"})


def faults(site: Site, release: Release) -> tuple[Cause, ...]:
    """Return what keeps objects of `release` from being what they are meant to be, one cause each, by name.

    A fault that a rollout would bear with counts at once; the rule of what is only on its way is `not-ready`. Raise what the
    cluster raises.
    """
    wanted = [each for each in map(Ref.parse, release.inventory) if _may_fail(each)]
    declared = declarations(site.cluster, wanted, site.reporter)
    found = []
    # What is cluster-wide has no events of its own namespace, and is looked at by itself.
    for namespace in dict.fromkeys(each.namespace for each in wanted):
        inside = [each for each in wanted if each.namespace == namespace]
        observed = _seen(site, inside, namespace)
        found += [cause for each in inside if (cause := _cause(each, observed, declared)) is not None]
    if not found:
        return ()
    hide = secrets.hider(site.cluster, site.environment.namespace, site.project.secrets.values())
    return tuple(replace(cause, message=hide(cause.message)) for cause in sorted(found, key=lambda cause: cause.workload))


def _seen(site: Site, workloads: Iterable[Ref], namespace: str) -> Observed:
    observed = Observed()
    # Of all the definitions of a cluster only our own are looked at.
    labels = "" if namespace else f"{OWNER_LABEL}={MANAGER}"
    for kind in watched(workloads):
        api, _, name = kind.rpartition("/")
        for each in site.cluster.list(kind, namespace or None, labels=labels):
            observed.take("MODIFIED", {**each, "apiVersion": api, "kind": name})
        observed.take("SYNCED", {"apiVersion": api, "kind": name})
    return observed


def _cause(workload: Ref, observed: Observed, declared: Mapping[str, Declared]) -> Cause | None:
    live = observed.find(workload.path, workload.name)
    if live is not None and not waited(live):
        return None
    found = verdict(workload, observed, limits=NO_PATIENCE, declared=declared)
    if isinstance(found, Doomed):
        return found.cause
    if isinstance(found, Progressing):
        return Cause(workload=workload.short, object=found.object, reason="NotReady", message=found.missing, rule="not-ready")
    return None


def _may_fail(each: Ref) -> bool:
    """Tell whether objects of this kind are judged; a Service is where it is a load balancer, which only the live one says."""
    named = {"apiVersion": each.api, "kind": each.kind, "metadata": {}, "spec": {"type": "LoadBalancer"}}
    return each.kind not in DONE and waited(named)
