"""Short ways to ask the backend for what many tests need."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

Document = dict[str, Any]
_numbers = itertools.count(1)


def new_session(
    http: httpx.Client, *, capacity: int = 10, starts_in: timedelta = timedelta(hours=1), title: str = "Knots"
) -> Document:
    """Create a session that starts then, and return it."""
    starts_at = (datetime.now(UTC) + starts_in).isoformat()
    answer = http.post("/api/v1/sessions", json={"title": title, "starts_at": starts_at, "capacity": capacity})
    assert answer.status_code == 201, answer.text
    document: Document = answer.json()
    return document


def new_participant(http: httpx.Client, *, name: str = "Ines") -> Document:
    """Create a participant with an email address of their own, and return them."""
    answer = http.post("/api/v1/participants", json={"name": name, "email": f"p{next(_numbers)}@example.org"})
    assert answer.status_code == 201, answer.text
    document: Document = answer.json()
    return document


def check_in(http: httpx.Client, session: Document, participant: Document) -> httpx.Response:
    """Ask for a check-in, and return the answer."""
    return http.post(f"/api/v1/sessions/{session['id']}/check-ins", json={"participant_id": participant["id"]})


def assert_problem(answer: httpx.Response, status: int, kind: str | None = None) -> Document:
    """Check that the answer is a problem document of that status and kind, and return it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: Document = answer.json()
    assert document["status"] == status
    assert document["type"] == (f"urn:problem-type:{kind}" if kind else "about:blank")
    assert document["title"]
    assert document["detail"]
    assert len(document["trace_id"]) == 32
    return document
