"""Bringing the development stack up and down, over fakes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from plimsoll.domain.dev import Container, DevImage, DevSettings
from plimsoll.domain.project import SecretSpec
from plimsoll.errors import EnvironmentLacks, Failed, Misconfigured
from plimsoll.workflows import dev
from tests.fakes import FakeClock, FakeReporter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from plimsoll.domain.dev import DevUp

SETTINGS = DevSettings(
    compose="compose.yaml",
    images={"backend": DevImage(service="backend")},
    ports={"api": 3001},
    secrets=SecretSpec(name="dev", keys={"database-password": 32}),
)
IMAGES = {"backend": "shop-dev/backend:1"}
HEALTHY = Container(service="backend", state="running", health="healthy", ports=(3001,))
STARTING = Container(service="backend", state="running", health="starting", ports=(3001,))
SICK = Container(service="backend", state="running", health="unhealthy", ports=(3001,))


@dataclass
class FakeStack:
    """A stack whose containers go through `phases`, one a look, and stay in the last (ports DevStack and DevVariables)."""

    phases: list[list[Container]] = field(default_factory=lambda: [[HEALTHY]])
    refuses: Failed | EnvironmentLacks | None = None
    started: bool = False
    data: list[str] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)

    def start(self, on_event: Callable[[str, str], None]) -> None:
        self.started = True
        self.data = ["shop-dev_data"]
        on_event("backend", "started")
        on_event("backend", "started")
        if self.refuses:
            raise self.refuses

    def containers(self) -> tuple[Container, ...]:
        if not self.started:
            return ()
        return tuple(self.phases.pop(0) if len(self.phases) > 1 else self.phases[0])

    def lines(self, service: str | None, last: int) -> tuple[tuple[str, str], ...]:
        return tuple((service or "backend", f"line {number}") for number in range(min(last, 2)))

    def stop(self) -> None:
        self.started = False

    def volumes(self) -> tuple[str, ...]:
        return tuple(self.data)

    def remove_volumes(self) -> None:
        self.data = []

    def variables(self) -> dict[str, str]:
        return dict(self.kept)

    def keep(self, variables: Mapping[str, str]) -> None:
        self.kept = dict(variables)

    def forget(self) -> None:
        self.kept = {}


@dataclass
class FakeImages:
    """Images of the development stack by name (what `down` and `forget_old` use of the port DevImages)."""

    there: list[str]

    def names(self) -> tuple[str, ...]:
        return tuple(self.there)

    def remove(self, names: Sequence[str]) -> None:
        self.there = [name for name in self.there if name not in names]


def up(stack: FakeStack, *, taken: frozenset[int] = frozenset(), reporter: FakeReporter | None = None) -> DevUp:
    def require_free(ports: Iterable[tuple[int, str]]) -> None:
        for port, setting in ports:
            if port in taken:
                raise EnvironmentLacks(f"port {port} is taken", where=setting)

    return dev.up(
        SETTINGS,
        IMAGES,
        stack=stack,
        variables=stack,
        require_free=require_free,
        clock=FakeClock(),
        reporter=reporter or FakeReporter(),
    )


def test_the_stack_is_up_when_every_service_is_healthy() -> None:
    done = up(FakeStack(phases=[[STARTING], [STARTING], [HEALTHY]]))
    assert done.containers == (HEALTHY,)
    assert done.to_json()["addresses"] == {"api": "http://127.0.0.1:3001"}


def test_the_first_start_generates_secrets_and_the_next_one_keeps_them() -> None:
    stack = FakeStack()
    up(stack)
    secret = stack.kept["SECRET_DATABASE_PASSWORD"]
    up(stack)
    assert len(secret) == 32
    assert stack.kept == {"IMAGE_BACKEND": IMAGES["backend"], "PORT_API": "3001", "SECRET_DATABASE_PASSWORD": secret}


def test_data_whose_password_is_lost_is_left_alone() -> None:
    stack = FakeStack(data=["shop-dev_data"])
    with pytest.raises(Misconfigured, match="locked with") as raised:
        up(stack)
    assert "--purge" in str(raised.value)
    assert not stack.started


def test_a_port_that_somebody_else_has_stops_everything_before_it_begins() -> None:
    stack = FakeStack()
    with pytest.raises(EnvironmentLacks, match="3001"):
        up(stack, taken=frozenset({3001}))
    assert not stack.started
    assert stack.kept == {}


def test_a_port_that_the_stack_itself_holds_is_no_obstacle() -> None:
    stack = FakeStack()
    up(stack)
    up(stack, taken=frozenset({3001}))
    assert stack.started


def test_a_service_that_turns_unhealthy_is_named_with_the_end_of_its_log() -> None:
    with pytest.raises(Failed) as raised:
        up(FakeStack(phases=[[STARTING], [SICK]]))
    assert "backend does not come up (unhealthy)" in str(raised.value)
    assert "| line 1" in str(raised.value)


def test_a_service_that_never_gets_healthy_is_given_up() -> None:
    with pytest.raises(Failed, match=r"backend does not come up .starting."):
        up(FakeStack(phases=[[STARTING]]))


def test_a_start_that_fails_names_the_service_behind_it() -> None:
    ended = Container(service="migrate", state="exited", exit_code=1, once=True)
    refusal = Failed("service migrate didn't complete successfully")
    with pytest.raises(Failed, match=r"migrate does not come up .ended with exit code 1."):
        up(FakeStack(phases=[[ended]], refuses=refusal))


def test_a_start_that_fails_for_a_reason_of_its_own_says_that() -> None:
    with pytest.raises(Failed, match="no such network"):
        up(FakeStack(refuses=Failed("no such network")))


def test_what_happens_is_reported_once() -> None:
    reporter = FakeReporter()
    up(FakeStack(), reporter=reporter)
    assert reporter.lines("detail") == ["backend: started"]
    assert reporter.lines("done") == ["starting the development stack"]


def test_going_down_keeps_the_data_and_says_so() -> None:
    stack, images = FakeStack(), FakeImages([IMAGES["backend"]])
    up(stack)
    done = dev.down(purge=False, stack=stack, variables=stack, images=images, reporter=FakeReporter())
    assert done.removed == ("container backend",)
    assert done.kept == ("volume shop-dev_data", "image shop-dev/backend:1")
    assert (stack.data, images.there, bool(stack.kept)) == (["shop-dev_data"], [IMAGES["backend"]], True)


def test_a_purge_leaves_nothing() -> None:
    stack, images = FakeStack(), FakeImages([IMAGES["backend"]])
    up(stack)
    done = dev.down(purge=True, stack=stack, variables=stack, images=images, reporter=FakeReporter())
    assert "volume shop-dev_data" in done.removed
    assert done.kept == ()
    assert (stack.data, images.there, stack.kept) == ([], [], {})


def test_going_down_twice_is_no_error() -> None:
    stack = FakeStack()
    done = dev.down(purge=False, stack=stack, variables=stack, images=FakeImages([]), reporter=FakeReporter())
    assert done.to_json() == {"schema": "plimsoll.dev.down/1", "removed": [], "kept": []}


def test_images_of_earlier_sources_go() -> None:
    images = FakeImages(["shop-dev/backend:0", IMAGES["backend"]])
    dev.forget_old(images, IMAGES)
    assert images.there == [IMAGES["backend"]]


def test_there_is_no_log_of_a_stack_that_is_down() -> None:
    with pytest.raises(EnvironmentLacks, match="down"):
        dev.require_up(FakeStack(), None)


def test_an_unknown_service_is_told_with_those_that_are_there() -> None:
    stack = FakeStack()
    up(stack)
    with pytest.raises(Misconfigured, match="backnd") as raised:
        dev.require_up(stack, "backnd")
    assert "known: backend" in str(raised.value)
