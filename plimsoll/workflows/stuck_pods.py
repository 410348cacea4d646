"""Pods that stand in the way of a rollout: deleted, so that their controllers replace them now and not in minutes, or never."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.domain.manifests import mark_in, mark_of, ref
from plimsoll.domain.rollout_signs import held_back, ready

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from plimsoll.domain.manifests import Manifest, Ref
    from plimsoll.workflows.site import Site

# How long (seconds) a controller may take to see what was applied, and how often to look.
SEEN_WITHIN = 30.0
LOOK_EVERY = 0.2
# Kinds whose controllers replace a pod that is deleted.
RESTARTING = frozenset({"Deployment", "StatefulSet", "DaemonSet"})


def free_stuck_pods(site: Site, objects: Iterable[Manifest]) -> tuple[str, ...]:
    """Delete unready pods of another revision of StatefulSets: their controller waits for them instead of replacing them.

    Return the names of the pods. A StatefulSet that starts its pods in parallel is not helped, it helps itself.
    """
    ordered = [
        each for each in objects if each["kind"] == "StatefulSet" and each["spec"].get("podManagementPolicy") != "Parallel"
    ]
    return tuple(_delete(site, pod) for manifest in ordered for pod in _outdated(site, manifest) if not ready(pod))


def free_held_back_pods(site: Site, objects: Iterable[Manifest]) -> tuple[str, ...]:
    """Delete pods that failed and are not ready: the next try may be five minutes away (the kubelet's longest back-off).

    Return their names. These are pods that the release keeps, not those that it replaces. They failed before it came, for reasons
    that may be gone by now (a node that came up without its DNS); their successors are judged by what they do themselves.
    """
    return tuple(
        _delete(site, pod)
        for manifest in objects
        if manifest["kind"] in RESTARTING
        for pod in _pods(site, manifest)
        if held_back(pod) and mark_in(pod.get("spec") or {}) == mark_of(manifest)
    )


def _outdated(site: Site, manifest: Manifest) -> Iterator[Manifest]:
    """Yield the pods of a StatefulSet that are not of the revision it goes to."""
    revision = _update_revision(site, ref(manifest))
    for pod in _pods(site, manifest) if revision else ():
        if pod["metadata"].get("labels", {}).get("controller-revision-hash") != revision:
            yield pod


def _pods(site: Site, manifest: Manifest) -> Iterator[Manifest]:
    """Yield the pods of a Deployment, StatefulSet or DaemonSet that are to stay."""
    target = ref(manifest)
    selector = manifest["spec"].get("selector") or {}
    labels = ",".join(f"{key}={value}" for key, value in selector.get("matchLabels", {}).items())
    for pod in site.cluster.list("v1/Pod", target.namespace, labels=labels) if labels else ():
        if _belongs(pod, target) and not pod["metadata"].get("deletionTimestamp"):
            yield pod


def _delete(site: Site, pod: Manifest) -> str:
    name: str = pod["metadata"]["name"]
    site.cluster.delete("v1/Pod", name, pod["metadata"]["namespace"])
    return name


def _update_revision(site: Site, target: Ref) -> str | None:
    """Return the revision that a StatefulSet goes to, once its controller has seen what was applied."""
    deadline = site.clock.monotonic() + SEEN_WITHIN
    while site.clock.monotonic() < deadline:
        found = site.cluster.get(target.path, target.name, target.namespace) or {}
        status = found.get("status") or {}
        if status.get("observedGeneration", 0) >= found.get("metadata", {}).get("generation", 1):
            return status.get("updateRevision")
        site.stop.check()
        site.clock.sleep(LOOK_EVERY)
    return None


def _belongs(pod: Manifest, target: Ref) -> bool:
    """Tell whether the pod's controller is `target`, or a ReplicaSet of it (named after it and its template's hash)."""
    owners = pod["metadata"].get("ownerReferences") or ()
    hashed = f"{target.name}-{pod['metadata'].get('labels', {}).get('pod-template-hash')}"
    wanted = {(target.kind, target.name)} | ({("ReplicaSet", hashed)} if target.kind == "Deployment" else set())
    return any((each.get("kind"), each.get("name")) in wanted for each in owners)
