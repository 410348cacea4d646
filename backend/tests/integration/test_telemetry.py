"""What can be known about requests from outside: logs and metrics."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from tests.integration.api import assert_problem, new_session
from tests.integration.waiting import wait_until

if TYPE_CHECKING:
    from tests.integration.backend import Backend

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def access_lines_after(backend: Backend, path: str) -> list[dict[str, Any]]:
    """Ask for the path, and return the lines about requests up to this one: each is written just after its answer is sent."""

    def lines() -> list[dict[str, Any]]:
        return [line for line in backend.log() if line["logger"] == "checkin.access"]

    backend.http.get(path)
    wait_until(lambda: any(line["path"] == path for line in lines()), "the request is logged")
    return lines()


def test_every_line_is_json_with_time_level_and_message(shared_backend: Backend) -> None:
    access_lines_after(shared_backend, f"/{uuid.uuid4()}")
    lines = shared_backend.log()
    assert all({"time", "level", "logger", "message"} <= set(line) for line in lines)
    assert {"uvicorn.error", "checkin.access"} <= {line["logger"] for line in lines}


def test_a_request_is_logged_under_the_trace_that_it_came_with(shared_backend: Backend) -> None:
    answer = shared_backend.http.get("/api/v1/sessions/x", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    assert assert_problem(answer, 422, "invalid-input")["trace_id"] == TRACE
    (line,) = [line for line in access_lines_after(shared_backend, f"/{uuid.uuid4()}") if line["trace_id"] == TRACE]
    assert (line["status"], line["route"], line["path"]) == (422, "/api/v1/sessions/{session_id}", "/api/v1/sessions/x")


def test_requests_without_a_trace_get_one_each(shared_backend: Backend) -> None:
    for _ in range(3):
        shared_backend.http.get("/api/v1/sessions")
    lines = access_lines_after(shared_backend, f"/{uuid.uuid4()}")[-4:]
    assert len({line["trace_id"] for line in lines}) == 4


def test_probes_that_succeed_are_not_logged(shared_backend: Backend) -> None:
    probes = {"/health/live", "/health/ready", "/metrics", "/version"}
    for path in probes:
        assert shared_backend.http.get(path).status_code == 200
    logged = access_lines_after(shared_backend, f"/{uuid.uuid4()}")
    assert not any(line["path"] in probes and line["status"] == 200 for line in logged)


def test_metrics_speak_of_routes_not_of_paths(shared_backend: Backend) -> None:
    session = new_session(shared_backend.http)
    shared_backend.http.get(f"/api/v1/sessions/{session['id']}")
    shared_backend.http.get(f"/nowhere/{uuid.uuid4()}")
    text = shared_backend.http.get("/metrics").text
    assert 'http_requests_total{method="GET",route="/api/v1/sessions/{session_id}",status="200"}' in text
    assert 'http_requests_total{method="GET",route="unmatched",status="404"}' in text
    assert 'http_request_duration_seconds_bucket{le="1.0",method="POST",route="/api/v1/sessions"}' in text
    assert session["id"] not in text
    assert "/nowhere" not in text


def test_metrics_name_the_release(shared_backend: Backend) -> None:
    version = shared_backend.http.get("/version").json()
    line = f'checkin_build_info{{release="{version["release"]}",revision="0123abc"}} 1.0'
    assert line in shared_backend.http.get("/metrics").text
