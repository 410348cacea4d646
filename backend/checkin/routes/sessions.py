"""/api/v1/sessions: list, create and read sessions."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Depends, Response
from sqlalchemy import Select, func, select
from starlette.requests import Request

from checkin.problems import Problem, problem_responses
from checkin.routes.content import require_json
from checkin.schemas import NewSession, Page, Paging, SessionOut
from checkin.services import Needed
from checkin.tables import CheckIn, Session

router = APIRouter(prefix="/api/v1/sessions", tags=["sessions"])


@router.get("", response_model=Page[SessionOut], responses=problem_responses(503))
async def list_sessions(window: Paging, services: Needed) -> Response:
    """List sessions, the latest start first."""

    async def produce() -> bytes:
        async with services.database.transaction() as db:
            total = await db.scalar(select(func.count()).select_from(Session)) or 0
            rows = await db.execute(
                _with_count().order_by(Session.starts_at.desc(), Session.id).limit(window.limit).offset(window.offset)
            )
            items = [SessionOut.of(session, checked_in=checked_in) for session, checked_in in rows]
        page = Page[SessionOut](items=items, total=total, limit=window.limit, offset=window.offset)
        return page.model_dump_json().encode()

    body = await services.cache.page(f"{window.limit}:{window.offset}", produce)
    return Response(body, media_type="application/json")


@router.post("", status_code=201, responses=problem_responses(503), dependencies=[Depends(require_json)])
async def create_session(new: NewSession, request: Request, response: Response, services: Needed) -> SessionOut:
    """Create a session."""
    async with services.database.transaction() as db:
        session = Session(title=new.title, starts_at=new.starts_at, capacity=new.capacity)
        db.add(session)
        await db.flush()
        await db.refresh(session)
    await services.cache.forget_pages()
    response.headers["location"] = request.app.url_path_for("read_session", session_id=str(session.id))
    return SessionOut.of(session, checked_in=0)


@router.get("/{session_id}", responses=problem_responses(404, 503))
async def read_session(session_id: UUID, services: Needed) -> SessionOut:
    """Read one session."""
    async with services.database.transaction() as db:
        row = (await db.execute(_with_count().where(Session.id == session_id))).one_or_none()
    if row is None:
        raise Problem(404, "There is no such session.", kind="unknown-session", title="Unknown session")
    session, checked_in = row
    return SessionOut.of(session, checked_in=checked_in)


def _with_count() -> Select[Session, int]:
    checked_in = select(func.count()).where(CheckIn.session_id == Session.id).scalar_subquery()
    return select(Session, checked_in)
