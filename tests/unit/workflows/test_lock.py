"""Holding the lock of an environment, and writing only while it surely is ours."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from plimsoll.domain.lock import RENEW_EVERY, TIME_TO_LIVE, Holder, LockHeld, LockLost
from plimsoll.errors import EnvironmentLacks, Interrupted
from plimsoll.workflows.lock import DeployLock, Fenced, holder_of, locked
from tests.fake_cluster import FakeCluster
from tests.fake_site import FakeStop
from tests.fakes import FakeClock, FakeReporter

if TYPE_CHECKING:
    from tests.fake_cluster import Call

ADA = Holder(actor="ada", host="desk", pid=1, token="a", purpose="deploy to staging")  # noqa: S106 -- tells processes apart
EVE = replace(ADA, actor="eve", token="e")  # noqa: S106 -- the same
CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "default"}}


class Place:
    """A cluster, a clock and who may want its lock."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.cluster = FakeCluster(self.clock)
        self.cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "plimsoll"}})
        self.reporter = FakeReporter()
        self.stop = FakeStop()

    def lock(self, holder: Holder = ADA) -> DeployLock:
        return DeployLock(self.cluster, self.clock, holder, "hello", "staging")

    def held(self, holder: Holder = ADA, wait: float = 0) -> DeployLock:
        lock = self.lock(holder)
        lock.acquire(wait, self.reporter, self.stop)
        return lock

    def lease(self) -> dict[str, Any]:
        found = self.cluster.get("coordination.k8s.io/v1/Lease", "hello-staging", "plimsoll")
        assert found is not None
        return found


def test_a_free_lock_is_taken_at_once() -> None:
    place = Place()
    lock = place.held()
    assert holder_of(place.cluster, "hello", "staging").startswith("ada on desk")
    assert lock.remaining() == TIME_TO_LIVE


def test_a_lock_given_back_is_free_for_the_next() -> None:
    place = Place()
    place.held().release()
    assert holder_of(place.cluster, "hello", "staging") == ""
    place.held(EVE)
    assert place.lease()["spec"]["leaseTransitions"] == 1


def test_a_held_lock_is_refused_with_its_holder_after_the_wait() -> None:
    place = Place()
    ada = place.held()
    place.cluster.later(0, lambda: None)

    def renew(call: Call) -> None:
        if call.verb == "get" and place.clock.passed % RENEW_EVERY < 1:
            place.cluster.on_call.remove(renew)
            ada.renew()
            place.cluster.on_call.append(renew)

    place.cluster.on_call.append(renew)
    with pytest.raises(LockHeld, match="ada on desk, process 1"):
        place.held(EVE, wait=40)
    assert 40 <= place.clock.passed <= 41


def test_without_a_wait_a_held_lock_is_refused_at_once() -> None:
    place = Place()
    place.held()
    with pytest.raises(LockHeld):
        place.held(EVE, wait=0)
    assert place.clock.passed == 0


def test_a_lock_without_a_sign_of_life_is_taken_over_after_its_time_to_live_and_not_before() -> None:
    place = Place()
    place.held()
    place.held(EVE, wait=30)
    assert TIME_TO_LIVE <= place.clock.passed <= TIME_TO_LIVE + 1
    assert any("no sign of life" in line for line in place.reporter.lines("warn"))


def test_of_two_who_find_it_expired_one_gets_it() -> None:
    place = Place()
    place.held()
    other = replace(EVE, token="z")  # noqa: S106 -- tells processes apart
    raced: list[DeployLock] = []

    def race(call: Call) -> None:
        if call.verb == "replace" and not raced:
            place.cluster.on_call.remove(race)
            lock = place.lock(other)
            lock._found, taken = place.lease(), True
            raced.append(lock)
            assert lock._take(place.lease(), place.clock.monotonic()) is taken

    place.clock.sleep(0)
    place.cluster.on_call.append(race)
    with pytest.raises(LockHeld):
        place.held(EVE, wait=20)
    assert place.lease()["spec"]["holderIdentity"] == other.identity


def test_waiting_ends_when_somebody_asks_to_stop() -> None:
    place = Place()
    place.held()
    place.stop.sent = True
    with pytest.raises(Interrupted):
        place.held(EVE, wait=30)


def test_renewing_prolongs_the_lease() -> None:
    place = Place()
    lock = place.held()
    place.clock.sleep(10)
    lock.renew()
    assert lock.remaining() == TIME_TO_LIVE


def test_a_lock_that_was_taken_over_is_lost_for_good() -> None:
    place = Place()
    lock = place.held()
    place.cluster.put({**place.lease(), "spec": {"holderIdentity": "eve"}}, "eve")
    with pytest.raises(LockLost):
        lock.renew()
    with pytest.raises(LockLost):
        lock.require(0)


def test_a_lease_that_was_deleted_is_lost() -> None:
    place = Place()
    lock = place.held()
    place.cluster.remove("coordination.k8s.io/v1/Lease", "hello-staging", "plimsoll")
    with pytest.raises(LockLost):
        lock.renew()


def test_a_renewal_whose_answer_was_lost_does_not_lose_the_lock() -> None:
    place = Place()
    lock = place.held()
    # The first renewal arrived, but we never heard of it.
    place.cluster.put({**place.lease(), "spec": {**place.lease()["spec"], "renewTime": "later"}}, "plimsoll")
    lock.renew()
    assert lock.remaining() == TIME_TO_LIVE


def test_a_write_that_could_outlive_the_lease_renews_it_first() -> None:
    place = Place()
    lock = place.held()
    place.clock.sleep(8)
    lock.require(9)
    assert lock.remaining() == TIME_TO_LIVE


def test_a_write_is_refused_when_the_lease_cannot_be_renewed() -> None:
    place = Place()
    lock = place.held()
    place.clock.sleep(8)
    place.cluster.unreachable = True
    with pytest.raises(EnvironmentLacks):
        lock.require(9)


def test_no_request_is_covered_that_is_longer_than_the_lease() -> None:
    with pytest.raises(LockLost):
        Place().held().require(TIME_TO_LIVE)


def test_a_fenced_cluster_writes_under_the_lock_and_reads_without() -> None:
    place = Place()
    lock = place.held()
    fenced = Fenced(place.cluster, lock, place.stop)
    fenced.apply(CONFIG)
    place.cluster.put({**place.lease(), "spec": {"holderIdentity": "eve"}}, "eve")
    place.clock.sleep(20)
    for write in (
        lambda: fenced.apply(CONFIG),
        lambda: fenced.write(CONFIG),
        lambda: fenced.delete("v1/ConfigMap", "c", "default"),
    ):
        with pytest.raises(LockLost):
            write()
    assert fenced.get("v1/ConfigMap", "c", "default")
    assert fenced.apply(CONFIG, dry_run=True)
    assert len(fenced.list("v1/ConfigMap", "default")) == 1


def test_watching_ends_with_the_lock_and_with_a_request_to_stop() -> None:
    place = Place()
    fenced = Fenced(place.cluster, place.held(), place.stop)
    place.stop.sent = True
    with pytest.raises(Interrupted):
        list(fenced.watch(["v1/ConfigMap"], "default", timeout=5))
    place.stop.sent = False
    place.cluster.put({**place.lease(), "spec": {"holderIdentity": "eve"}}, "eve")
    with pytest.raises(LockLost):
        list(fenced.watch(["v1/ConfigMap"], "default", timeout=60))


def stumble_under_the_lock(place: Place) -> None:
    with locked(place.lock(), cluster=place.cluster, wait=0, reporter=place.reporter, stop=place.stop):
        assert holder_of(place.cluster, "hello", "staging")
        raise ZeroDivisionError


def test_the_lock_is_free_after_the_block_whatever_happened_in_it() -> None:
    place = Place()
    place.cluster.remove("v1/Namespace", "plimsoll")
    with pytest.raises(ZeroDivisionError):
        stumble_under_the_lock(place)
    assert holder_of(place.cluster, "hello", "staging") == ""


def test_a_lock_that_cannot_be_given_back_is_a_warning() -> None:
    place = Place()
    with locked(place.lock(), cluster=place.cluster, wait=0, reporter=place.reporter, stop=place.stop):
        place.cluster.unreachable = True
    assert any("frees itself within 15 s" in line for line in place.reporter.lines("warn"))


def test_somebody_elses_lock_is_not_given_back() -> None:
    place = Place()
    lock = place.held()
    place.cluster.put({**place.lease(), "spec": {"holderIdentity": "eve"}}, "eve")
    lock.release()
    assert place.lease()["spec"]["holderIdentity"] == "eve"


def test_the_lease_is_renewed_in_the_background(monkeypatch: pytest.MonkeyPatch) -> None:
    # A patch, because the real pause is seconds long.
    monkeypatch.setattr("plimsoll.domain.lock.RENEW_EVERY", 0.01)
    place = Place()
    lock = place.held()
    renewed = threading.Event()
    place.cluster.on_call.append(lambda call: renewed.set() if call.verb == "replace" else None)
    with lock.kept():
        assert renewed.wait(5)


def test_a_renewal_without_an_answer_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    # Patches, because the real pauses are seconds long.
    monkeypatch.setattr("plimsoll.domain.lock.RENEW_EVERY", 0.01)
    monkeypatch.setattr("plimsoll.workflows.lock.RETRY_EVERY", 0.01)
    place = Place()
    lock = place.held()
    tries: list[str] = []
    enough = threading.Event()

    def fail_first(call: Call) -> None:
        if call.verb == "replace":
            tries.append(call.verb)
            if len(tries) == 1:
                raise EnvironmentLacks("no answer")
            enough.set()

    place.cluster.on_call.append(fail_first)
    with lock.kept():
        assert enough.wait(5)
    lock.require(0)
