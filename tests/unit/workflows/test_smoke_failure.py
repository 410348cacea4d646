"""A smoke test that fails in a deploy: what was said by whom is told, although the release is gone by then."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from plimsoll.domain.outcome import BrokenRelease
from plimsoll.errors import EnvironmentLacks, Failed
from tests.fake_site import World, images

if TYPE_CHECKING:
    from plimsoll.domain.failure import Failure
    from tests.fake_cluster import Call


def failing(answer: int | str = 500) -> World:
    """Return a world whose release before is fine and whose next one answers wrongly on one route."""
    world = World()
    world.deploy()
    fine = world.http.get

    def get(url: str, *, timeout: float) -> object:
        now = world.mark("web")
        world.http.answers = {"/api/greetings": answer} if now == "staging-2" else {}
        return fine(url, timeout=timeout)

    world.http.get = get
    return world


def failed(world: World) -> tuple[Failed, Failure]:
    with pytest.raises(Failed) as caught:
        world.deploy(images(web="2"))
    assert isinstance(caught.value.report, BrokenRelease)
    assert caught.value.report.failure is not None
    return caught.value, caught.value.report.failure


def test_a_wrong_answer_is_the_cause_with_what_the_workloads_said() -> None:
    world = failing()
    world.cluster.said["web", "web", False] = "KeyError: 'greeting'"
    error, told = failed(world)
    assert error.code == "smoke-failed"
    assert told.cause.headline == "/api/greetings: WrongAnswer: answered 500, expected 200"
    assert told.cause.workload == "smoke test greetings"
    assert [each.lines for each in told.excerpts] == [("KeyError: 'greeting'",)]
    assert world.states()["staging-3"] == "verified"


def test_the_cause_is_reported_before_the_release_before_is_brought_back() -> None:
    world = failing()
    failed(world)
    cause = ("info", "smoke test greetings: /api/greetings: WrongAnswer: answered 500, expected 200")
    assert world.reporter.said.index(cause) < world.reporter.said.index(("step", "bringing back staging-1"))


def test_no_answer_is_another_reason_than_a_wrong_one() -> None:
    _error, told = failed(failing("connection refused"))
    assert (told.cause.reason, told.cause.message) == ("NoAnswer", "no answer: connection refused")


def test_each_route_that_fails_is_told() -> None:
    world = World()
    world.http.answers |= {"/health/ready": 404, "/api/greetings": 500}
    _error, told = failed(world)
    assert [each.workload for each in told.others] == ["smoke test greetings"]


def test_secrets_are_taken_out_of_what_was_said() -> None:
    world = failing()

    def plant(call: Call) -> None:
        if call.verb == "logs":
            found = world.live("v1/Secret", "hello-secrets")["data"]["store-password"]
            world.cluster.said["web", "web", False] = f"refused for {base64.b64decode(found).decode()}"

    world.cluster.on_call.append(plant)
    _error, told = failed(world)
    assert told.excerpts[0].lines == ("refused for ***",)


def test_nothing_is_read_where_the_secrets_that_it_may_hold_are_not_known() -> None:
    world = failing()
    world.cluster.said["web", "web", False] = "words"

    def refuse(call: Call) -> None:
        if call.kind == "v1/Secret" and world.http.answers:
            raise EnvironmentLacks("gone", where="here")

    world.cluster.on_call.append(refuse)
    _error, told = failed(world)
    assert told.cause.reason == "WrongAnswer"
    assert told.excerpts == ()


def test_a_release_that_was_replaced_is_looked_up_by_its_record() -> None:
    _error, told = failed(failing())
    assert told.commands[0] == "inv release.show staging-2"
    assert "get events" in told.commands[-1]
