"""What runs in an environment and whether it is well, and what ran: read from the ledger and the cluster, never guessed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.domain.outcome import HistoryResult, StatusResult
from plimsoll.domain.release import State
from plimsoll.errors import Failed, PlimsollError
from plimsoll.workflows.faults import faults
from plimsoll.workflows.hold import remark
from plimsoll.workflows.lock import holder_of

if TYPE_CHECKING:
    from plimsoll.domain.failure import Cause
    from plimsoll.domain.ledger import History
    from plimsoll.domain.release import Release
    from plimsoll.workflows.site import Site


def status(site: Site) -> StatusResult:
    """Return the release of the environment, and what is wrong with it now; its recorded state stays what it is.

    Raise Failed when there is none, and whatever the guard refuses.
    """
    site.guard()
    history = site.ledger.history()
    live = history.live
    if live is None:
        raise Failed(
            f"{site.environment.name} has no release yet",
            where=f"the ledger of {site.environment.name}",
            now=f"deploy one: `inv build deploy --env {site.environment.name}`",
            code="no-release",
        )
    wrong, unseen = _faults(site, live)
    return StatusResult(
        environment=site.environment.name,
        release=live,
        url=site.environment.address,
        remarks=(
            *remark(site),
            *_remarks(history, holder_of(site.cluster, site.project.name, site.environment.name)),
            *unseen,
        ),
        faults=wrong,
    )


def history(site: Site) -> HistoryResult:
    """Return every record of the environment, newest first."""
    site.guard()
    found = site.ledger.history()
    return HistoryResult(environment=site.environment.name, releases=tuple(reversed(found.releases)), damaged=found.damaged)


def _faults(site: Site, live: Release) -> tuple[tuple[Cause, ...], tuple[str, ...]]:
    """Return what is wrong with the release now, or the remark that it could not be looked at."""
    try:
        return faults(site, live), ()
    except PlimsollError as error:
        return (), (f"whether all of it is well now could not be seen: {error.what}",)


def _remarks(found: History, holder: str) -> tuple[str, ...]:
    remarks = []
    if holder:
        remarks.append(f"locked by {holder}")
    for release in found.unfinished:
        told = "is under way" if holder else "was left unfinished; the next deploy or rollback repairs that"
        earned = release.proven and release.state is State.APPLIED
        proven = "; it has passed its smoke test, and only its verdict is to be written" if earned else ""
        remarks.append(f"{release.name} ({release.state}, by {release.actor}) {told}{proven}")
    live = found.live
    newest = found.releases[-1] if found.releases else None
    if newest is not None and newest is not live and newest.state in {State.FAILED, State.ROLLBACK_FAILED}:
        remarks.append(f"{newest.name} {newest.state}: {newest.cause}")
    if found.damaged:
        remarks.append(f"records that cannot be read: {', '.join(found.damaged)}")
    return tuple(remarks)
