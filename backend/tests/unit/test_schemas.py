"""What callers may send."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from checkin.schemas import NewParticipant, NewSession


def session(**changes: object) -> NewSession:
    return NewSession.model_validate({"title": "Knots", "starts_at": "2030-05-01T09:00:00+02:00", "capacity": 3, **changes})


def participant(**changes: object) -> NewParticipant:
    return NewParticipant.model_validate({"name": "Ines", "email": "ines@example.org", **changes})


def test_a_start_is_kept_in_utc() -> None:
    assert session().starts_at == datetime(2030, 5, 1, 7, 0, tzinfo=UTC)
    assert session().starts_at.tzinfo is UTC


def test_spaces_around_a_title_are_dropped() -> None:
    assert session(title="  Knots and bends ").title == "Knots and bends"


def test_an_email_address_is_kept_in_lower_case() -> None:
    assert participant(email=" Ines.Carvalho@Example.ORG ").email == "ines.carvalho@example.org"


@pytest.mark.parametrize("capacity", [0, -1, 100_001, 2**63, 10**400, 1.5, "3", True, None])
def test_a_capacity_is_a_sensible_whole_number(capacity: object) -> None:
    with pytest.raises(ValidationError):
        session(capacity=capacity)


@pytest.mark.parametrize(
    "starts_at",
    [
        "2030-05-01T09:00:00",  # without an offset nobody knows when it is
        "0001-01-01T00:00:00+14:00",  # does not exist in UTC
        "9999-12-31T23:59:59-14:00",
        "1999-12-31T23:59:59Z",
        "2100-01-01T00:00:00Z",
        "tomorrow",
        1893456000,
        None,
    ],
)
def test_a_start_is_a_moment_of_this_century(starts_at: object) -> None:
    with pytest.raises(ValidationError):
        session(starts_at=starts_at)


@pytest.mark.parametrize("text", ["", "   ", "a\x00b", "a\nb", "\x7f", "\x9b", "\ud800", "x" * 201, 5])
def test_a_name_is_one_line_of_text(text: object) -> None:
    with pytest.raises(ValidationError):
        participant(name=text)


@pytest.mark.parametrize("text", ["Łukasz O'Neill-Müller", "عائشة", "😀", "x" * 200])
def test_a_name_may_be_anyones(text: str) -> None:
    assert participant(name=text).name == text


@pytest.mark.parametrize(
    "email", ["a@b", "@example.org", "a@@example.org", "a b@example.org", "a@-x.org", "é@example.org", "a@b.org\x00"]
)
def test_what_is_no_email_address_is_refused(email: str) -> None:
    with pytest.raises(ValidationError):
        participant(email=email)


def test_a_misspelled_name_is_refused() -> None:
    with pytest.raises(ValidationError, match="capcity"):
        session(capcity=5)
