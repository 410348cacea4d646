"""Checking participants in."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.integration.api import assert_problem, check_in, new_participant, new_session

if TYPE_CHECKING:
    from tests.integration.backend import Backend


@pytest.mark.parametrize(
    ("starts_in", "status"),
    [(timedelta(hours=1), "on_time"), (timedelta(minutes=-9), "on_time"), (timedelta(minutes=-11), "late")],
)
def test_a_participant_is_late_ten_minutes_after_the_start(shared_backend: Backend, starts_in: timedelta, status: str) -> None:
    session, participant = new_session(shared_backend.http, starts_in=starts_in), new_participant(shared_backend.http)
    answer = check_in(shared_backend.http, session, participant)
    assert answer.status_code == 201
    document = answer.json()
    assert document["status"] == status
    assert document["session_id"] == session["id"]
    assert document["participant"] == {"id": participant["id"], "name": participant["name"]}


def test_checking_in_twice_gives_the_first_check_in_again(shared_backend: Backend) -> None:
    session, participant = new_session(shared_backend.http), new_participant(shared_backend.http)
    first, second = check_in(shared_backend.http, session, participant), check_in(shared_backend.http, session, participant)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()


def test_a_full_session_takes_nobody_new_but_still_knows_who_is_in(shared_backend: Backend) -> None:
    session = new_session(shared_backend.http, capacity=1)
    inside, outside = new_participant(shared_backend.http), new_participant(shared_backend.http)
    assert check_in(shared_backend.http, session, inside).status_code == 201
    assert_problem(check_in(shared_backend.http, session, outside), 409, "session-full")
    assert check_in(shared_backend.http, session, inside).status_code == 200


def test_many_at_the_door_at_once_do_not_exceed_the_capacity(shared_backend: Backend) -> None:
    session = new_session(shared_backend.http, capacity=3)
    participants = [new_participant(shared_backend.http) for _ in range(12)]
    with ThreadPoolExecutor(12) as pool:
        statuses = sorted(pool.map(lambda one: check_in(shared_backend.http, session, one).status_code, participants))
    assert statuses == [201] * 3 + [409] * 9
    assert shared_backend.http.get(f"/api/v1/sessions/{session['id']}").json()["checked_in"] == 3


def test_one_who_taps_twice_at_the_same_moment_is_checked_in_once(shared_backend: Backend) -> None:
    session, participant = new_session(shared_backend.http, capacity=1), new_participant(shared_backend.http)
    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(lambda _: check_in(shared_backend.http, session, participant).status_code, range(8)))
    assert statuses == [200] * 7 + [201]


def test_check_ins_are_listed_in_the_order_of_arrival(shared_backend: Backend) -> None:
    session = new_session(shared_backend.http)
    people = [new_participant(shared_backend.http, name=name) for name in ("Zoe", "Ahmed", "Mia")]
    for person in people:
        check_in(shared_backend.http, session, person)
    page = shared_backend.http.get(f"/api/v1/sessions/{session['id']}/check-ins", params={"limit": 2}).json()
    rest = shared_backend.http.get(f"/api/v1/sessions/{session['id']}/check-ins", params={"limit": 2, "offset": 2}).json()
    assert [item["participant"]["name"] for item in page["items"] + rest["items"]] == ["Zoe", "Ahmed", "Mia"]
    assert page["total"] == 3


def test_an_unknown_session_or_participant_is_not_found(shared_backend: Backend) -> None:
    session, participant, nobody = (
        new_session(shared_backend.http),
        new_participant(shared_backend.http),
        {"id": str(uuid.uuid4())},
    )
    assert_problem(check_in(shared_backend.http, session, nobody), 404, "unknown-participant")
    assert_problem(check_in(shared_backend.http, nobody, participant), 404, "unknown-session")


def test_check_ins_and_refusals_are_counted(shared_backend: Backend) -> None:
    def counted(line: str) -> float:
        found = [row for row in shared_backend.http.get("/metrics").text.splitlines() if row.startswith(line)]
        return float(found[0].split()[-1])

    lines = ('checkin_check_ins_total{status="late"}', 'checkin_check_ins_refused_total{reason="session_full"}')
    before = [counted(line) for line in lines]
    session = new_session(shared_backend.http, capacity=1, starts_in=timedelta(days=-1))
    for _ in range(2):
        check_in(shared_backend.http, session, new_participant(shared_backend.http))
    assert [counted(line) for line in lines] == [value + 1 for value in before]
