"""The tables. A change here needs a migration; a test compares the two."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, MetaData, Text, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# Names that PostgreSQL would otherwise invent, so that a migration can refer to them.
_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """What all tables share."""

    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map = {datetime: DateTime(timezone=True), str: Text()}  # noqa: RUF012 -- SQLAlchemy's own protocol


class Session(Base):
    """An event that participants check in to."""

    __tablename__ = "sessions"
    __table_args__ = (CheckConstraint("capacity > 0", name="capacity_positive"), Index(None, "starts_at", "id"))

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    title: Mapped[str]
    starts_at: Mapped[datetime]
    capacity: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Participant(Base):
    """A person. The email address, in lower case, is theirs alone."""

    __tablename__ = "participants"
    __table_args__ = (CheckConstraint("email = lower(email)", name="email_lower_case"), Index(None, "name", "id"))

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    name: Mapped[str]
    email: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class CheckIn(Base):
    """A participant's presence at a session. `status` keeps the verdict of the moment: a later rule does not change it."""

    __tablename__ = "check_ins"
    __table_args__ = (
        CheckConstraint("status IN ('on_time', 'late')", name="status_known"),
        Index(None, "session_id", "checked_in_at", "participant_id"),
    )

    session_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("sessions.id"), primary_key=True)
    participant_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("participants.id"), primary_key=True)
    status: Mapped[str]
    checked_in_at: Mapped[datetime]
