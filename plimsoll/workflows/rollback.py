"""Going back: the recorded manifests of a verified release are applied again, configuration included, and proven again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plimsoll.domain.failure import Failure
from plimsoll.domain.inventory import inventory_id, listed
from plimsoll.domain.lock import LockLost
from plimsoll.domain.manifests import Ref, marks, ref
from plimsoll.domain.migration import crossing, in_doubt, refusal
from plimsoll.domain.outcome import BrokenRelease, RollbackResult
from plimsoll.domain.plan import Observed, decide_migration, waves_of
from plimsoll.domain.pruning import still_owned
from plimsoll.domain.release import Release, State
from plimsoll.errors import Bug, Failed, Interrupted, PlimsollError
from plimsoll.workflows.apply import has_failed
from plimsoll.workflows.deploy_rollout import Rollout, told_of
from plimsoll.workflows.ledger import repair, unprove
from plimsoll.workflows.lock import locked
from plimsoll.workflows.namespaces import await_end, tell_loss, uid_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from plimsoll.domain.ledger import History
    from plimsoll.workflows.site import Site


@dataclass(frozen=True, kw_only=True)
class RollbackRequest:
    """What the user asked for: the release to go back to, None for the one before that was good."""

    to: str | None = None
    wait_lock: float = 30.0


def rollback(request: RollbackRequest, site: Site, *, approve: Callable[[Release, Release | None], None]) -> RollbackResult:
    """Bring back a verified release by hand; the one that ran becomes `rolled-back`.

    `approve` is asked with the target and the live release, for protected environments, and raises when it is refused. Raise
    Misconfigured or Failed when there is nothing to go back to, and Failed when it does not come up: then the record says
    `rollback-failed`.
    """
    environment = site.environment
    site.refuse_hold()
    history = site.ledger.history()
    target = history.rollback_target(request.to)
    refuse_crossing(site, history, target)
    if environment.protected:
        approve(target, history.standing)
    started = site.clock.monotonic()
    lock = site.lock(f"rollback of {environment.name} to {target.name}")
    with locked(lock, cluster=site.cluster, wait=request.wait_lock, reporter=site.reporter, stop=site.stop):
        fenced = site.under(lock)
        fenced.guard()
        history = repair(fenced.ledger, fenced.ledger.history(), site.clock, site.reporter)
        _refuse_moved(target, history.rollback_target(request.to), environment.name)
        for service, image in target.images.items():
            if image.scan is not None and image.scan.verdict not in {"clean", "excepted"}:
                site.reporter.warn(f"{service} of {target.name} was scanned as {image.scan.verdict}: going on")
        rollout = restore(fenced, history, target=target, broken=history.standing, old_state=State.ROLLED_BACK)
    return RollbackResult(
        environment=environment.name,
        release=rollout.release,
        taken_over=tuple(rollout.taken_over),
        url=environment.address,
        seconds=site.clock.monotonic() - started,
    )


def restore(site: Site, history: History, *, target: Release, broken: Release | None, old_state: State) -> Rollout:
    """Apply, await, smoke and verify the content of `target` under a new record, within a time budget of its own.

    `broken` is the release that is left; verified records become `old_state`. Conflicts on our own fields are taken over and
    listed. A namespace that is being deleted is waited for, and made anew. Call it under the lock. Raise MigrationCrossed where
    the target does not run on the database any more (nothing was changed), and Failed when it does not come up: the record then
    is `rollback-failed`.
    """
    inventory = inventory_id(site.project.name, site.environment.name)
    manifests = [listed(each, inventory) for each in site.ledger.manifests(target)]
    await_end(site)
    refuse_crossing(site, history, target)
    tell_loss(site, history)
    uid = uid_of(site)
    migration = decide_migration(manifests, Observed(namespace_uid=uid), history, target.schema)
    jobs = set() if migration.run else {ref(each) for each in manifests if each["kind"] == "Job"}
    record = Release(
        name=f"{site.environment.name}-{history.next_number}",
        environment=site.environment.name,
        number=history.next_number,
        state=State.PENDING,
        git_revision=target.git_revision,
        dirty=target.dirty,
        images=target.images,
        content=target.content,
        actor=site.actor.name,
        started_at=site.now(),
        rollback_of=broken.name if broken else None,
        content_of=target.name,
        schema=target.schema,
        workloads=marks(manifests),
        inventory=still_owned(target, history.standing),
        ci=site.actor.run,
    )
    rollout = Rollout(
        site,
        record,
        manifests,
        waves=waves_of(manifests, {ref(each) for each in manifests} - jobs, migration),
        migration=migration,
        take_over=True,
        budget=site.project.rollout.rollback_timeout,
    )
    rollout.begin()
    try:
        rollout.run()
        rollout.verify(history, old_state=old_state)
    except Exception as error:
        raise _failed(site, rollout, history, error) from error
    for conflict in rollout.taken_over:
        site.reporter.warn(f"took back {conflict.target}: {', '.join(f'{f} (from {by})' for f, by in conflict.fields)}")
    rollout.tidy()
    return rollout


def refuse_crossing(site: Site, history: History, target: Release) -> None:
    """Raise MigrationCrossed when an incompatible migration lies between `target` and the database as it is."""
    uid = uid_of(site)
    if uid is None:
        return
    if crossed := crossing(history, target.schema, uid):
        raise refusal(crossed, target, sure=True)
    for unsure in in_doubt(history, target.schema):
        # A Job that has failed left the database as it was; one that is done, or still runs, did or may do its work.
        jobs = [each for each in map(Ref.parse, unsure.inventory) if each.kind == "Job"]
        lives = [site.cluster.get(each.path, each.name, each.namespace) for each in jobs]
        if unsure.number > target.number and any(live is not None and not has_failed(live) for live in lives):
            raise refusal(unsure, target, sure=False)


def revive(site: Site, history: History) -> History:
    """Bring the last verified release back where its namespace was deleted, and return the history after that.

    A failure of that is a warning: the release that is being deployed comes next, and needs nothing of the old one.
    """
    await_end(site)
    target = history.last_good
    if target is None or history.standing is None or uid_of(site) is not None:
        tell_loss(site, history)
        return history
    target = history.origin(target)
    try:
        with site.reporter.step(f"bringing back {target.name}, whose namespace was deleted"):
            restore(site, history, target=target, broken=None, old_state=State.SUPERSEDED)
    except (Interrupted, LockLost):
        raise
    except PlimsollError as error:
        site.reporter.warn(f"{target.name} could not be brought back: {error.what}; going on with the new release")
    return site.ledger.history()


def _refuse_moved(seen: Release, found: Release, environment: str) -> None:
    if seen.name != found.name:
        raise Failed(
            f"the release to go back to was {seen.name} and is {found.name} now: somebody else released meanwhile",
            where=environment,
            now="look at `inv history`, and roll back again",
            code="plan-stale",
        )


def _failed(site: Site, rollout: Rollout, history: History, error: Exception) -> Exception:
    """Close the record as `rollback-failed`: what runs now is proven by nobody, so that no record may say verified."""
    told = told_of(error)
    try:
        rollout.end(State.ROLLBACK_FAILED, cause=told.what)
        if rollout.wrote:
            unprove(site.ledger, history)
    except PlimsollError as second:
        site.reporter.warn(f"the record of {rollout.release.name} could not be closed: {second.what}")
    if isinstance(told, Bug):
        return error
    again = f"inv rollback --env {site.environment.name} --to {rollout.release.content_of}"
    told.now = f"{site.environment.name} needs you: correct the cause, then `{again}` (or another release), or deploy. {told.now}"
    told.code = told.code if isinstance(told, Interrupted) else "rollback-failed"
    failure = told.report if isinstance(told.report, Failure) else None
    told.report = BrokenRelease(environment=rollout.release.environment, release=rollout.release, failure=failure)
    return told
