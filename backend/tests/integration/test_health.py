"""Readiness, and serving while something that is needed is away."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest

from tests.integration.api import assert_problem, check_in, new_participant, new_session
from tests.integration.backend import backend_thread
from tests.integration.waiting import PATIENCE, in_background, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.backend import Backend, Served
    from tests.integration.conftest import Environment
    from tests.integration.servers import Postgres, Server

PROBE_PATIENCE = 2.0  # seconds; how long Kubernetes waits for the answer of a readiness probe


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Listen on a port, accept connections, and never say a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def checks_when_not_ready(backend: Served) -> dict[str, str]:
    """Ask for readiness, which must be denied in time, and return how each thing does."""
    durations = []
    for _ in range(3):  # on a machine that is busy with other things, one answer may be late for no fault of the backend
        began = time.monotonic()
        answer = backend.http.get("/health/ready")
        durations.append(time.monotonic() - began)
        if durations[-1] < PROBE_PATIENCE:
            checks: dict[str, str] = assert_problem(answer, 503)["checks"]
            return checks
    raise AssertionError(f"readiness took {durations} s")


def wait_until_ready(backend: Backend) -> None:
    wait_until(lambda: backend.status_of("/health/ready") == 200, "the backend is ready")


def test_ready_when_database_and_redis_answer(backend: Backend) -> None:
    answer = backend.http.get("/health/ready")
    assert answer.json() == {"status": "ready", "checks": {"database": "ok", "redis": "ok"}}
    assert answer.headers["cache-control"] == "no-store"


def test_without_redis_not_ready_but_every_request_is_served(backend: Backend, redis: Server) -> None:
    with redis.down():
        assert checks_when_not_ready(backend) == {"database": "ok", "redis": "does not answer"}
        session = new_session(backend.http)
        assert check_in(backend.http, session, new_participant(backend.http)).status_code == 201
        listed = backend.http.get("/api/v1/sessions")
        assert listed.json()["items"][0]["checked_in"] == 1
    wait_until_ready(backend)


def test_a_redis_that_hangs_slows_nobody_down_for_long(backend: Backend, redis: Server) -> None:
    wait_until_ready(backend)
    with redis.hanging():
        assert checks_when_not_ready(backend) == {"database": "ok", "redis": "does not answer"}
        began = time.monotonic()
        for _ in range(20):
            assert backend.http.get("/api/v1/sessions").status_code == 200
        assert time.monotonic() - began < 4  # without a pause, each of them would wait: 6 s
    wait_until_ready(backend)


def test_without_the_database_not_ready_alive_and_requests_are_told_to_come_back(backend: Backend, postgres: Postgres) -> None:
    with postgres.down():
        assert checks_when_not_ready(backend) == {"database": "does not answer", "redis": "ok"}
        assert backend.http.get("/health/live").status_code == 200
        answer = backend.http.get("/api/v1/participants")
        assert_problem(answer, 503)
        assert int(answer.headers["retry-after"]) > 0
        assert "127.0.0.1" not in answer.text
    wait_until_ready(backend)
    assert backend.http.get("/api/v1/participants").status_code == 200


def test_the_first_request_after_a_restart_of_database_and_redis_is_served(
    backend: Backend, postgres: Postgres, redis: Server
) -> None:
    new_session(backend.http)
    backend.http.get("/api/v1/sessions")
    with postgres.down(), redis.down():
        pass
    assert backend.http.get("/api/v1/participants").status_code == 200
    assert backend.http.get("/health/ready").status_code == 200


def test_a_database_that_hangs_is_not_waited_for(environment: Environment, silent_port: int) -> None:
    with backend_thread({**environment, "DATABASE_PORT": str(silent_port)}) as backend:
        began = time.monotonic()
        waiting = in_background(lambda: backend.http.get("/api/v1/participants"))
        assert checks_when_not_ready(backend) == {"database": "does not answer", "redis": "ok"}
        assert_problem(waiting.result(PATIENCE), 503)
        assert time.monotonic() - began < 5


def test_a_wrong_password_is_not_ready_and_stays_out_of_answer_and_log(
    environment: Environment, caplog: pytest.LogCaptureFixture
) -> None:
    with backend_thread({**environment, "DATABASE_PASSWORD": "open sesame", "REDIS_PASSWORD": "open sesame"}) as backend:
        assert checks_when_not_ready(backend) == {"database": "does not answer", "redis": "does not answer"}
        assert_problem(backend.http.get("/api/v1/participants"), 503)
        assert "password authentication failed" in caplog.text
        assert "open sesame" not in caplog.text


def test_a_database_without_the_schema_is_not_ready(environment: Environment, postgres: Postgres) -> None:
    with backend_thread({**environment, "DATABASE_NAME": postgres.new_database()}) as backend:
        wait_until(lambda: "python -m checkin.migrate" in checks_when_not_ready(backend)["database"], "the remedy is named")
        assert_problem(backend.http.get("/api/v1/sessions"), 503)


def test_a_busy_pool_is_not_taken_for_a_database_that_is_down(environment: Environment, postgres: Postgres) -> None:
    with backend_thread({**environment, "DATABASE_POOL_SIZE": "1"}) as backend:
        session, participant = new_session(backend.http), new_participant(backend.http)
        with postgres.locked_session(session["id"], database=environment["DATABASE_NAME"]):
            waiting = in_background(lambda: check_in(backend.http, session, participant).status_code)
            wait_until(
                lambda: "checkin_database_connections_in_use 1.0" in backend.http.get("/metrics").text, "the pool is used up"
            )
            assert backend.http.get("/health/ready").status_code == 200
        assert waiting.result(PATIENCE) == 201
