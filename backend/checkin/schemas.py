"""The documents of the API: what callers may send, with its limits, and what they get."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Generic, Literal, TypeVar
from uuid import UUID

from fastapi import Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    from checkin.tables import Participant, Session

Item = TypeVar("Item")
Status = Literal["on_time", "late"]

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
# RFC 5321 allows 254 characters. Internationalised domains come in their ASCII form.
_EMAIL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")


def _one_line(value: str) -> str:
    if any(unicodedata.category(character) == "Cc" for character in value):  # PostgreSQL cannot store NUL
        raise PydanticCustomError("control_character", "Must not contain control characters")
    return value


def _email(value: str) -> str:
    if not _EMAIL.fullmatch(value):
        raise PydanticCustomError("email", "Must be an email address; an internationalised domain in its ASCII form")
    return value


def _text_only(value: object) -> object:
    if not isinstance(value, str):  # numbers would be read as seconds since 1970
        raise PydanticCustomError("moment_type", "Must be a text with date, time and offset, such as 2030-01-31T09:00:00+01:00")
    return value


def _in_range(value: datetime) -> datetime:
    if not EARLIEST <= value < LATEST:
        bounds = {"earliest": f"{EARLIEST:%Y-%m-%d}", "latest": f"{LATEST:%Y-%m-%d}"}
        raise PydanticCustomError("moment_range", "Must lie between {earliest} and {latest}", bounds)
    return value.astimezone(UTC)


Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_one_line)]
Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, to_lower=True, min_length=3, max_length=254),
    AfterValidator(_email),
    Field(json_schema_extra={"format": "email"}),
]
Moment = Annotated[AwareDatetime, BeforeValidator(_text_only), AfterValidator(_in_range)]


class _Sent(BaseModel):
    """What a caller sends. Unknown names are refused: they are usually misspelled ones."""

    model_config = ConfigDict(extra="forbid", str_max_length=1000)


class NewSession(_Sent):
    """A session to create."""

    title: Line
    starts_at: Moment = Field(description="RFC 3339 with an offset")
    capacity: Annotated[int, Field(strict=True, ge=1, le=100_000)]


class NewParticipant(_Sent):
    """A participant to create."""

    name: Line
    email: Email


class NewCheckIn(_Sent):
    """Who checks in."""

    participant_id: UUID


class SessionOut(BaseModel):
    """A session, and how many have checked in so far."""

    id: UUID
    title: str
    starts_at: datetime
    capacity: int
    checked_in: int
    created_at: datetime

    @classmethod
    def of(cls, row: Session, *, checked_in: int) -> SessionOut:
        """Return the document of a row."""
        return cls(
            id=row.id,
            title=row.title,
            starts_at=row.starts_at,
            capacity=row.capacity,
            checked_in=checked_in,
            created_at=row.created_at,
        )


class ParticipantOut(BaseModel):
    """A participant."""

    id: UUID
    name: str
    email: str
    created_at: datetime

    @classmethod
    def of(cls, row: Participant) -> ParticipantOut:
        """Return the document of a row."""
        return cls(id=row.id, name=row.name, email=row.email, created_at=row.created_at)


class ParticipantName(BaseModel):
    """Who checked in."""

    id: UUID
    name: str


class CheckInOut(BaseModel):
    """A participant's presence at a session."""

    session_id: UUID
    participant: ParticipantName
    status: Status
    checked_in_at: datetime


class Page(BaseModel, Generic[Item]):
    """A part of a list. `total` counts the whole list."""

    items: list[Item]
    total: int
    limit: int
    offset: int


class Window(BaseModel):
    """Which part of a list a caller wants."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=20, ge=1, le=100)
    offset: int = Field(default=0, ge=0, le=1_000_000)


Paging = Annotated[Window, Query()]
