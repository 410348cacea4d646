"""/api/v1/sessions/{session_id}/check-ins: check participants in, and see who came."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from sqlalchemy import func, select

from checkin import attendance
from checkin.problems import Problem, problem_responses
from checkin.routes.content import require_json
from checkin.schemas import CheckInOut, NewCheckIn, Page, Paging, ParticipantName, Status
from checkin.services import Needed
from checkin.tables import CheckIn, Participant, Session

router = APIRouter(prefix="/api/v1/sessions/{session_id}/check-ins", tags=["check-ins"])


@router.get("", responses=problem_responses(404, 503))
async def list_check_ins(session_id: UUID, window: Paging, services: Needed) -> Page[CheckInOut]:
    """List who checked in to a session, in the order of arrival."""
    of_session = CheckIn.session_id == session_id
    async with services.database.transaction() as db:
        if await db.get(Session, session_id) is None:
            raise Problem(404, "There is no such session.", kind="unknown-session", title="Unknown session")
        total = await db.scalar(select(func.count()).select_from(CheckIn).where(of_session)) or 0
        rows = await db.execute(
            select(CheckIn, Participant)
            .join(Participant, Participant.id == CheckIn.participant_id)
            .where(of_session)
            .order_by(CheckIn.checked_in_at, CheckIn.participant_id)
            .limit(window.limit)
            .offset(window.offset)
        )
        items = [_document(found, participant) for found, participant in rows]
    return Page(items=items, total=total, limit=window.limit, offset=window.offset)


@router.post(
    "",
    status_code=201,
    responses={200: {"model": CheckInOut, "description": "Was checked in before"}, **problem_responses(404, 409, 503)},
    dependencies=[Depends(require_json)],
)
async def create_check_in(session_id: UUID, new: NewCheckIn, response: Response, services: Needed) -> CheckInOut:
    """Check a participant in: 201 the first time, 200 with the same check-in after that."""
    try:
        async with services.database.transaction() as db:
            found, participant, is_new = await attendance.check_in(
                db,
                session_id=session_id,
                participant_id=new.participant_id,
                late_after=services.settings.late_after,
            )
    except attendance.Refused as refused:
        services.metrics.refused.labels(refused.reason).inc()
        raise
    if is_new:
        services.metrics.check_ins.labels(found.status).inc()
        await services.cache.forget_pages()
    else:
        response.status_code = 200
    return _document(found, participant)


def _document(found: CheckIn, participant: Participant) -> CheckInOut:
    return CheckInOut(
        session_id=found.session_id,
        participant=ParticipantName(id=participant.id, name=participant.name),
        status=cast("Status", found.status),
        checked_in_at=found.checked_in_at,
    )
