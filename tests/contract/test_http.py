"""The same cases against the fake of the Http port and the adapter that asks a real server."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from plimsoll.adapters.http import UrllibHttp, is_loopback
from tests.fake_site import FakeHttp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plimsoll.ports import Http

STATUSES = {"/fine": 200, "/moved": 302, "/missing": 404, "/broken": 500, "/away": 503}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status = STATUSES[self.path]
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/fine")
        self.end_headers()
        self.wfile.write(b"fine" if status == 200 else b"not fine")

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{found.server_port}"
        found.shutdown()
        thread.join()


@pytest.fixture(params=["fake", "real"])
def http(request: pytest.FixtureRequest) -> Http:
    if request.param == "real":
        return UrllibHttp()
    fake = FakeHttp()
    fake.answers |= {":1/fine": "Connection refused", **STATUSES}
    return fake


@pytest.mark.parametrize("path", STATUSES)
def test_every_status_is_an_answer_and_no_redirect_is_followed(http: Http, server: str, path: str) -> None:
    answer = http.get(server + path, timeout=5)
    assert answer.status == STATUSES[path]
    assert answer.error == ""


def test_the_body_can_be_looked_into(http: Http, server: str) -> None:
    assert "fine" in http.get(f"{server}/fine", timeout=5).body


def test_a_refused_connection_is_an_answer_without_a_status(http: Http) -> None:
    answer = http.get("http://127.0.0.1:1/fine", timeout=5)
    assert answer.status is None
    assert "refused" in answer.error


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/x"])
def test_only_http_is_spoken(url: str) -> None:
    answer = UrllibHttp().get(url, timeout=1)
    assert answer.status is None
    assert "unknown url type" in answer.error


def test_a_proxy_is_never_asked_for_this_machine(monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    assert UrllibHttp().get(f"{server}/fine", timeout=5).status == 200
    assert is_loopback("http://[::1]:80/")
    assert is_loopback("http://localhost/")
    assert not is_loopback("https://example.org/")
