"""The smoke test: what passes, what is tried again, and for how long."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from plimsoll.domain.project import SmokeCheck
from plimsoll.errors import Failed, Interrupted
from plimsoll.workflows.smoke import GATEWAY_PATIENCE, judge, require_passed, smoke
from tests.fake_site import FakeHttp, FakeStop
from tests.fakes import FakeClock

URL = "http://127.0.0.1:8081"
READY = SmokeCheck(name="ready", path="/health/ready")
GREETINGS = SmokeCheck(name="greetings", path="/api/greetings", contains="hello")


class Healing(FakeHttp):
    """Answers from a list, one after the other, then with 200."""

    def __init__(self, clock: FakeClock, *answers: int | str) -> None:
        super().__init__()
        self._clock = clock
        self._coming = list(answers)

    def get(self, url: str, *, timeout: float) -> SimpleNamespace:
        self.answers = {url: self._coming.pop(0)} if self._coming else {}
        self._clock.sleep(0.1)
        return super().get(url, timeout=timeout)


def asked(*answers: int | str, timeout: float = 30) -> tuple[bool, Healing, float]:
    """Return whether the check passed, what was asked, and the seconds it took."""
    clock = FakeClock()
    http = Healing(clock, *answers)
    (result,) = smoke(URL, [READY], http=http, clock=clock, timeout=timeout, stop=FakeStop())
    return result.passed, http, clock.passed


def test_an_answer_as_wanted_passes_at_once() -> None:
    passed, http, _ = asked(200)
    assert passed
    assert http.asked == [f"{URL}/health/ready"]


def test_no_answer_is_tried_again_while_there_is_time() -> None:
    passed, http, _ = asked(*["connection refused"] * 5)
    assert passed
    assert len(http.asked) == 6


def test_no_answer_at_all_fails_within_the_time_given() -> None:
    passed, _, seconds = asked(*["connection refused"] * 1000, timeout=10)
    assert not passed
    assert 9 <= seconds <= 10


def test_a_gateway_that_does_not_know_the_new_pods_yet_is_given_a_few_seconds() -> None:
    assert asked(502, 503, 504)[0]
    passed, _, seconds = asked(*[503] * 1000)
    assert not passed
    assert seconds <= GATEWAY_PATIENCE + 1


@pytest.mark.parametrize("status", [500, 404, 302, 401])
def test_a_wrong_answer_is_final(status: int) -> None:
    passed, http, _ = asked(status)
    assert not passed
    assert len(http.asked) == 1


def test_a_body_without_the_expected_words_fails() -> None:
    assert judge(GREETINGS, SimpleNamespace(status=200, body="hello world", error="")) == ""
    assert "does not contain 'hello'" in judge(GREETINGS, SimpleNamespace(status=200, body="bye", error=""))


def test_every_check_is_asked_even_when_the_first_fails() -> None:
    http = FakeHttp()
    http.answers["/health/ready"] = 500
    results = smoke(URL, [READY, READY], http=http, clock=FakeClock(), timeout=30, stop=FakeStop())
    assert [result.passed for result in results] == [False, False]


def test_the_failure_names_every_route_and_what_it_answered() -> None:
    http = FakeHttp()
    http.answers |= {"/health/ready": 500, "/api/greetings": "connection refused"}
    results = smoke(URL, [READY, GREETINGS], http=http, clock=FakeClock(), timeout=1, stop=FakeStop())
    with pytest.raises(Failed) as failed:
        require_passed(results, URL)
    assert "ready (/health/ready): answered 500, expected 200" in failed.value.what
    assert "greetings (/api/greetings): no answer: connection refused" in failed.value.what
    assert failed.value.code == "smoke-failed"


def test_a_request_to_stop_ends_the_test() -> None:
    stop = FakeStop()
    stop.sent = True
    with pytest.raises(Interrupted):
        smoke(URL, [READY], http=FakeHttp(), clock=FakeClock(), timeout=30, stop=stop)
