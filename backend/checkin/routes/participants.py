"""/api/v1/participants: list and create participants."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from checkin.problems import Problem, problem_responses
from checkin.routes.content import require_json
from checkin.schemas import NewParticipant, Page, Paging, ParticipantOut
from checkin.services import Needed
from checkin.tables import Participant

router = APIRouter(prefix="/api/v1/participants", tags=["participants"])


@router.get("", responses=problem_responses(503))
async def list_participants(window: Paging, services: Needed) -> Page[ParticipantOut]:
    """List participants by name."""
    async with services.database.transaction() as db:
        total = await db.scalar(select(func.count()).select_from(Participant)) or 0
        rows = await db.scalars(
            select(Participant).order_by(Participant.name, Participant.id).limit(window.limit).offset(window.offset)
        )
        items = [ParticipantOut.of(participant) for participant in rows]
    return Page(items=items, total=total, limit=window.limit, offset=window.offset)


@router.post("", status_code=201, responses=problem_responses(409, 503), dependencies=[Depends(require_json)])
async def create_participant(new: NewParticipant, services: Needed) -> ParticipantOut:
    """Create a participant. An email address belongs to one participant only, however it is capitalised."""
    adding = insert(Participant).values(name=new.name, email=new.email).on_conflict_do_nothing(index_elements=["email"])
    async with services.database.transaction() as db:
        participant = await db.scalar(adding.returning(Participant))
    if participant is None:
        raise Problem(409, "There is a participant with this email address.", kind="email-taken", title="Email taken")
    return ParticipantOut.of(participant)
