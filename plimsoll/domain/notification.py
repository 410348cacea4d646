"""What channels are told of a deploy or rollback: one notice, whatever the channel.

| what happened | events |
|---|---|
| a deploy was verified | verified |
| a deploy failed, and the last verified release serves again | rolled-back, failed |
| a deploy failed, and nothing was brought back | failed |
| a rollback by hand was verified | rolled-back |
| a rollback failed | failed |

A deploy that was refused before it began a release, one that changed nothing and a dry run are no news.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plimsoll.domain.channel import FAILED, ROLLED_BACK, VERIFIED
from plimsoll.domain.outcome import RELEASED, BrokenRelease, RollbackResult
from plimsoll.domain.release import public_images
from plimsoll.errors import Bug, PlimsollError

if TYPE_CHECKING:
    from plimsoll.domain.channel import Channel
    from plimsoll.domain.failure import Failure
    from plimsoll.domain.outcome import DeployResult
    from plimsoll.domain.release import Release


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """What is told in any case: `task` is `deploy`, `rollback` or `notify.test`, `at` RFC 3339 (UTC), `run` the CI run's URL."""

    project: str
    environment: str
    task: str
    actor: str
    at: str
    run: str | None = None
    url: str | None = None


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What a channel is told: `events` are what happened, the most telling first, `title` says it in one line.

    Nothing in it is secret: what the cluster said was redacted where it was collected.
    """

    occasion: Occasion
    events: tuple[str, ...]
    title: str
    release: Release | None = None
    restored: Release | None = None
    error: PlimsollError | None = None
    failure: Failure | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the JSON contract `plimsoll.notification/1`."""
        release, error, occasion = self.release, self.error, self.occasion
        return {
            "schema": "plimsoll.notification/1",
            "project": occasion.project,
            "environment": occasion.environment,
            "task": occasion.task,
            "event": self.events[0],
            "events": list(self.events),
            "title": self.title,
            "at": occasion.at,
            "actor": occasion.actor,
            "run": occasion.run,
            "url": occasion.url,
            "release": release.name if release else None,
            "state": release.state.value if release else None,
            "git_revision": release.git_revision if release else None,
            "dirty": bool(release and release.dirty),
            "images": public_images(release.images) if release else {},
            "approval": release.approval.to_json() if release and release.approval else None,
            "broken_glass": release.broken_glass if release else None,
            "restored": self.restored.name if self.restored else None,
            "restored_content_of": self.restored.content_of if self.restored else None,
            "error": {"code": error.code, "what": error.what, "where": error.where, "now": error.now} if error else None,
            "failure": self.failure.to_json() if self.failure else None,
        }


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What came of trying a channel; `message` is what was, or would be, sent. It holds no secret."""

    channel: Channel
    message: dict[str, Any]
    sent: bool

    def to_json(self) -> dict[str, Any]:
        """Return the JSON contract `plimsoll.notify.test/1`."""
        return {
            "schema": "plimsoll.notify.test/1",
            "channel": self.channel.name,
            "kind": self.channel.kind,
            "sent": self.sent,
            "message": self.message,
        }


def of_result(result: DeployResult | RollbackResult, occasion: Occasion) -> Notice | None:
    """Return the notice of a deploy or rollback that ended well, None where nothing happened."""
    if isinstance(result, RollbackResult):
        left = f" instead of {result.release.rollback_of}" if result.release.rollback_of else ""
        title = f"{result.release.content_of} runs again{left}, verified as {result.release.name}"
        return _notice(occasion, (ROLLED_BACK,), title, release=result.release)
    if result.outcome != RELEASED or result.release is None:
        return None
    return _notice(occasion, (VERIFIED,), f"{result.release.name} is verified", release=result.release)


def of_error(error: Exception, occasion: Occasion) -> Notice | None:
    """Return the notice of a deploy or rollback that failed, None where it was refused before it began a release."""
    if not isinstance(error, PlimsollError):
        told = Bug(f"a mistake in Plimsoll: {type(error).__name__}", now="see the report of the run")
        return _notice(occasion, (FAILED,), f"{occasion.task} ended by a mistake in Plimsoll", error=told)
    broken = error.report
    if not isinstance(broken, BrokenRelease):
        return None
    events: tuple[str, ...] = (FAILED,)
    title = f"{broken.release.name} failed"
    if broken.release.verified:
        title = f"{broken.release.name} does not serve"
    elif broken.restored is not None:
        events, title = (ROLLED_BACK, FAILED), f"{title}, {broken.restored.origin} serves again"
    elif error.code == "rollback-failed":
        title = f"{title}, and so did going back: somebody is needed"
    return _notice(occasion, events, title, release=broken.release, restored=broken.restored, error=error, failure=broken.failure)


def of_test(channel: str, occasion: Occasion) -> Notice:
    """Return the notice that tries a channel."""
    return _notice(occasion, ("test",), f"a test of the channel {channel}: nothing was deployed")


def _notice(occasion: Occasion, events: tuple[str, ...], title: str, **more: Any) -> Notice:  # noqa: ANN401 -- fields of Notice
    return Notice(occasion=occasion, events=events, title=f"{occasion.project}, {occasion.environment}: {title}", **more)
