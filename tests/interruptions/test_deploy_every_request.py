"""A deploy that is interrupted at each kind of its requests: the environment is understood, and the next deploy ends well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.errors import Interrupted, PlimsollError
from tests.fake_site import World, images

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fake_cluster import Call


class Killed(BaseException):
    """SIGKILL: nothing of the program runs after it."""


def prepared() -> World:
    """Return a world with a verified release, and another one to come that changes configuration, too."""
    world = World()
    world.deploy()
    world.overlay.settings = "greeting=good day"
    return world


def requests() -> list[Call]:
    """Return the requests of the deploy when nobody interrupts it."""
    world = prepared()
    before = len(world.cluster.calls)
    world.deploy(images(web="2"))
    return world.cluster.calls[before:]


def moments() -> list[int]:
    """Return the numbers (from 1) of the first and the last request of each kind."""
    kinds: dict[tuple[str, str, str, bool], list[int]] = {}
    for number, call in enumerate(requests(), 1):
        kinds.setdefault((call.verb, call.kind, call.namespace, call.dry_run), []).append(number)
    return sorted({number for numbers in kinds.values() for number in (numbers[0], numbers[-1])})


def writes() -> list[int]:
    """Return the numbers of the requests that change something: between them a kill makes no difference."""
    reading = {"get", "list", "watch"}
    return [number for number, call in enumerate(requests(), 1) if call.verb not in reading and not call.dry_run]


def interrupted(number: int, act: Callable[[World, Call], None]) -> tuple[World, BaseException | None]:
    """Deploy, call `act` before the request of that number, and return the world with how the deploy ended."""
    world = prepared()
    left = number

    def count(call: Call) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            act(world, call)

    world.cluster.on_call.append(count)
    try:
        world.deploy(images(web="2"))
    except (PlimsollError, Killed) as error:
        return world, error
    else:
        return world, None
    finally:
        world.cluster.on_call.clear()


def goes_on(world: World) -> None:
    """Deploy what comes next, and see that the ledger is in order afterwards."""
    world.stop.sent = world.stop.ignored = False
    assert world.deploy(images(web="3")).outcome == "released"
    states = list(world.states().values())
    assert states.count("verified") == 1
    assert states[-1] == "verified"
    assert not {"pending", "applied"} & set(states)
    assert world.mark("web") == list(world.states())[-1]
    assert world.free()


def test_a_request_to_stop_at_any_moment_ends_with_a_release_that_serves() -> None:
    def stop(world: World, _call: Call) -> None:
        world.stop.sent = True

    for number in moments():
        world, ended = interrupted(number, stop)
        assert ended is None or isinstance(ended, Interrupted), f"request {number}: {ended}"
        assert world.free(), f"request {number}"
        assert list(world.states().values()).count("verified") == 1, f"request {number}: {world.states()}"
        assert not {"pending", "applied"} & set(world.states().values()), f"request {number}: {world.states()}"
        # What serves is whole: configuration and image of one release.
        content = world.mark("web")
        assert content == ("staging-2" if ended is None else "staging-1"), f"request {number}: {world.states()}"


def test_a_second_request_to_stop_at_any_moment_is_obeyed_and_repaired_by_the_next_deploy() -> None:
    def cut(_world: World, _call: Call) -> None:
        raise KeyboardInterrupt

    for number in writes():
        world, ended = interrupted(number, cut)
        assert isinstance(ended, Interrupted), f"request {number}: {ended}"
        assert ended.what.startswith("stopped at once"), f"request {number}: {ended}"
        changed = "changed anything" not in ended.what
        assert changed or world.states() == {"staging-1": "verified"}, f"request {number}: {world.states()}"
        assert ("finds and repairs" in ended.now) is changed, f"request {number}: {ended}"
        goes_on(world)


def test_a_kill_at_any_moment_is_repaired_by_the_next_deploy() -> None:
    def kill(world: World, _call: Call) -> None:
        world.cluster.on_call.insert(0, dead)
        raise Killed

    def dead(_call: Call) -> None:
        raise Killed

    for number in writes():
        world, ended = interrupted(number, kill)
        assert isinstance(ended, Killed), f"request {number}: {ended}"
        goes_on(world)


def test_there_are_enough_moments_for_these_tests_to_mean_something() -> None:
    made = requests()
    assert {(made[n - 1].verb, made[n - 1].kind) for n in moments()} == {(call.verb, call.kind) for call in made}
    assert (len(moments()) > 30, len(writes()) > 10) == (True, True)
