"""Whatever is sent, the answer says what is wrong with it, and the log has no error of ours."""

from __future__ import annotations

import json
import socket
import uuid
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import one_of
from schemathesis import GenerationMode
from schemathesis.checks import positive_data_acceptance
from schemathesis.core.result import Ok

from tests.integration.api import assert_problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemathesis import Case

    from tests.integration.backend import Backend

EXAMPLES = 8  # a route
JSON = {"content-type": "application/json"}


@pytest.fixture(autouse=True)
def no_errors_of_ours(shared_backend: Backend) -> Iterator[None]:
    yield
    assert [line for line in shared_backend.log() if line["level"] in ("error", "critical")] == []


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_route_keeps_what_its_description_promises(shared_backend: Backend, mode: GenerationMode) -> None:
    described = schemathesis.openapi.from_url(f"{shared_backend.url}/api/v1/openapi.json")
    operations = [found.ok() for found in described.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) == 10

    @settings(max_examples=EXAMPLES * len(operations), deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(case=one_of([operation.as_strategy(generation_mode=mode) for operation in operations]))
    def send(case: Case[Any]) -> None:
        # A description cannot say all that makes input valid: that a start lies in this century, for one.
        case.call_and_validate(excluded_checks=[positive_data_acceptance])

    send()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{", id="cut off"),
        pytest.param(b"{} {}", id="two documents"),
        pytest.param(b"\xff\xfe", id="no UTF-8"),
        pytest.param(b"[" * 60_000, id="nested too deeply"),
        pytest.param(b'{"capacity": ' + b"9" * 60_000 + b"}", id="an endless number"),
        pytest.param(b'{"capacity": NaN}', id="not a number"),
        pytest.param(b"null", id="null"),
        pytest.param(b'"text"', id="text"),
        pytest.param(b'{"a\\u0000\\ud800": 1}', id="a name that cannot be written as UTF-8"),
        pytest.param(json.dumps({str(number): number for number in range(4000)}).encode(), id="thousands of names"),
    ],
)
def test_a_body_that_is_no_session_is_refused(shared_backend: Backend, body: bytes) -> None:
    answer = shared_backend.http.post("/api/v1/sessions", content=body, headers=JSON)
    assert_problem(answer, answer.status_code, "invalid-input" if answer.status_code == 422 else None)
    assert answer.status_code in (400, 422)
    assert len(answer.content) < 10_000


def test_invalid_fields_are_named(shared_backend: Backend) -> None:
    answer = shared_backend.http.post("/api/v1/sessions", json={"title": "a\x00b", "starts_at": "soon", "capcity": 3})
    problem = assert_problem(answer, 422, "invalid-input")
    assert {(error["in"], error["name"]) for error in problem["errors"]} == {
        ("body", "title"),
        ("body", "starts_at"),
        ("body", "capacity"),
        ("body", "capcity"),
    }


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", f"offset={10**30}", "offset=-1", "page=2", "limit=%00"])
@pytest.mark.parametrize("path", ["sessions", "participants", f"sessions/{uuid.uuid4()}/check-ins"])
def test_a_page_that_cannot_be_is_refused(shared_backend: Backend, path: str, query: str) -> None:
    assert_problem(shared_backend.http.get(f"/api/v1/{path}?{query}"), 422, "invalid-input")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "", ";", "a" * 5000])
def test_a_body_that_does_not_say_it_is_json_is_refused(shared_backend: Backend, kind: str) -> None:
    answer = shared_backend.http.post(
        "/api/v1/participants", content=b'{"name": "A", "email": "a@b.org"}', headers={"content-type": kind}
    )
    assert_problem(answer, 415)


def test_a_huge_body_is_refused(shared_backend: Backend) -> None:
    assert_problem(shared_backend.http.post("/api/v1/participants", content=b" " * 70_000, headers=JSON), 413)


@pytest.mark.parametrize("path", ["/", "/api/v1", "/api/v1/sessions/", "/docs", "/%00", "/api/v1/%ff", "/..%2f..%2fetc/passwd"])
def test_an_unknown_path_is_not_found(shared_backend: Backend, path: str) -> None:
    assert_problem(shared_backend.http.get(path), 404)


@pytest.mark.parametrize("identifier", ["1", "%00", "x" * 3000, "00000000-0000-0000-0000-00000000000g"])
def test_an_identifier_that_is_none_is_refused(shared_backend: Backend, identifier: str) -> None:
    assert_problem(shared_backend.http.get(f"/api/v1/sessions/{identifier}"), 422, "invalid-input")


def test_a_method_that_is_not_possible_names_those_that_are(shared_backend: Backend) -> None:
    answer = shared_backend.http.delete("/api/v1/sessions")
    assert_problem(answer, 405)
    assert answer.headers["allow"] == "GET, POST"


def test_a_host_header_that_is_no_host_does_no_harm(shared_backend: Backend) -> None:
    for path in ("/nowhere", "/api/v1/sessions", "/api/v1/sessions/x"):
        assert shared_backend.http.get(path, headers={"host": "[::1"}).status_code in (200, 404, 422)


def test_what_is_no_http_is_refused_and_the_next_caller_is_served(shared_backend: Backend) -> None:
    with socket.create_connection(("127.0.0.1", shared_backend.port), timeout=5) as raw:
        raw.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
        assert raw.recv(12) == b"HTTP/1.1 400"
    assert shared_backend.http.get("/health/live").status_code == 200
