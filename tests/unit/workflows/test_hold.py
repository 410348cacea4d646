"""Holding an environment: one wins, all releases are refused at once, and it ends by the API server's clock."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from plimsoll.domain.hold import HoldBook, wanted
from plimsoll.domain.hold_record import book_object, read_book
from plimsoll.domain.lock import LockHeld
from plimsoll.errors import Failed, Misconfigured
from plimsoll.ui.errors import error_object
from plimsoll.workflows.status import status
from tests.fake_site import World, images
from tests.fakes import START

if TYPE_CHECKING:
    from plimsoll.domain.hold import LockReport
    from plimsoll.workflows.hold import Holds
    from tests.fake_cluster import Call

HOUR = 3600.0
SCHEMAS = Path(__file__).parents[3] / "plimsoll" / "schemas"


def holds(world: World) -> Holds:
    return world.site().holds


def acquired(world: World, actor: str = "eve", reason: str = "load test", duration: str = "1h") -> LockReport:
    return holds(world).acquire(actor, reason, duration)


def test_a_held_environment_refuses_a_deploy_at_once_naming_who_why_and_until_when() -> None:
    world = World()
    world.deploy()
    acquired(world)
    before, published, started = world.writes(), len(world.published), world.clock.monotonic()
    with pytest.raises(LockHeld) as held:
        world.deploy(images(web="2"), wait_lock=30)
    assert held.value.what == "staging is held by eve until 2030-01-02T04:04:05Z: load test"
    assert (held.value.code, held.value.exit_code) == ("lock-held", 1)
    assert "inv lock.break --env staging" in held.value.now
    assert world.clock.monotonic() == started
    assert world.writes() == before
    assert len(world.published) == published, "nothing may be scanned or pushed for a release that cannot come"
    assert world.free()


def test_a_held_environment_refuses_a_rollback_before_anybody_is_asked() -> None:
    world = World()
    world.deploy()
    world.deploy(images(web="2"))
    acquired(world)
    with pytest.raises(LockHeld, match="held by eve"):
        world.rollback()
    assert world.asked == []
    assert world.states() == {"staging-1": "superseded", "staging-2": "verified"}


def test_a_dry_run_of_a_held_environment_still_prints_its_plan() -> None:
    world = World()
    world.deploy()
    acquired(world)
    assert world.deploy(images(web="2"), dry_run=True).outcome == "planned"


def test_who_waits_for_the_lock_is_refused_as_soon_as_a_hold_comes() -> None:
    world = World()
    world.deploy()
    world.site().lock("something else").acquire(0, world.reporter, world.stop)

    def hold(call: Call) -> None:
        if call.kind.endswith("/Lease") and call.verb == "get" and world.clock.monotonic() > started + 3:
            world.cluster.on_call.remove(hold)
            acquired(world)

    started = world.clock.monotonic()
    world.cluster.on_call.append(hold)
    with pytest.raises(LockHeld, match="held by eve"):
        world.deploy(images(web="2"), wait_lock=14)
    assert world.clock.monotonic() - started < 6


def test_a_hold_written_while_the_lock_was_taken_wins_and_the_lock_is_free_again() -> None:
    world = World()
    world.deploy()

    def hold(call: Call) -> None:
        if call.kind.endswith("/Lease") and call.verb == "replace":
            world.cluster.on_call.remove(hold)
            acquired(world)

    world.cluster.on_call.append(hold)
    with pytest.raises(LockHeld, match="held by eve"):
        world.deploy(images(web="2"))
    assert world.free()
    assert world.states() == {"staging-1": "verified"}


def test_a_release_under_way_when_the_hold_comes_goes_on_and_is_named() -> None:
    world = World()
    world.deploy()
    reports: list[LockReport] = []

    def hold(call: Call) -> None:
        if call.verb == "watch":
            world.cluster.on_call.remove(hold)
            reports.append(acquired(world))

    world.cluster.on_call.append(hold)
    assert world.deploy(images(web="2")).outcome == "released"
    assert "deploy to staging" in reports[0].under_way
    with pytest.raises(LockHeld):
        world.deploy(images(web="3"))


def test_a_hold_ends_by_the_api_servers_clock_whatever_ours_says() -> None:
    world = World()
    acquired(world, duration="1h")
    world.clock.sleep(HOUR - 1)
    with pytest.raises(LockHeld):
        world.deploy()
    world.cluster.ahead = -7 * HOUR
    with pytest.raises(LockHeld):
        world.deploy()
    world.cluster.ahead = 2
    assert world.deploy().outcome == "released"


def test_a_clock_of_ours_that_is_wrong_changes_nothing() -> None:
    world = World()
    world.cluster.ahead = -48 * HOUR
    report = acquired(world)
    assert report.to_json()["hold"] == {
        "actor": "eve", "reason": "load test", "since": "2029-12-31T03:04:05Z", "until": "2029-12-31T04:04:05Z",
    }  # fmt: skip
    with pytest.raises(LockHeld):
        world.deploy()


def test_of_many_who_acquire_at_once_exactly_one_wins() -> None:
    world = World()
    ready = threading.Barrier(8)
    outcomes: list[str] = []

    def compete(actor: str) -> None:
        ready.wait()
        try:
            acquired(world, actor)
            outcomes.append("won")
        except LockHeld:
            outcomes.append("refused")

    for _round in range(20):
        outcomes.clear()
        rivals = [threading.Thread(target=compete, args=(f"rival-{number}",)) for number in range(8)]
        for rival in rivals:
            rival.start()
        for rival in rivals:
            rival.join()
        assert sorted(outcomes) == ["refused"] * 7 + ["won"]
        holds(world).end("eve", "next round")


def test_a_second_one_of_the_same_actor_is_refused_too() -> None:
    world = World()
    acquired(world)
    with pytest.raises(LockHeld, match="held by eve"):
        acquired(world, reason="another")


def test_who_reads_before_another_one_writes_loses_and_sees_who_won() -> None:
    world = World()

    def overtake(call: Call) -> None:
        if call.verb == "create" and call.name == "hello-staging.hold":
            world.cluster.on_call.remove(overtake)
            acquired(world, "zoe", "first")

    world.cluster.on_call.append(overtake)
    with pytest.raises(LockHeld, match="held by zoe"):
        acquired(world)


def test_only_its_actor_releases_a_hold() -> None:
    world = World()
    acquired(world)
    with pytest.raises(Misconfigured, match="the hold of staging is eve's, and you are ada") as refused:
        holds(world).release("ada")
    assert (refused.value.code, refused.value.exit_code) == ("not-your-hold", 2)
    assert holds(world).release("eve").hold is None
    assert world.deploy().outcome == "released"


def test_anybody_breaks_a_hold_and_all_of_it_is_recorded() -> None:
    world = World()
    acquired(world)
    holds(world).release("eve")
    world.clock.sleep(60)
    acquired(world, "zoe", "migration", "30m")
    report = holds(world).end("ada", "zoe is on a plane")
    assert report.hold is None
    told = holds(world).report("status").to_json()["events"]
    assert [(each["what"], each["actor"], each["reason"], each["at"]) for each in told] == [
        ("acquired", "eve", "load test", "2030-01-02T03:04:05Z"),
        ("released", "eve", "load test", "2030-01-02T03:04:05Z"),
        ("acquired", "zoe", "migration", "2030-01-02T03:05:05Z"),
        ("broken", "ada", "zoe is on a plane (hold of zoe)", "2030-01-02T03:05:05Z"),
    ]
    assert world.deploy().outcome == "released"


@pytest.mark.parametrize("act", [lambda found: found.release("eve"), lambda found: found.end("eve", "why not")])
def test_nothing_that_is_not_held_is_released_or_broken(act: Any) -> None:  # noqa: ANN401 -- a case's own function
    world = World()
    with pytest.raises(Failed, match="staging is not held") as failed:
        act(holds(world))
    assert failed.value.code == "not-held"
    acquired(world, duration="30m")
    world.clock.sleep(1800)
    with pytest.raises(Failed, match="the last hold ended on 2030-01-02T03:34:05Z"):
        act(holds(world))


@pytest.mark.parametrize(("duration", "says"), [("25h", "24 h at most"), ("0s", "24 h at most"), ("1w", "no duration")])
def test_a_hold_is_bounded(duration: str, says: str) -> None:
    world = World()
    with pytest.raises(Misconfigured, match=says) as refused:
        acquired(world, duration=duration)
    assert refused.value.where == "--for"
    assert not world.writes()


@pytest.mark.parametrize("reason", ["", " \n ", "x" * 201])
def test_a_reason_says_something_and_fits_a_line(reason: str) -> None:
    world = World()
    with pytest.raises(Misconfigured, match="the reason"):
        acquired(world, reason=reason)
    acquired(world)
    with pytest.raises(Misconfigured, match="the reason"):
        holds(world).end("ada", reason)


@pytest.mark.parametrize("data", [{}, {"hold.json": "{"}, {"hold.json": "[]"}, {"hold.json": '{"hold": null, "events": ["?"]}'}])
def test_a_damaged_hold_stops_releases_until_somebody_breaks_it(data: dict[str, str]) -> None:
    world = World()
    world.deploy()
    acquired(world)
    found = world.cluster.get("v1/ConfigMap", "hello-staging.hold", "plimsoll")
    world.cluster.put({**(found or {}), "data": data})
    with pytest.raises(Failed, match="cannot be read") as failed:
        world.deploy(images(web="2"))
    assert failed.value.code == "hold-damaged"
    assert "cannot be read" in status(world.site()).remarks[0]
    assert holds(world).report("status").to_json()["damaged"] is True
    with pytest.raises(Failed, match="cannot be read"):
        acquired(world)
    holds(world).end("ada", "somebody edited it")
    assert world.deploy(images(web="2")).outcome == "released"


def test_a_hold_that_was_written_by_hand_ends_after_a_day_too() -> None:
    world = World()
    acquired(world)
    found = world.cluster.get("v1/ConfigMap", "hello-staging.hold", "plimsoll") or {}
    forever = {"hold.json": found["data"]["hold.json"].replace("2030-01-02T04:04:05Z", "2099-01-01T00:00:00Z")}
    world.cluster.put({**found, "data": forever})
    with pytest.raises(LockHeld, match="until 2030-01-03T03:04:05Z"):
        world.deploy()
    world.clock.sleep(24 * HOUR)
    assert world.deploy().outcome == "released"


def test_status_shows_a_hold() -> None:
    world = World()
    world.deploy()
    assert status(world.site()).remarks == ()
    acquired(world)
    assert status(world.site()).remarks == ("staging is held by eve until 2030-01-02T04:04:05Z: load test",)


def test_what_the_tasks_print_fits_the_published_schemas_refusals_too() -> None:
    found = holds(World())

    def check(told: dict[str, Any]) -> None:
        name = told["schema"].removeprefix("plimsoll.").replace("/", "-")
        schema = json.loads((SCHEMAS / f"{name}.json").read_text())
        Draft202012Validator(schema).validate(json.loads(json.dumps(told)))

    check(found.report("status").to_json())
    check(found.acquire("eve", "load test", "1h").to_json())
    check(found.report("status").to_json())
    with pytest.raises(LockHeld) as held:
        found.acquire("zoe", "another", "1h")
    check(error_object(held.value, "lock.acquire"))
    with pytest.raises(Misconfigured) as refused:
        found.release("zoe")
    check(error_object(refused.value, "lock.release"))
    check(found.end("zoe", "eve has left").to_json())
    found.acquire("eve", "load test", "1h")
    check(found.release("eve").to_json())


def test_environments_are_held_apart() -> None:
    world = World()
    acquired(world)
    other = replace(world.site().environment, name="production", namespace="hello-production")
    assert world.deploy(environment=other).outcome == "released"


def test_a_book_of_many_events_stays_below_the_limit_of_an_object() -> None:
    book, now = HoldBook(), START
    for number in range(260):
        book = book.acquired(wanted("eve@example.com", f"{number} {'x' * 190}", "1h", now), "staging")
        book = book.released("eve@example.com", now, "staging")
    kept = book_object(book, "hello", "staging", replaced=None)
    assert len(read_book(kept).events) == 500
    assert len(kept["data"]["hold.json"]) < 400_000
