"""Checking a participant in: the one rule of this application, and the transaction that keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from sqlalchemy import func, select

from checkin.problems import Problem
from checkin.tables import CheckIn, Participant, Session

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from uuid import UUID

    from sqlalchemy.ext.asyncio import AsyncSession

RefusalReason = Literal["session_full", "unknown_session", "unknown_participant"]


class Refused(Problem):
    """A check-in that is not possible; `reason` is the word that metrics and the problem's type use."""

    def __init__(self, status: int, reason: RefusalReason, detail: str) -> None:
        super().__init__(status, detail, kind=reason.replace("_", "-"), title=reason.replace("_", " ").capitalize())
        self.reason = reason


def status_at(starts_at: datetime, arrived_at: datetime, *, late_after: timedelta) -> Literal["on_time", "late"]:
    """Tell whether someone who arrives then is late. Exactly `late_after` past the start is still on time."""
    return "late" if arrived_at - starts_at > late_after else "on_time"


async def check_in(
    db: AsyncSession, *, session_id: UUID, participant_id: UUID, late_after: timedelta
) -> tuple[CheckIn, Participant, bool]:
    """Return the check-in, who it is, and whether it is new; asking twice gives the first one again.

    The session's row stays locked until the transaction ends, so that two at the door cannot take the same last seat.
    Raises Refused: 404 for a session or participant that does not exist, 409 when the session is full.
    """
    session = await db.get(Session, session_id, with_for_update=True)
    if session is None:
        raise Refused(404, "unknown_session", "There is no such session.")
    participant = await db.get(Participant, participant_id)
    if participant is None:
        raise Refused(404, "unknown_participant", "There is no such participant.")
    existing = await db.get(CheckIn, (session_id, participant_id))
    if existing is not None:
        return existing, participant, False
    # The database's clock: it is one, however many replicas there are. Read after the lock, which may have taken a while.
    counted = select(func.count(), func.clock_timestamp()).select_from(CheckIn).where(CheckIn.session_id == session_id)
    taken, now = (await db.execute(counted)).one()
    if taken >= session.capacity:
        raise Refused(409, "session_full", f"All {session.capacity} places of this session are taken.")
    new = CheckIn(
        session_id=session_id,
        participant_id=participant_id,
        status=status_at(session.starts_at, now, late_after=late_after),
        checked_in_at=now,
    )
    db.add(new)
    await db.flush()
    return new, participant, True
