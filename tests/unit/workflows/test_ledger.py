"""The ledger in a cluster: written once, moved on, trimmed, repaired."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from plimsoll.domain.release import State
from plimsoll.errors import Failed
from plimsoll.workflows.ledger import Ledger, repair
from tests.fake_cluster import FakeCluster
from tests.fake_site import record
from tests.fakes import FakeClock, FakeReporter

if TYPE_CHECKING:
    from tests.fake_cluster import Call

MANIFESTS = ({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "hello"}, "data": {"a": "b"}},)


def ledger() -> tuple[Ledger, FakeCluster]:
    cluster = FakeCluster()
    cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "plimsoll"}})
    return Ledger(cluster, "hello", "staging"), cluster


def test_what_was_recorded_is_read_back_with_its_manifests() -> None:
    found, _ = ledger()
    found.append(record(), MANIFESTS)
    (release,) = found.history().releases
    assert release == record()
    assert found.manifests(release) == MANIFESTS


def test_environments_and_applications_do_not_see_each_others_records() -> None:
    found, cluster = ledger()
    found.append(record(), MANIFESTS)
    assert Ledger(cluster, "hello", "production").history().releases == ()
    assert Ledger(cluster, "other", "staging").history().releases == ()


def test_a_record_is_never_overwritten() -> None:
    found, _ = ledger()
    found.append(record(), MANIFESTS)
    with pytest.raises(Failed, match="has a record hello-staging-3 already") as taken:
        found.append(record(actor="eve"), MANIFESTS)
    assert taken.value.code == "ledger-taken"
    assert found.history().releases[0].actor == "ada"


def test_manifests_that_a_killed_deploy_left_without_a_record_are_replaced() -> None:
    found, cluster = ledger()

    def die(call: Call) -> None:
        if call.name == "hello-staging-3":
            raise KeyboardInterrupt

    cluster.on_call.append(die)
    with pytest.raises(KeyboardInterrupt):
        found.append(record(), ({"kind": "Older"},))
    cluster.on_call.clear()
    found.append(record(), MANIFESTS)
    assert found.manifests(record()) == MANIFESTS


def test_moving_on_keeps_the_manifests() -> None:
    found, _ = ledger()
    found.append(record(), MANIFESTS)
    found.move(record().moved(State.APPLIED))
    (release,) = found.history().releases
    assert release.state is State.APPLIED
    assert found.manifests(release) == MANIFESTS


def test_a_record_that_somebody_else_writes_meanwhile_is_not_overwritten() -> None:
    found, cluster = ledger()
    found.append(record(), MANIFESTS)

    def race(call: Call) -> None:
        if call.verb == "replace":
            cluster.on_call.remove(race)
            live = cluster.get("v1/ConfigMap", "hello-staging-3", "plimsoll")
            assert live is not None
            cluster.put({**live, "metadata": {**live["metadata"], "labels": {"x": "y"}}})

    cluster.on_call.append(race)
    with pytest.raises(Failed, match="somebody else wrote it"):
        found.move(record().moved(State.APPLIED))


def test_a_record_that_is_gone_is_named() -> None:
    found, _ = ledger()
    with pytest.raises(Failed, match="the record of staging-3 cannot be used: it is gone"):
        found.manifests(record())


def test_only_the_newest_releases_are_kept_whole_and_all_records_stay() -> None:
    found, _ = ledger()
    for number in (1, 2, 3):
        found.append(record(number=number, name=f"staging-{number}", once_verified=True), MANIFESTS)
    found.trim(found.history(), 1)
    assert found.manifests(record(name="staging-3")) == MANIFESTS
    with pytest.raises(Failed, match="only the newest releases are kept whole"):
        found.manifests(record(name="staging-1", number=1))
    assert len(found.history().releases) == 3


def test_what_nobody_finished_is_closed_and_said() -> None:
    found, _ = ledger()
    reporter = FakeReporter()
    found.append(record(), MANIFESTS)
    found.append(replace(record(), name="staging-4", number=4, rollback_of="staging-3", content_of="staging-1"), MANIFESTS)
    history = repair(found, found.history(), FakeClock(), reporter)
    assert [release.state for release in history.releases] == [State.FAILED, State.ROLLBACK_FAILED]
    assert "its deploy was killed or cut off" in (history.releases[0].cause or "")
    assert "its rollback was killed or cut off" in (history.releases[1].cause or "")
    assert len(reporter.lines("warn")) == 2


def test_a_ledger_in_order_is_left_alone() -> None:
    found, cluster = ledger()
    found.append(record(state=State.VERIFIED), MANIFESTS)
    before = len(cluster.calls)
    history = found.history()
    assert repair(found, history, FakeClock(), FakeReporter()) is history
    assert len(cluster.calls) == before + 1
