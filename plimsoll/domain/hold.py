"""A hold: somebody's word that nothing is released to an environment for a while. It needs no renewal and ends by itself.

It lies beside the deploy lock, in the ConfigMap `<application>-<environment>.hold` of the namespace `plimsoll`, together with
what happened to holds before. All its times are the API server's: the clocks of those who ask for it do not matter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

from plimsoll.domain.ledger import NAMESPACE
from plimsoll.domain.lock import LockHeld
from plimsoll.domain.project import duration_flag
from plimsoll.errors import Failed, Misconfigured

if TYPE_CHECKING:
    from datetime import datetime

# A hold that is forgotten must not stop releases for longer than this (seconds).
LONGEST = 24 * 3600
DEFAULT = "1h"
# Long enough for a sentence and a link, short enough for one line of a CI log.
REASON = 200
# Each event is a few hundred bytes: this many stay far below the API server's limit of 1 MiB for an object.
EVENTS = 500
ACQUIRED, RELEASED, BROKEN = "acquired", "released", "broken"


@dataclass(frozen=True, kw_only=True)
class Hold:
    """Who holds an environment, why, and until when (aware, by the API server's clock)."""

    actor: str
    reason: str
    since: datetime
    until: datetime

    def active(self, now: datetime) -> bool:
        """Tell whether it still holds at `now`, by the API server's clock."""
        return now < self.until

    def to_json(self) -> dict[str, str]:
        """Return the hold as it is kept and printed."""
        return {"actor": self.actor, "reason": self.reason, "since": stamp(self.since), "until": stamp(self.until)}


@dataclass(frozen=True, kw_only=True)
class HoldEvent:
    """Something that was done to a hold, by whom, why and when; `until` is the end of one that was acquired."""

    what: str
    actor: str
    reason: str
    at: datetime
    until: datetime | None = None

    def to_json(self) -> dict[str, str | None]:
        """Return the event as it is kept and printed."""
        until = stamp(self.until) if self.until else None
        return {"at": stamp(self.at), "what": self.what, "actor": self.actor, "reason": self.reason, "until": until}


@dataclass(frozen=True)
class HoldBook:
    """The hold of one environment, if any, and what was done so far, oldest first. `damaged`: it cannot be read."""

    hold: Hold | None = None
    events: tuple[HoldEvent, ...] = ()
    damaged: bool = False

    def current(self, now: datetime) -> Hold | None:
        """Return the hold that is in force at `now`."""
        return self.hold if self.hold is not None and self.hold.active(now) else None

    def acquired(self, hold: Hold, environment: str) -> HoldBook:
        """Return the book with `hold` in force. Raise LockHeld while another one is, also of the same actor."""
        if self.damaged:
            raise unreadable(environment)
        present = self.current(hold.since)
        if present is not None:
            raise held(present, environment)
        event = HoldEvent(what=ACQUIRED, actor=hold.actor, reason=hold.reason, at=hold.since, until=hold.until)
        return self._with(hold, event)

    def released(self, actor: str, now: datetime, environment: str) -> HoldBook:
        """Return the book without the hold of `actor`. Raise Failed without one, Misconfigured when it is somebody else's."""
        if self.damaged:
            raise unreadable(environment)
        present = self._in_force(now, environment)
        if present.actor != actor:
            raise Misconfigured(
                f"the hold of {environment} is {present.actor}'s, and you are {actor}",
                where=f"until {stamp(present.until)}: {present.reason}",
                now=f"ask {present.actor}, or end it in your own name: `inv lock.break --env {environment} --reason WHY`",
                code="not-your-hold",
            )
        return self._with(None, HoldEvent(what=RELEASED, actor=actor, reason=present.reason, at=now))

    def broken(self, actor: str, reason: str, now: datetime, environment: str) -> HoldBook:
        """Return the book without its hold, whoever's it is. Raise Failed when there is none to break."""
        what = "a hold that could not be read" if self.damaged else f"hold of {self._in_force(now, environment).actor}"
        return self._with(None, HoldEvent(what=BROKEN, actor=actor, reason=f"{reason} ({what})", at=now))

    def _in_force(self, now: datetime, environment: str) -> Hold:
        present = self.current(now)
        if present is None:
            ended = f"; the last hold ended on {stamp(self.hold.until)}" if self.hold else ""
            raise Failed(
                f"{environment} is not held{ended}",
                where=environment,
                now=f"nothing is left to do; `inv lock.status --env {environment}` shows what happened",
                code="not-held",
            )
        return present

    def _with(self, hold: Hold | None, event: HoldEvent) -> HoldBook:
        return replace(self, hold=hold, events=(*self.events, event)[-EVENTS:], damaged=False)


def wanted(actor: str, reason: str, duration: str, now: datetime) -> Hold:
    """Return the hold that begins at `now` for a duration such as `1h`. Raise Misconfigured for one that no hold may have."""
    seconds = duration_flag(duration, flag="--for", now="write 30m, 1h or 24h")
    if not 0 < seconds <= LONGEST:
        raise Misconfigured(
            f"a hold of {duration} is not possible: it ends by itself after 24 h at most",
            where="--for",
            now="name at most 24h; acquire it again when that has passed",
            code="flags",
        )
    return Hold(actor=actor, reason=checked_reason(reason), since=now, until=now + timedelta(seconds=seconds))


def checked_reason(reason: str) -> str:
    """Return the reason in one line. Raise Misconfigured for one that says nothing, or too much."""
    line = " ".join(reason.split())
    if not 0 < len(line) <= REASON:
        problem = "is empty" if not line else f"has {len(line)} characters"
        raise Misconfigured(
            f"the reason {problem}",
            where="--reason",
            now=f"say in 1 to {REASON} characters what the others need to know",
            code="flags",
        )
    return line


def held(hold: Hold, environment: str) -> LockHeld:
    """Return the error of those who find `environment` held."""
    return LockHeld(
        f"{environment} is held by {hold.actor} until {stamp(hold.until)}: {hold.reason}",
        where=f"{environment}, since {stamp(hold.since)} (the API server's clock)",
        now=f"wait, or ask {hold.actor} for `inv lock.release --env {environment}`; "
        f"`inv lock.break --env {environment} --reason WHY` ends it in your name",
    )


def unreadable(environment: str) -> Failed:
    """Return the error for a hold that somebody damaged: whoever releases must not guess that there is none."""
    return Failed(
        f"the hold of {environment} cannot be read, so that nobody knows whether it may be released to",
        where=f"ConfigMap *-{environment}.hold in the namespace {NAMESPACE}",
        now=f"ask who changed it, then `inv lock.break --env {environment} --reason WHY` writes it anew",
        code="hold-damaged",
    )


def stamp(moment: datetime) -> str:
    """Return a moment as RFC 3339, UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, kw_only=True)
class LockReport:
    """What the lock tasks answer. `task` is the one asked; `under_way` names who works there now, `now` is the server's time."""

    task: str
    environment: str
    now: datetime
    book: HoldBook
    under_way: str = ""

    @property
    def hold(self) -> Hold | None:
        """The hold that is in force."""
        return self.book.current(self.now)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON contract `plimsoll.lock.<task>/1`."""
        return {
            "schema": f"plimsoll.lock.{self.task}/1",
            "environment": self.environment,
            "now": stamp(self.now),
            "under_way": self.under_way or None,
            "hold": self.hold.to_json() if self.hold else None,
            "damaged": self.book.damaged,
            "events": [event.to_json() for event in self.book.events],
        }
