"""The cached session list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.api import check_in, new_participant, new_session
from tests.integration.backend import backend_thread

if TYPE_CHECKING:
    from tests.integration.backend import Backend, Served
    from tests.integration.conftest import Environment
    from tests.integration.servers import Postgres


def lookups(backend: Served, result: str) -> float:
    start = f'checkin_session_page_lookups_total{{result="{result}"}}'
    return float(next(line for line in backend.http.get("/metrics").text.splitlines() if line.startswith(start)).split()[-1])


def test_a_page_asked_for_again_comes_from_the_cache(backend: Backend) -> None:
    new_session(backend.http)
    hits, misses = lookups(backend, "hit"), lookups(backend, "miss")
    first, second = backend.http.get("/api/v1/sessions"), backend.http.get("/api/v1/sessions")
    assert first.json() == second.json()
    assert first.headers["content-type"] == second.headers["content-type"] == "application/json"
    assert (lookups(backend, "hit") - hits, lookups(backend, "miss") - misses) == (1, 1)


def test_different_pages_are_kept_apart(backend: Backend) -> None:
    new_session(backend.http)
    assert len(backend.http.get("/api/v1/sessions", params={"limit": 1}).json()["items"]) == 1
    assert backend.http.get("/api/v1/sessions", params={"limit": 1, "offset": 1000}).json()["items"] == []


def test_a_cached_page_is_served_while_the_database_is_away(backend: Backend, postgres: Postgres) -> None:
    page = backend.http.get("/api/v1/sessions").json()
    with postgres.down():
        assert backend.http.get("/api/v1/sessions").json() == page


def test_a_change_through_one_replica_shows_in_the_other_at_once(backend: Backend, environment: Environment) -> None:
    with backend_thread(environment) as other:
        session = new_session(backend.http)
        assert other.http.get("/api/v1/sessions").json()["items"][0]["checked_in"] == 0
        check_in(backend.http, session, new_participant(backend.http))
        assert other.http.get("/api/v1/sessions").json()["items"][0]["checked_in"] == 1


def test_releases_that_serve_side_by_side_do_not_read_each_others_pages(backend: Backend, environment: Environment) -> None:
    backend.http.get("/api/v1/sessions")
    with backend_thread({**environment, "RELEASE": "another"}) as other:
        other.http.get("/api/v1/sessions")
        assert lookups(other, "miss") == 1
