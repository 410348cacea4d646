"""Channels against real servers on this machine: what arrives, how a dead one ends, and that no secret is ever told."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import threading
import time
from contextlib import closing
from email import message_from_string, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from plimsoll.adapters.mail import Mail
from plimsoll.adapters.webhook import SIGNATURE, Webhook
from plimsoll.domain.channel import Channel, MailSettings
from plimsoll.domain.notification import Occasion, of_test
from plimsoll.domain.notification_text import message
from plimsoll.domain.secret import SecretText
from plimsoll.errors import EnvironmentLacks
from plimsoll.workflows.notify import deliver
from tests.mail_server import PASSWORD, USER, certificate, mail_server
from tests.needs import need_program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "T0KEN-that-nobody-may-see"  # noqa: S105 -- planted, to be looked for
OCCASION = Occasion(project="hello", environment="staging", task="notify.test", actor="ada", at="2030-01-02T03:04:05Z")
NOTICE = of_test("team", OCCASION)
ANSWERS = {
    "fine": (200, "ok"),
    "gone": (404, "no_service"),
    "moved": (302, "See <a>there</a>"),
    "echo": (400, f"bad token {TOKEN}"),
}


class Hook(BaseHTTPRequestHandler):
    got: list[tuple[dict[str, str], bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        name = self.path.split("/")[1]
        if name == "never":
            time.sleep(3)
            return
        self.got.append((dict(self.headers), body))
        status, words = ANSWERS[name]
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/fine")
        self.end_headers()
        self.wfile.write(words.encode())

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@pytest.fixture
def hooks() -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    handler = type("TheHook", (Hook,), {"got": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", handler.got
        server.shutdown()


def hook(url: str, secret: str = "") -> Webhook:
    return Webhook(SecretText(url), SecretText(secret) if secret else None)


def refused(sender: Webhook | Mail, told: dict[str, Any], timeout: float = 1) -> str:
    with pytest.raises(EnvironmentLacks) as caught:
        sender.send(told, timeout=timeout)
    return caught.value.what


def test_a_webhook_gets_the_notice_as_json(hooks: tuple[str, list[Any]]) -> None:
    url, got = hooks
    hook(f"{url}/fine/{TOKEN}").send(NOTICE.to_json(), timeout=1)
    ((headers, body),) = got
    assert json.loads(body) == NOTICE.to_json()
    assert headers["Content-Type"] == "application/json"
    assert SIGNATURE not in headers


def test_a_signed_webhook_proves_who_sent_it(hooks: tuple[str, list[Any]]) -> None:
    url, got = hooks
    hook(f"{url}/fine", "a shared key").send(NOTICE.to_json(), timeout=1)
    ((headers, body),) = got
    assert headers[SIGNATURE] == "sha256=" + hmac.new(b"a shared key", body, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("gone", "it answered 404 (no_service)"),
        ("moved", "it answered 302"),
        ("echo", "it answered 400"),
        ("never", "it did not answer in time"),
    ],
)
def test_a_webhook_that_does_not_take_it_says_why_and_never_its_url(hooks: tuple[str, list[Any]], place: str, why: str) -> None:
    url, _got = hooks
    assert refused(hook(f"{url}/{place}/{TOKEN}"), NOTICE.to_json(), timeout=0.3) == why


@pytest.mark.parametrize(
    "url", ["", TOKEN, f"ftp://x/{TOKEN}", f"https:///{TOKEN}", f"http://[{TOKEN}", f"http://127.0.0.1:99999/{TOKEN}"]
)
def test_a_variable_that_holds_no_url_is_said_without_what_it_holds(url: str) -> None:
    why = refused(hook(url), NOTICE.to_json())
    assert "no URL" in why
    assert TOKEN not in why


@pytest.mark.parametrize("url", [f"http://127.0.0.1:1/{TOKEN}", f"http://127.0.0.1:1/{TOKEN} with\nlines"])
def test_a_server_that_is_not_there_is_said_without_the_url(url: str) -> None:
    why = refused(hook(url), NOTICE.to_json())
    assert why.startswith("it is not reached: ")
    assert TOKEN not in why


def channel(name: str) -> Channel:
    return Channel(name=name, kind="slack", url_from="X")


def test_channels_that_hang_cost_no_more_than_one_of_them(hooks: tuple[str, list[Any]]) -> None:
    url, got = hooks
    places = {"one": "never", "two": "never", "three": "fine"}
    started = time.monotonic()
    found = deliver(NOTICE, [channel(name) for name in places], lambda each: hook(f"{url}/{places[each.name]}"), timeout=0.4)
    assert time.monotonic() - started < 1
    problems = [problem for _channel, problem in found]
    assert all("in time" in each or "within 0.4 s" in each for each in problems[:2])
    assert problems[2] == ""
    assert json.loads(got[0][1])["text"] == NOTICE.title


def test_a_server_that_answers_byte_by_byte_is_given_up_too() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as door:

        def drip() -> None:
            taken, _address = door.accept()
            with closing(taken):
                for byte in b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 40:
                    taken.send(bytes([byte]))
                    time.sleep(0.1)

        threading.Thread(target=drip, daemon=True).start()
        url = f"http://127.0.0.1:{door.getsockname()[1]}/"
        started = time.monotonic()
        found = deliver(NOTICE, [channel("team")], lambda _each: hook(url), timeout=0.5)
        assert time.monotonic() - started < 1
    assert [problem for _channel, problem in found] == ["no answer within 0.5 s"]


def settings(port: int, **more: Any) -> MailSettings:  # noqa: ANN401 -- the fields of MailSettings
    return MailSettings(
        **{"host": "localhost", "port": port, "sender": "plimsoll@example.org", "to": ("team@example.org",), **more}
    )


def mail(found: MailSettings) -> dict[str, Any]:
    return message(NOTICE, Channel(name="team", kind="email", mail=found))


def test_a_mail_arrives_whole_and_in_the_clear_only_where_that_was_asked_for() -> None:
    with mail_server() as server:
        found = settings(server.port, starttls=False, to=("team@example.org", "boss@example.org"))
        Mail(found).send(mail(found), timeout=2)
    arrived = message_from_string(server.mails[0], policy=policy.default)
    assert arrived["Subject"] == "hello, staging: a test of the channel team: nothing was deployed"
    assert arrived["To"] == "team@example.org, boss@example.org"
    assert arrived["Message-ID"].endswith("@example.org>")
    assert arrived["Date"]
    assert "By: ada" in arrived.get_content()


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 -- the server's context
    need_program("openssl")
    context, cert = certificate(tmp_path)
    # The certificates that a machine trusts are a fact of its environment.
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    return context


def test_a_mail_is_encrypted_before_the_login_is_told(trusted: Any) -> None:  # noqa: ANN401 -- see the fixture
    with mail_server(tls=trusted, login=True) as server:
        found = settings(server.port, user_from="MAIL_USER", password_from="MAIL_PASSWORD")  # noqa: S106 -- a name
        Mail(found, SecretText(USER), SecretText(PASSWORD)).send(mail(found), timeout=2)
    assert server.encrypted == [True]
    verbs = [line.split(" ")[0].upper() for line in server.said]
    assert verbs.index("STARTTLS") < verbs.index("AUTH")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_certificate_that_nobody_trusts_ends_it_before_the_login(tmp_path: Path) -> None:
    need_program("openssl")
    context, _cert = certificate(tmp_path)
    with mail_server(tls=context, login=True) as server:
        found = settings(server.port, user_from="MAIL_USER", password_from="MAIL_PASSWORD")  # noqa: S106 -- a name
        why = refused(Mail(found, SecretText(USER), SecretText(PASSWORD)), mail(found))
    assert "certificate that is not trusted" in why
    assert not any(line.startswith("AUTH") for line in server.said)


def test_a_server_without_starttls_gets_no_mail() -> None:
    with mail_server() as server:
        found = settings(server.port)
        assert refused(Mail(found), mail(found)).endswith("offers no STARTTLS or no login")
    assert server.mails == []


def test_a_wrong_password_is_told_by_its_code_and_not_by_the_servers_words() -> None:
    with mail_server(login=True) as server:
        found = settings(server.port, starttls=False, user_from="MAIL_USER", password_from="MAIL_PASSWORD")  # noqa: S106 -- a name
        why = refused(Mail(found, SecretText(USER), SecretText(TOKEN)), mail(found))
    assert why == f"localhost:{server.port} refuses the login (535)"


def test_recipients_that_are_not_taken_are_named_or_counted() -> None:
    with mail_server(refuses=("boss",)) as server:
        found = settings(server.port, starttls=False, to=("team@example.org", "boss@example.org"))
        assert refused(Mail(found), mail(found)).endswith("does not take mail for boss@example.org")
        assert len(server.mails) == 1
        found = settings(server.port, starttls=False, to=("boss@example.org",))
        assert refused(Mail(found), mail(found)).endswith("takes mail for none of the recipients")


def test_a_mail_server_that_is_not_there_is_named() -> None:
    assert refused(Mail(settings(1)), mail(settings(1))).startswith("localhost:1 is not reached: ")


def test_a_mail_server_that_says_nothing_is_given_up() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as door:
        found = settings(door.getsockname()[1])
        assert refused(Mail(found), mail(found), timeout=0.3).endswith("did not answer in time")
