"""What surrounds every request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from checkin.lifecycle import Lifecycle
from checkin.metrics import Metrics
from checkin.observe import LARGEST_BODY, Observe

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request


async def read(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


async def fail(_: Request) -> PlainTextResponse:
    raise ZeroDivisionError("a secret detail")


async def fail_half_way(_: Request) -> StreamingResponse:
    async def body() -> AsyncIterator[bytes]:
        yield b"first"
        raise ZeroDivisionError

    return StreamingResponse(body())


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield b"x" * 1024


class Harness:
    """A small application behind the middleware, called without a network."""

    def __init__(self) -> None:
        self.lifecycle = Lifecycle()
        self.metrics = Metrics(release="r", revision="v")
        routes = [Route("/read", read, methods=["POST"]), Route("/fail", fail), Route("/half", fail_half_way)]
        around = Middleware(Observe, metrics=self.metrics, lifecycle=self.lifecycle)
        self.app = Starlette(routes=routes, middleware=[around])

    def request(self, method: str, path: str, body: bytes | AsyncIterator[bytes] = b"") -> httpx.Response:
        async def send() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://test") as http:
                return await http.request(method, path, content=body)

        return asyncio.run(send())

    def counted(self, method: str, route: str, status: int) -> float:
        labels = {"method": method, "route": route, "status": str(status)}
        return self.metrics.registry.get_sample_value("http_requests_total", labels) or 0


@pytest.fixture
def harness() -> Harness:
    return Harness()


def test_an_unexpected_error_is_a_plain_problem_and_a_line_in_the_log(harness: Harness, caplog: pytest.LogCaptureFixture) -> None:
    answer = harness.request("GET", "/fail")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text
    assert "ZeroDivisionError" in caplog.text
    assert len(answer.json()["trace_id"]) == 32


def test_an_error_in_the_middle_of_an_answer_is_not_hidden(harness: Harness) -> None:
    with pytest.raises(ZeroDivisionError):
        harness.request("GET", "/half")


def test_a_body_may_be_large_but_not_larger(harness: Harness) -> None:
    assert harness.request("POST", "/read", b"x" * LARGEST_BODY).text == str(LARGEST_BODY)
    assert harness.request("POST", "/read", b"x" * (LARGEST_BODY + 1)).status_code == 413


def test_a_body_without_a_declared_length_is_limited_too(harness: Harness) -> None:
    assert harness.request("POST", "/read", endless()).status_code == 413


def test_what_callers_invent_does_not_become_a_label(harness: Harness) -> None:
    harness.request("BREW", "/some/path/of/mine")
    assert harness.counted("other", "unmatched", 404) == 1


def test_callers_are_asked_to_reconnect_once_the_process_is_ending(harness: Harness) -> None:
    assert "connection" not in harness.request("POST", "/read").headers
    harness.lifecycle.draining = True
    assert harness.request("POST", "/read").headers["connection"] == "close"
