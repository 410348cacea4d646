"""Who is told of a deploy or rollback, what, and that a dead channel changes nothing."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from plimsoll.domain.approval import Approval
from plimsoll.domain.channel import Channel, MailSettings
from plimsoll.domain.gate import Gate
from plimsoll.domain.notification import Occasion, of_error, of_result, of_test
from plimsoll.domain.notification_text import message
from plimsoll.errors import EnvironmentLacks, Failed, Misconfigured
from plimsoll.workflows.notify import notify, telling, try_channel
from tests.fake_site import World, images, record
from tests.fakes import FakeReporter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from plimsoll.domain.notification import Notice

SCHEMAS = Path(__file__).parents[3] / "plimsoll" / "schemas"
ALL = ("verified", "failed", "rolled-back")
TEAM = Channel(name="team", kind="webhook", url_from="URL", on=ALL)
CHAT = Channel(name="chat", kind="slack", url_from="URL", on=ALL)
POST = Channel(
    name="post",
    kind="email",
    on=ALL,
    mail=MailSettings(host="mail.example.org", sender="plimsoll@example.org", to=("team@example.org",)),
)


def occasion(task: str = "deploy") -> Occasion:
    return Occasion(
        project="hello",
        environment="staging",
        task=task,
        actor="ada",
        at="2030-01-02T03:04:05Z",
        run="https://ci.example.org/1",
        url="http://127.0.0.1:8081",
    )


class Messengers:
    """Remembers what each channel was sent; one that is `dead` refuses it, one that hangs waits for the end of the test."""

    def __init__(self, *, dead: str = "", hangs: str = "", breaks: str = "") -> None:
        self.sent: dict[str, dict[str, Any]] = {}
        self.over = threading.Event()
        self._dead, self._hangs, self._breaks = dead, hangs, breaks

    def __call__(self, channel: Channel) -> Any:  # noqa: ANN401 -- a Messenger
        name, outer = channel.name, self

        class One:
            def send(self, told: Mapping[str, Any], *, timeout: float) -> None:
                del timeout
                if name == outer._dead:
                    raise EnvironmentLacks("it answered 404")
                if name == outer._breaks:
                    raise ValueError("T0KEN")
                if name == outer._hangs:
                    outer.over.wait(10)
                outer.sent[name] = dict(told)

        return One()


class Told:
    """Runs something with channels that listen, and keeps what they were told."""

    def __init__(self, *channels: Channel, messengers: Messengers | None = None) -> None:
        self.messengers = messengers or Messengers()
        self.reporter = FakeReporter()
        self.notices: list[Notice] = []
        self._channels = channels or (TEAM,)

    def run(self, run: Callable[[], Any], task: str = "deploy") -> Any:  # noqa: ANN401 -- what `run` returns
        def tell(notice: Notice) -> None:
            self.notices.append(notice)
            notify(notice, self._channels, self.messengers, self.reporter, timeout=0.2)

        return telling(run, lambda: occasion(task), tell, self.reporter)


def crashing() -> World:
    world = World()
    world.deploy()
    world.cluster.behaviour = lambda workload: "crash" if images(web="2")["web"].digest in str(workload) else "ready"
    world.cluster.said["web", "web", False] = "starting\nno settings <!channel> @all ```"
    return world


def failed_notice() -> Notice:
    with pytest.raises(Failed) as failed:
        crashing().deploy(images(web="2"))
    notice = of_error(failed.value, occasion())
    assert notice is not None
    return notice


def check(told: dict[str, Any], name: str) -> None:
    Draft202012Validator(json.loads((SCHEMAS / f"{name}.json").read_text())).validate(json.loads(json.dumps(told)))


def test_a_verified_deploy_is_told_with_its_images() -> None:
    told = Told()
    result = told.run(World().deploy)
    sent = told.messengers.sent["team"]
    check(sent, "notification-1")
    assert (sent["event"], sent["title"]) == ("verified", "hello, staging: staging-1 is verified")
    assert sent["images"]["web"]["digest"] == result.release.images["web"].digest
    assert told.reporter.said == []


def test_a_failed_deploy_is_told_as_rolled_back_with_cause_and_last_words() -> None:
    told = Told()
    with pytest.raises(Failed):
        told.run(lambda: crashing().deploy(images(web="2")))
    sent = told.messengers.sent["team"]
    check(sent, "notification-1")
    check(sent["failure"], "failure-1")
    assert sent["events"] == ["rolled-back", "failed"]
    assert sent["title"] == "hello, staging: staging-2 failed, staging-1 serves again"
    assert sent["failure"]["cause"]["reason"] == "CrashLoopBackOff"
    assert sent["failure"]["logs"][0]["lines"][0] == "starting"
    assert (sent["state"], sent["restored"], sent["error"]["code"]) == ("failed", "staging-3", "rollout")


def test_a_first_deploy_that_fails_is_failed_and_nothing_else() -> None:
    told = Told()
    with pytest.raises(Failed):
        told.run(World("crash").deploy)
    assert told.messengers.sent["team"]["events"] == ["failed"]


def test_a_deploy_that_cannot_be_brought_back_asks_for_somebody() -> None:
    world = World()
    world.deploy()
    world.http.answers["/api/greetings"] = 500
    told = Told()
    with pytest.raises(Failed):
        told.run(lambda: world.deploy(images(web="2")))
    assert told.notices[0].events == ("failed",)
    assert told.notices[0].title.endswith("staging-2 failed, and so did going back: somebody is needed")


def test_an_unchanged_release_that_does_not_serve_is_told() -> None:
    world = World()
    world.deploy()
    world.http.answers["/api/greetings"] = 500
    told = Told()
    with pytest.raises(Failed):
        told.run(world.deploy)
    assert told.notices[0].title == "hello, staging: staging-1 does not serve"


def test_a_rollback_by_hand_is_told() -> None:
    world = World()
    world.deploy()
    world.deploy(images(web="2"))
    told = Told()
    told.run(world.rollback, "rollback")
    sent = told.messengers.sent["team"]
    check(sent, "notification-1")
    assert sent["events"] == ["rolled-back"]
    assert sent["title"] == "hello, staging: staging-1 runs again instead of staging-2, verified as staging-3"


def test_nothing_is_told_of_what_changed_nothing() -> None:
    world, told = World(), Told()
    told.run(lambda: world.deploy(dry_run=True))
    world.deploy()
    told.run(world.deploy)
    with pytest.raises(Misconfigured):
        told.run(lambda: world.deploy(dirty=True, environment=world.project.environments["production"]))
    assert told.notices == []


def test_our_own_mistake_is_told_without_its_words() -> None:
    told = Told()

    def breaks() -> None:
        raise KeyError("T0KEN")

    with pytest.raises(KeyError):
        told.run(breaks)
    assert told.messengers.sent["team"]["event"] == "failed"
    assert "T0KEN" not in str(told.messengers.sent)


@pytest.mark.parametrize(
    ("messengers", "why"),
    [
        (Messengers(dead="team"), "it answered 404"),
        (Messengers(hangs="team"), "no answer within 0.2 s"),
        (Messengers(breaks="team"), "a mistake in Plimsoll: ValueError"),
    ],
)
def test_a_dead_channel_is_a_warning_the_others_are_told_and_the_outcome_stays(messengers: Messengers, why: str) -> None:
    told = Told(TEAM, CHAT, messengers=messengers)
    assert told.run(World().deploy).outcome == "released"
    assert told.reporter.lines("warn") == [f"the channel team was not told: {why}. The outcome stays as it is"]
    assert set(messengers.sent) == {"chat"}
    messengers.over.set()


def test_a_failure_stays_the_same_error_when_a_channel_is_dead() -> None:
    told = Told(messengers=Messengers(dead="team"))
    with pytest.raises(Failed) as failed:
        told.run(World("crash").deploy)
    assert (failed.value.exit_code, failed.value.code) == (1, "rollout")
    assert failed.value.__cause__ is None or "404" not in str(failed.value.__cause__)


@pytest.mark.parametrize("trouble", [KeyboardInterrupt(), ValueError("T0KEN")])
def test_an_interrupt_or_a_mistake_while_telling_leaves_the_outcome(trouble: BaseException) -> None:
    reporter = FakeReporter()

    def tell(_notice: Notice) -> None:
        raise trouble

    assert telling(World().deploy, occasion, tell, reporter).outcome == "released"
    (warning,) = reporter.lines("warn")
    assert "The outcome stays as it is" in warning
    assert "T0KEN" not in warning


def test_a_channel_that_is_not_interested_is_not_told() -> None:
    told = Told(Channel(name="pager", kind="slack", url_from="URL", on=("failed",)))
    told.run(World().deploy)
    assert told.messengers.sent == {}


def test_a_chat_shows_cause_and_last_words_and_calls_nobody() -> None:
    sent = message(failed_notice(), CHAT)
    (attachment,) = sent["attachments"]
    assert sent["text"] == attachment["fallback"] == "hello, staging: staging-2 failed, staging-1 serves again"
    assert attachment["color"] == "danger"
    lines = attachment["text"].splitlines()
    assert lines[0].startswith("Cause: Deployment/web will not become ready: Pod/web-")
    assert lines[1].startswith("Now: staging-1 serves again")
    assert lines[-3:] == ["starting", "no settings &lt;!channel&gt; @\u200ball '''", "```"]
    assert attachment["text"].count("```") == 2


def test_a_chat_is_told_who_approved_and_why_a_glass_was_broken() -> None:
    approval = Approval(kind="typed", by="bo", at="2030-01-02T03:00:00Z")
    gate = Gate(at="2030-01-02T03:00:00Z", items=(), broken="the shop is down")
    notice = of_result(replace(World().deploy(), release=record(approval=approval, gate=gate)), occasion())
    assert notice is not None
    check(notice.to_json(), "notification-1")
    assert notice.to_json()["approval"]["by"] == "bo"
    text = message(notice, CHAT)["attachments"][0]["text"]
    assert "Approved by: bo (typed)\nPassed its gate by broken glass: the shop is down\n" in text


@pytest.mark.parametrize("colour", ["good", "warning"])
def test_a_chat_has_a_colour_for_what_happened(colour: str) -> None:
    world = World()
    first = world.deploy()
    if colour == "good":
        notice = of_result(first, occasion())
    else:
        world.deploy(images(web="2"))
        notice = of_result(world.rollback(), occasion("rollback"))
    assert notice is not None
    assert message(notice, CHAT)["attachments"][0]["color"] == colour


def test_a_long_cause_is_cut_in_a_chat() -> None:
    with pytest.raises(Failed) as failed:
        World("crash").deploy()
    failed.value.what = "x" * 10_000
    notice = of_error(failed.value, occasion())
    assert notice is not None
    assert len(message(notice, CHAT)["attachments"][0]["text"]) < 4000


def test_a_mail_has_the_whole_failure_in_the_order_of_the_screen() -> None:
    sent = message(failed_notice(), POST)
    assert (sent["from"], sent["to"]) == ("plimsoll@example.org", ["team@example.org"])
    assert sent["subject"] == "hello, staging: staging-2 failed, staging-1 serves again"
    parts = ("Cause: ", "Now: ", "Release: staging-2 (failed)", "Run: https://ci.example.org/1", "Last lines of", "Look further:")
    places = [sent["text"].index(part) for part in parts]
    assert places == sorted(places)


@pytest.mark.parametrize("channel", [TEAM, CHAT, POST])
def test_a_channel_is_tried_with_a_message_that_says_so(channel: Channel) -> None:
    messengers = Messengers()
    notice = of_test(channel.name, occasion("notify.test"))
    tried = try_channel(notice, channel, messengers, dry_run=False)
    assert messengers.sent[channel.name] == tried.message
    assert f"a test of the channel {channel.name}: nothing was deployed" in str(tried.message)
    check(tried.to_json(), "notify.test-1")
    if channel is TEAM:
        check(tried.message, "notification-1")


def test_a_dry_run_shows_the_message_and_sends_nothing() -> None:
    messengers = Messengers()
    tried = try_channel(of_test("team", occasion("notify.test")), TEAM, messengers, dry_run=True)
    assert (tried.sent, messengers.sent) == (False, {})
    check(tried.to_json(), "notify.test-1")


def test_a_dead_channel_fails_its_own_test() -> None:
    with pytest.raises(EnvironmentLacks) as dead:
        try_channel(of_test("team", occasion()), TEAM, Messengers(dead="team"), dry_run=False)
    assert dead.value.what == "the channel team was not told: it answered 404"
    assert "[[notify]] name = 'team'" in dead.value.where
