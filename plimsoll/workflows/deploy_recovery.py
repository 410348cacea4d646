"""When a deploy fails: close its record, bring back the last verified release, and say all of it in one error, cause first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.domain.failure import Failure
from plimsoll.domain.lock import LockLost
from plimsoll.domain.migration import MigrationCrossed
from plimsoll.domain.outcome import BrokenRelease
from plimsoll.domain.release import State
from plimsoll.errors import Bug, PlimsollError
from plimsoll.workflows.deploy_rollout import told_of
from plimsoll.workflows.ledger import unprove
from plimsoll.workflows.rollback import restore

if TYPE_CHECKING:
    from plimsoll.domain.release import Release
    from plimsoll.workflows.deploy_rollout import Rollout
    from plimsoll.workflows.site import Site

REPAIRS = "the next `inv deploy` or `inv rollback` finds and repairs what was left unfinished"


def recover(site: Site, rollout: Rollout, error: Exception) -> Exception:
    """Return the error that ends the deploy, after everything was done that could be done about it.

    The record ends as `failed`. Where the environment was touched and a verified release is known, that one runs again, under a
    record of its own, unless an incompatible migration lies in between. An exception that is no PlimsollError is our mistake: it
    is returned as it is, after the same recovery.
    """
    told = told_of(error)
    if isinstance(error, LockLost):
        return _ended(told, rollout, None, told.now)
    try:
        rollout.end(State.FAILED, cause=told.what)
    except PlimsollError as second:
        return _ended(told, rollout, None, f"the record could not be closed either ({second.what}); {REPAIRS}")
    if not rollout.wrote:
        return _or_bug(error, _ended(told, rollout, None, f"nothing was changed; {told.now}".rstrip("; ")))
    try:
        restored = _brought_back(site, rollout)
    except MigrationCrossed as refused:
        _unprove(site)
        told.what = f"{told.what}\nand {refused.what}"
        return _ended(told, rollout, None, refused.now, code=refused.code)
    except PlimsollError as second:
        _unprove(site)
        told.what = f"{told.what}\nand bringing back the release before failed: {second.what}"
        return _ended(told, rollout, None, second.now or REPAIRS, code="rollback-failed")
    if restored is None:
        stay = f"nothing was verified here before: the objects stay in {site.environment.namespace} for inspection"
        now = f"{stay}; correct the cause and deploy again; {told.now}".rstrip("; ")
    else:
        now = f"{restored.content_of} serves again (verified, recorded as {restored.name}); {told.now}".rstrip("; ")
    return _or_bug(error, _ended(told, rollout, restored, now))


def _or_bug(error: Exception, told: PlimsollError) -> Exception:
    """Return our own mistake as it came, so that its traceback reaches the report; anything else as it is told."""
    return error if isinstance(told, Bug) else told


def _brought_back(site: Site, rollout: Rollout) -> Release | None:
    history = site.ledger.history()
    target = history.last_good
    if target is None:
        return None
    broken = rollout.release
    title = f"bringing back {history.origin(target).name}"
    with site.reporter.step(title):
        return restore(site, history, target=history.origin(target), broken=broken, old_state=State.SUPERSEDED).release


def _unprove(site: Site) -> None:
    """See to it that no record says verified while nobody knows what runs."""
    try:
        unprove(site.ledger, site.ledger.history())
    except PlimsollError as error:
        site.reporter.warn(f"the ledger could not be corrected: {error.what}")


def _ended(told: PlimsollError, rollout: Rollout, restored: Release | None, now: str, *, code: str = "") -> PlimsollError:
    failure = told.report if isinstance(told.report, Failure) else None
    if failure is not None and restored is not None:
        failure = failure.replaced(rollout.release.name)
    told.report = BrokenRelease(
        environment=rollout.release.environment, release=rollout.release, restored=restored, failure=failure
    )
    told.now = now
    told.code = code or told.code
    return told
