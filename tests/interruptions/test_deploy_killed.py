"""A deploy and a rollback killed at each of their writes: nothing is lost, at most one is verified, the next one goes on."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

import pytest

from plimsoll.errors import Misconfigured
from plimsoll.workflows.status import history, status
from tests.fake_site import World, images

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fake_cluster import Call

    Work = Callable[[World], object]

WRITES = {"apply", "create", "replace", "delete"}


class Killed(BaseException):
    """SIGKILL: nothing of the program runs after it."""


def deploy(world: World) -> object:
    world.overlay.settings = "greeting=good day"
    return world.deploy(images(web="2", schema="schema-2"))


def rollback(world: World) -> object:
    return world.rollback()


def begun(work: Work) -> World:
    """Return a world with what `work` starts from: one release, or two of which it goes back to the first."""
    world = World()
    world.deploy()
    if work is rollback:
        world.deploy(images(web="1b"))
    return world


@cache
def writes(work: Work) -> int:
    """Return how many requests of `work` write."""
    world = begun(work)
    seen = len(world.cluster.calls)
    work(world)
    return sum(call.verb in WRITES and not call.dry_run for call in world.cluster.calls[seen:])


def killed(work: Work, step: int) -> World:
    """Return the world in which `work` was killed before its write number `step`, and after the one before that."""
    world = begun(work)
    left = [step]

    def look(call: Call) -> None:
        left[0] -= call.verb in WRITES and not call.dry_run
        if left[0] <= 0:
            raise Killed

    world.cluster.on_call.append(look)
    with pytest.raises(Killed):
        work(world)
    world.cluster.on_call.clear()
    return world


def steps(work: Work) -> range:
    return range(1, writes(work) + 1)


CASES = [(work, step) for work in (deploy, rollback) for step in steps(work)]
each_write = pytest.mark.parametrize(("work", "step"), CASES, ids=[f"{work.__name__}-{step}" for work, step in CASES])


def verified(world: World) -> list[str]:
    return [name for name, state in world.states().items() if state == "verified"]


@each_write
def test_at_most_one_release_is_verified_and_what_was_left_is_told_and_not_repaired(work: Work, step: int) -> None:
    world = killed(work, step)
    before = world.states()
    assert len(verified(world)) <= 1
    found = status(world.site())
    unfinished = [release for release in history(world.site()).releases if release.state in {"pending", "applied"}]
    for release in unfinished:
        assert any(release.name in remark for remark in found.remarks)
    if not verified(world):
        assert unfinished, "without a verified release something says what to do"
        assert unfinished[0].proven
    assert world.states() == before


@each_write
def test_the_next_deploy_goes_on(work: Work, step: int) -> None:
    world = killed(work, step)
    result = world.deploy(images(web="3", schema="schema-2"))
    assert result.outcome == "released"
    assert result.release is not None
    assert verified(world) == [result.release.name]
    assert set(world.states().values()) <= {"verified", "superseded", "failed", "rolled-back", "rollback-failed"}
    assert world.mark("web") == result.release.name
    assert world.free()


@each_write
def test_deploying_the_same_again_ends_with_it_verified_once(work: Work, step: int) -> None:
    world = killed(work, step)
    world.overlay.settings = "greeting=good day"
    world.deploy(images(web="2", schema="schema-2"))
    (name,) = verified(world)
    assert world.release(name).images["web"].digest == images(web="2")["web"].digest
    assert world.deploy(images(web="2", schema="schema-2")).outcome == "unchanged"


@each_write
def test_the_next_rollback_brings_the_first_release_back_or_finds_that_it_runs(work: Work, step: int) -> None:
    world = killed(work, step)
    with suppress(Misconfigured):
        world.rollback("staging-1")
    (name,) = verified(world)
    assert world.release(name).origin == "staging-1"
    assert world.release(name).images["web"].digest == images()["web"].digest


def test_a_deploy_killed_between_its_two_verdicts_is_recognised_as_verified() -> None:
    gaps = [step for step in steps(deploy) if not verified(killed(deploy, step))]
    assert len(gaps) == 1, "there is one such instant"
    world = killed(deploy, gaps[0])
    assert "it has passed its smoke test" in " ".join(status(world.site()).remarks)
    world.overlay.settings = "greeting=good day"
    assert world.deploy(images(web="2", schema="schema-2")).outcome == "unchanged"
    assert world.states() == {"staging-1": "superseded", "staging-2": "verified"}
