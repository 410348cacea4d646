"""Listing, creating and reading sessions and participants."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tests.integration.api import assert_problem, check_in, new_participant, new_session

if TYPE_CHECKING:
    from tests.integration.backend import Backend


def test_an_empty_application_lists_nothing(backend: Backend) -> None:
    empty = {"items": [], "total": 0, "limit": 20, "offset": 0}
    assert backend.http.get("/api/v1/sessions").json() == empty
    assert backend.http.get("/api/v1/participants").json() == empty


def test_a_created_session_can_be_read_where_its_location_says(backend: Backend) -> None:
    starts_at = "2030-05-01T09:00:00+02:00"
    sent = {"title": "Harbour tour", "starts_at": starts_at, "capacity": 12}
    created = backend.http.post("/api/v1/sessions", json=sent)
    assert created.status_code == 201
    document = created.json()
    assert (document["title"], document["capacity"], document["checked_in"]) == ("Harbour tour", 12, 0)
    assert datetime.fromisoformat(document["starts_at"]) == datetime.fromisoformat(starts_at)
    assert backend.http.get(created.headers["location"]).json() == document


def test_sessions_are_listed_latest_start_first_in_pages(backend: Backend) -> None:
    later, sooner = (
        new_session(backend.http, title=title, starts_in=timedelta(days=days))
        for title, days in (("later", 30_00), ("sooner", 20_00))
    )
    first = backend.http.get("/api/v1/sessions", params={"limit": 1}).json()
    second = backend.http.get("/api/v1/sessions", params={"limit": 1, "offset": 1}).json()
    assert [item["id"] for item in first["items"] + second["items"]] == [later["id"], sooner["id"]]
    assert first["total"] == second["total"] >= 2


def test_the_list_shows_a_change_at_once(backend: Backend) -> None:
    session = new_session(backend.http, starts_in=timedelta(days=3500))
    before = backend.http.get("/api/v1/sessions").json()["items"][0]
    assert (before["id"], before["checked_in"]) == (session["id"], 0)
    check_in(backend.http, session, new_participant(backend.http))
    assert backend.http.get("/api/v1/sessions").json()["items"][0]["checked_in"] == 1


def test_participants_are_listed_by_name(backend: Backend) -> None:
    for name in ("Zoe", "Ahmed", "Mia"):
        new_participant(backend.http, name=name)
    names = [item["name"] for item in backend.http.get("/api/v1/participants", params={"limit": 100}).json()["items"]]
    assert names == sorted(names)
    assert {"Zoe", "Ahmed", "Mia"} <= set(names)


def test_an_email_address_belongs_to_one_participant_however_it_is_written(backend: Backend) -> None:
    assert backend.http.post("/api/v1/participants", json={"name": "A", "email": "one@example.org"}).status_code == 201
    again = backend.http.post("/api/v1/participants", json={"name": "B", "email": "ONE@example.org"})
    assert_problem(again, 409, "email-taken")


def test_an_unknown_session_is_not_found(backend: Backend) -> None:
    assert_problem(backend.http.get(f"/api/v1/sessions/{uuid.uuid4()}"), 404, "unknown-session")
    assert_problem(backend.http.get(f"/api/v1/sessions/{uuid.uuid4()}/check-ins"), 404, "unknown-session")
