"""Waiting until Services send requests to the pods that stay, so that a smoke test asks the release it means to prove.

A rollout is over when the old pods are told to leave. They answer on while they drain, and the node's proxy learns a moment later
that they are no longer asked: without this pause an old release can pass the smoke test of a new one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plimsoll.workflows.site import Site

SLICE = "discovery.k8s.io/v1/EndpointSlice"
# The endpoints follow a pod's deletion within a second; after this long something else is wrong, and the smoke test says what.
AT_MOST = 10.0
LOOK_EVERY = 0.1
# kube-proxy writes its rules at most once a second (minSyncPeriod), and needs a moment to do so.
SPREAD = 1.5


def settle(site: Site) -> None:
    """Return once no Service of the environment leads to a pod that is leaving; at once when none is."""
    namespace = site.environment.namespace
    deadline = site.clock.monotonic() + AT_MOST
    leaving = _leaving(site, namespace)
    if not leaving:
        return
    while site.clock.monotonic() < deadline and _asked(site, namespace) & leaving:
        site.stop.check()
        site.clock.sleep(LOOK_EVERY)
    site.clock.sleep(SPREAD)


def _leaving(site: Site, namespace: str) -> set[str]:
    pods = site.cluster.list("v1/Pod", namespace)
    return {pod["metadata"]["name"] for pod in pods if pod["metadata"].get("deletionTimestamp")}


def _asked(site: Site, namespace: str) -> set[str]:
    """Return the pods that Services send requests to."""
    endpoints = (each for found in site.cluster.list(SLICE, namespace) for each in found.get("endpoints") or ())
    return {
        str((each.get("targetRef") or {}).get("name"))
        for each in endpoints
        if (each.get("conditions") or {}).get("ready") is not False
    }
