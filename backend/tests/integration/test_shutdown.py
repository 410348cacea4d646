"""Ending the server with real signals."""

from __future__ import annotations

import http.client
import signal
import time
from typing import TYPE_CHECKING

import httpx

from tests.integration.api import assert_problem, check_in, new_participant, new_session
from tests.integration.backend import backend_process
from tests.integration.waiting import PATIENCE, accepts, in_background, wait_until

if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path

    from tests.integration.api import Document
    from tests.integration.backend import Backend
    from tests.integration.conftest import Environment
    from tests.integration.servers import Postgres

# Seconds; for what takes one when it works, and as long as a setting says, 20 or 60, when it does not.
SOON = 15.0


def in_flight_check_in(backend: Backend, session: Document, participant: Document) -> Future[int]:
    """Ask for a check-in that has to wait for the session's row, and return once the backend is waiting for it."""
    answer = in_background(lambda: check_in(backend.http, session, participant).status_code)
    in_use = "checkin_database_connections_in_use 1.0"
    wait_until(lambda: in_use in httpx.get(f"{backend.url}/metrics").text, "the check-in waits")
    return answer


def test_after_sigterm_the_server_is_unready_at_once_but_serves_new_callers_for_a_while(
    environment: Environment, tmp_path: Path
) -> None:
    with backend_process({**environment, "SHUTDOWN_DELAY_SECONDS": "4"}, tmp_path) as backend:
        assert backend.status_of("/health/ready") == 200
        backend.process.send_signal(signal.SIGTERM)
        asked = time.monotonic()
        wait_until(lambda: backend.status_of("/health/ready") == 503, "unready")
        assert "ending" in assert_problem(backend.http.get("/health/ready"), 503)["detail"]
        assert backend.status_of("/health/live") == 200
        statuses = []
        while time.monotonic() < asked + 1.5:
            newcomer = http.client.HTTPConnection("127.0.0.1", backend.port, timeout=5)
            newcomer.request("GET", "/api/v1/sessions")
            answer = newcomer.getresponse()
            statuses.append((answer.status, answer.headers["connection"]))
            newcomer.close()
        assert len(statuses) > 2
        assert set(statuses) == {(200, "close")}
        assert backend.process.wait(PATIENCE) == 0
        assert time.monotonic() - asked >= 4
        assert not accepts(backend.port)
        lines = backend.log()
        assert any("unready from now on" in line["message"] for line in lines)
        assert {line["level"] for line in lines} == {"info"}


def test_what_is_in_flight_is_finished(environment: Environment, postgres: Postgres, tmp_path: Path) -> None:
    with backend_process(environment, tmp_path) as backend:
        session, participant = new_session(backend.http), new_participant(backend.http)
        with postgres.locked_session(session["id"], database=environment["DATABASE_NAME"]):
            answer = in_flight_check_in(backend, session, participant)
            backend.process.send_signal(signal.SIGTERM)
            wait_until(lambda: not accepts(backend.port), "the port is closed")
            assert backend.process.poll() is None
        assert answer.result(PATIENCE) == 201
        assert backend.process.wait(PATIENCE) == 0


def test_what_never_ends_is_not_waited_for_forever(environment: Environment, postgres: Postgres, tmp_path: Path) -> None:
    with backend_process({**environment, "SHUTDOWN_TIMEOUT_SECONDS": "1"}, tmp_path) as backend:
        session, participant = new_session(backend.http), new_participant(backend.http)
        with postgres.locked_session(session["id"], database=environment["DATABASE_NAME"]):
            in_flight_check_in(backend, session, participant)
            backend.process.send_signal(signal.SIGTERM)
            assert backend.process.wait(SOON) == 0


def test_a_second_signal_skips_the_wait(environment: Environment, tmp_path: Path) -> None:
    with backend_process({**environment, "SHUTDOWN_DELAY_SECONDS": "60"}, tmp_path) as backend:
        backend.process.send_signal(signal.SIGTERM)
        wait_until(lambda: backend.status_of("/health/ready") == 503, "unready")
        backend.process.send_signal(signal.SIGTERM)
        assert backend.process.wait(SOON) == 0


def test_an_idle_connection_does_not_hold_the_server(environment: Environment, tmp_path: Path) -> None:
    with backend_process(environment, tmp_path) as backend:
        assert backend.status_of("/health/live") == 200  # the client keeps this connection open
        backend.process.send_signal(signal.SIGTERM)
        assert backend.process.wait(SOON) == 0


def test_with_graceful_shutdown_off_the_server_drops_everything(
    environment: Environment, postgres: Postgres, tmp_path: Path
) -> None:
    abrupt = {**environment, "GRACEFUL_SHUTDOWN": "off", "SHUTDOWN_DELAY_SECONDS": "60"}
    with backend_process(abrupt, tmp_path) as backend:
        session, participant = new_session(backend.http), new_participant(backend.http)
        with postgres.locked_session(session["id"], database=environment["DATABASE_NAME"]):
            answer = in_flight_check_in(backend, session, participant)
            backend.process.send_signal(signal.SIGTERM)
            assert backend.process.wait(SOON) == 128 + signal.SIGTERM
            assert isinstance(answer.exception(), httpx.TransportError)
