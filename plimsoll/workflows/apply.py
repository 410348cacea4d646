"""Applying objects wave by wave, and pruning what is no longer part of a release."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from plimsoll.domain.manifests import Conflict, ref
from plimsoll.domain.owned_fields import owns
from plimsoll.domain.waves import FIRST_KINDS
from plimsoll.errors import Failed, PlimsollError
from plimsoll.workflows.deploy_observe import in_parallel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from plimsoll.domain.manifests import Manifest, Ref
    from plimsoll.workflows.site import Site

# How long (seconds) a deleted object may take to be gone, and how often to look.
GONE_WITHIN = 30.0
LOOK_EVERY = 0.2
# A request of a release must end well before the lease does (15 s), with a renewal in between.
REQUEST_TIMEOUT = 9.0
REPLICAS = ("spec", "replicas")
NO_FLOORS: Mapping[tuple[str, str], int] = MappingProxyType({})
# A controller that rolls a workload out writes its status a few times a second, and each time we have to look again.
ATTEMPTS = 20


def apply(
    site: Site, objects: Sequence[Manifest], *, take_over: bool, floors: Mapping[tuple[str, str], int] = NO_FLOORS
) -> tuple[Conflict, ...]:
    """Apply objects in parallel, what others stand on first; return the conflicts that were taken over.

    `floors` are the workloads whose replicas an autoscaler owns, as `manifests.autoscaled` tells: one that is there keeps the
    replicas it has, and a new one starts with the fewest that its autoscaler lets it have.
    Raise Conflict when somebody else owns a field and `take_over` is false, Failed when the API server refuses an object, and
    Interrupted, between two objects, when asked to stop.
    """
    taken: list[Conflict] = []

    def one(manifest: Manifest) -> None:
        site.stop.check()
        floor = floors.get((manifest["kind"], manifest["metadata"]["name"]))
        if floor is None or _hand_over_replicas(site, ref(manifest)):
            applied(manifest)
        else:
            applied({**manifest, "spec": {**manifest["spec"], "replicas": floor}})
            _hand_over_replicas(site, ref(manifest))

    def applied(manifest: Manifest) -> None:
        try:
            answer = site.cluster.apply(manifest, timeout=REQUEST_TIMEOUT)
        except Conflict as conflict:
            if not take_over:
                raise
            answer = site.cluster.apply(manifest, force=True, timeout=REQUEST_TIMEOUT)
            taken.append(conflict)
        if answer["metadata"].get("deletionTimestamp"):
            # Somebody deleted it, and what holds it back (a finalizer) is not done: what was applied goes with it.
            _await_gone(site, ref(manifest), str(answer["metadata"].get("uid")))
            site.cluster.apply(manifest, timeout=REQUEST_TIMEOUT)

    in_parallel(one, [each for each in objects if each["kind"] in FIRST_KINDS])
    in_parallel(one, [each for each in objects if each["kind"] not in FIRST_KINDS])
    return tuple(taken)


def _hand_over_replicas(site: Site, target: Ref) -> bool:
    """Give up our claim to a workload's replicas, whose number stays as it is; return whether the workload is there at all.

    Without this, an apply that leaves out replicas which an earlier one set has the API server fill in its default, which is 1.
    """
    for _ in range(ATTEMPTS):
        found = site.cluster.get(target.path, target.name, target.namespace)
        if found is None:
            return False
        if not owns(found, *REPLICAS) or site.cluster.disown(found, *REPLICAS, timeout=REQUEST_TIMEOUT):
            return True
    raise Failed(
        f"the replicas of {target.short} could not be handed to its autoscaler: the object changed {ATTEMPTS} times meanwhile",
        where=f"namespace {target.namespace}",
        now="see who keeps changing it, and deploy again",
        code="contested",
    )


def renew_jobs(site: Site, jobs: Iterable[Manifest]) -> None:
    """Make way for Jobs that failed before under the same name: a Job never runs twice by itself."""
    for job in jobs:
        target = ref(job)
        found = site.cluster.get(target.path, target.name, target.namespace)
        if found is not None and has_failed(found):
            site.cluster.delete(target.path, target.name, target.namespace)
            _await_gone(site, target, str(found["metadata"].get("uid")))


def prune(site: Site, refs: Iterable[Ref], lives: Mapping[Ref, Manifest]) -> tuple[Ref, ...]:
    """Delete objects that are no part of the verified release; return those that are gone. A refusal is a warning, no failure.

    `lives` are the objects as they were seen when they were found to be ours: what took such a name since is not deleted.
    """
    gone = []
    for each in refs:
        try:
            site.cluster.delete(each.path, each.name, each.namespace or None, uid=str(lives[each]["metadata"]["uid"]))
            gone.append(each)
        except PlimsollError as error:
            site.reporter.warn(f"{each.short} is no part of the release any more and could not be removed: {error.what}")
    return tuple(gone)


def _await_gone(site: Site, target: Ref, uid: str) -> None:
    deadline = site.clock.monotonic() + GONE_WITHIN
    while site.clock.monotonic() < deadline:
        found = site.cluster.get(target.path, target.name, target.namespace)
        if found is None or found["metadata"].get("uid") != uid:
            return
        site.stop.check()
        site.clock.sleep(LOOK_EVERY)
    raise Failed(
        f"{target.short} was deleted and is still there after {GONE_WITHIN:.0f} s",
        where=f"namespace {target.namespace}",
        now=f"see what holds it: `kubectl -n {target.namespace} describe {target.kind.lower()} {target.name}`",
        code="not-gone",
    )


def has_failed(job: Mapping[str, object]) -> bool:
    """Tell whether a live Job has ended in failure."""
    status = job.get("status")
    conditions = status.get("conditions") or [] if isinstance(status, dict) else []
    return any(each.get("type") == "Failed" and each.get("status") == "True" for each in conditions)
