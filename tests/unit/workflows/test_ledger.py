"""The ledger in a cluster: written once, moved on, trimmed, repaired."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from plimsoll.domain.approval import Approval
from plimsoll.domain.gate import Gate
from plimsoll.domain.ledger import History
from plimsoll.domain.ledger_lines import LINES_KEY, PAGE, merged
from plimsoll.domain.ledger_manifests import CHUNK_BYTES
from plimsoll.domain.release import NEXT, UNFINISHED, State
from plimsoll.domain.release_moves import FILLED
from plimsoll.errors import Failed, Misconfigured
from plimsoll.workflows.ledger import Ledger, repair
from tests.fake_cluster import FakeCluster
from tests.fake_site import image, record
from tests.fakes import FakeClock, FakeReporter

if TYPE_CHECKING:
    from plimsoll.domain.release import Release
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


def old(number: int, **changes: Any) -> Release:  # noqa: ANN401 -- the fields of a Release
    """Return a record that was verified and superseded, unless `changes` say otherwise."""
    usual = {"once_verified": True, "state": State.SUPERSEDED, "content": f"sha256:{number}"}
    return record(number=number, name=f"staging-{number}", **{**usual, **changes})


def objects(cluster: FakeCluster) -> list[str]:
    return [each["metadata"]["name"] for each in cluster.list("v1/ConfigMap", "plimsoll")]


def test_the_newest_releases_stay_whole_and_of_older_ones_a_line() -> None:
    found, cluster = ledger()
    for number in (1, 2, 3, 4):
        found.append(old(number), MANIFESTS)
    found.trim(found.history(), 2)
    assert objects(cluster) == [
        "hello-staging-3",
        "hello-staging-3.0",
        "hello-staging-4",
        "hello-staging-4.0",
        "hello-staging.older.0",
    ]
    history = found.history()
    assert [(release.name, release.compacted) for release in history.releases] == [
        ("staging-1", True), ("staging-2", True), ("staging-3", False), ("staging-4", False),
    ]  # fmt: skip
    assert found.manifests(history.releases[2]) == MANIFESTS
    assert history.next_number == 5


def test_a_line_still_tells_who_when_what_and_whether_it_was_scanned() -> None:
    found, _ = ledger()
    found.append(old(1, actor="eve", cause="first\nsecond", schema="s1", migrated="uid-1", ci="https://ci/1"), MANIFESTS)
    found.append(old(2), MANIFESTS)
    before = found.history().releases[0]
    found.trim(found.history(), 1)
    line = found.history().releases[0]
    for field in ("name", "state", "git_revision", "actor", "started_at", "content", "schema", "migrated", "ci", "once_verified"):
        assert getattr(line, field) == getattr(before, field), field
    assert line.cause == "first"
    assert {service: image.digest for service, image in line.images.items()} == {
        service: image.digest for service, image in before.images.items()
    }
    assert line.images["web"].scan is not None
    assert line.images["web"].scan.verdict == "clean"
    assert found.history().reached("uid-1") == {"s1"}


def test_what_may_be_gone_back_to_stays_whole_though_newer_ones_failed() -> None:
    found, _ = ledger()
    found.append(old(1), MANIFESTS)
    for number in (2, 3, 4, 5):
        found.append(old(number, once_verified=False, state=State.FAILED), MANIFESTS)
    found.trim(found.history(), 2)
    assert [release.name for release in found.history().releases if release.compacted] == ["staging-2", "staging-3"]
    assert found.manifests(found.history().releases[0]) == MANIFESTS


def test_a_release_of_which_only_a_line_is_left_cannot_be_gone_back_to() -> None:
    found, _ = ledger()
    for number in (1, 2):
        found.append(old(number), MANIFESTS)
    found.append(old(3, state=State.VERIFIED), MANIFESTS)
    found.trim(found.history(), 2)
    with pytest.raises(Misconfigured, match="of staging-1 only a line is kept") as refused:
        found.history().rollback_target("staging-1")
    assert refused.value.code == "not-whole"
    assert found.history().rollback_target().name == "staging-2"
    found.trim(found.history(), 1)
    with pytest.raises(Failed, match="no release before staging-3"):
        found.history().rollback_target()


def test_the_content_of_a_rollback_stays_though_the_record_that_it_came_from_is_a_line() -> None:
    found, _ = ledger()
    found.append(old(1), MANIFESTS)
    found.append(old(2, state=State.ROLLED_BACK), MANIFESTS)
    found.append(old(3, content_of="staging-1", rollback_of="staging-2", content="sha256:1"), MANIFESTS)
    page = replace(found.history().releases[0], compacted=True)
    history = History((page, *found.history().releases[1:]))
    assert history.origin(history.releases[2]).name == "staging-3"
    assert history.last_good is not None
    assert history.last_good.name == "staging-3"


@pytest.mark.parametrize("step", range(1, 9))
def test_a_compaction_that_is_cut_off_loses_no_release_and_the_next_one_goes_on(step: int) -> None:
    found, cluster = ledger()
    for number in (48, 49, 50, 51, 52):
        found.append(old(number), MANIFESTS)
    names = [release.name for release in found.history().releases]
    left = [step]

    def die(call: Call) -> None:
        left[0] -= call.verb in {"create", "replace", "delete"}
        if not left[0]:
            raise KeyboardInterrupt

    cluster.on_call.append(die)
    with suppress(KeyboardInterrupt):
        found.trim(found.history(), 1)
    cluster.on_call.clear()
    assert [release.name for release in found.history().releases] == names
    assert found.history().damaged == ()
    found.trim(found.history(), 1)
    assert [release.name for release in found.history().releases if not release.compacted] == ["staging-52"]
    assert objects(cluster) == ["hello-staging-52", "hello-staging-52.0", "hello-staging.older.0", "hello-staging.older.1"]


def test_lines_that_cannot_be_read_are_named_and_kept() -> None:
    found, cluster = ledger()
    for number in (1, 2, 3):
        found.append(old(number), MANIFESTS)
    found.trim(found.history(), 2)
    cluster.edit("v1/ConfigMap", "hello-staging.older.0", "plimsoll", {"data": {LINES_KEY: 'no line\n{"number": 7}\n'}})
    assert found.history().damaged == ("hello-staging.older.0 line 1", "hello-staging.older.0 line 2")
    found.trim(found.history(), 1)
    page = cluster.get("v1/ConfigMap", "hello-staging.older.0", "plimsoll")
    assert page is not None
    assert page["data"][LINES_KEY].startswith('no line\n{"number": 7}\n{')
    assert [release.name for release in found.history().releases] == ["staging-2", "staging-3"]


def test_fifty_releases_of_fifty_services_fit_into_one_object() -> None:
    many = {f"service-{number}": image(f"service-{number}") for number in range(50)}
    text = merged((), [old(number, images=many, cause="x" * 2000) for number in range(PAGE)])
    assert len(text.encode()) < CHUNK_BYTES


def test_a_record_that_was_damaged_meanwhile_is_not_written_over() -> None:
    found, cluster = ledger()
    found.append(record(), MANIFESTS)
    cluster.edit("v1/ConfigMap", "hello-staging-3", "plimsoll", {"data": {"release.json": "?"}})
    with pytest.raises(Failed, match="the record of staging-3 cannot be used") as failed:
        found.move(record().moved(State.APPLIED))
    assert failed.value.code == "record-damaged"
    assert found.history().damaged == ("hello-staging-3",)


def test_a_page_that_somebody_else_writes_meanwhile_is_not_overwritten_and_no_record_goes() -> None:
    found, cluster = ledger()
    for number in (1, 2, 3):
        found.append(old(number), MANIFESTS)
    found.trim(found.history(), 2)

    def race(call: Call) -> None:
        if call.verb == "replace" and call.name == "hello-staging.older.0":
            cluster.on_call.remove(race)
            cluster.edit("v1/ConfigMap", call.name, "plimsoll", {"metadata": {"labels": {"x": "y"}}})

    cluster.on_call.append(race)
    with pytest.raises(Failed, match="somebody else writes the lines of old releases"):
        found.trim(found.history(), 1)
    assert [release.name for release in found.history().releases if not release.compacted] == ["staging-2", "staging-3"]


# Every pair of states: what a record that stands in the first may become.
PAIRS = [(start, end) for start in State for end in State]


@pytest.mark.parametrize(("start", "end"), PAIRS, ids=[f"{start}-{end}" for start, end in PAIRS])
def test_a_stored_record_takes_the_states_that_follow_and_no_other(start: State, end: State) -> None:
    found, _ = ledger()
    found.append(record(state=start), MANIFESTS)
    wanted = record(state=end)
    if start == end or end in NEXT[start]:
        found.move(wanted)
        assert found.history().releases == (wanted,)
    else:
        with pytest.raises(Failed, match=f"it is {start}, which does not become {end}") as refused:
            found.move(wanted)
        assert refused.value.code == "record-closed"
        assert found.history().releases == (record(state=start),)


OTHER: dict[str, Any] = {
    "git_revision": "f" * 40, "dirty": True, "images": {}, "content": "sha256:other", "actor": "eve", "ci": "https://other",
    "started_at": "2031-01-01T00:00:00Z", "rollback_of": "staging-1", "content_of": "staging-1", "schema": "other",
    "workloads": {}, "inventory": (), "approval": Approval(kind="typed", by="eve", at="2031-01-01T00:00:00Z"),
    "gate": Gate(at="2031-01-01T00:00:00Z", items=()),
    "finished_at": "2031-01-01T00:00:00Z", "cause": "another one", "migrated": "uid-9", "smoke": (), "secrets": {}, "timings": {},
    "untouched": True, "proven": True, "once_verified": True, "one_way": True,
}  # fmt: skip


@pytest.mark.parametrize("field", OTHER)
@pytest.mark.parametrize("state", State)
def test_of_a_closed_record_nothing_but_the_state_changes_and_of_a_begun_one_what_its_deploy_finds_out(
    state: State, field: str
) -> None:
    found, _ = ledger()
    found.append(record(state=state), MANIFESTS)
    wanted = replace(record(state=state), **{field: OTHER[field]})
    if state in UNFINISHED and field in FILLED:
        found.move(wanted)
        assert found.history().releases == (wanted,)
    else:
        with pytest.raises(Failed, match=f"its {field} cannot change any more"):
            found.move(wanted)
        assert found.history().releases == (record(state=state),)


def test_what_is_known_to_change_names_every_field_of_a_record() -> None:
    assert {*OTHER, "name", "environment", "number", "state"} == set(record().to_record())


def test_a_release_that_had_passed_its_smoke_test_gets_its_verdict() -> None:
    found, _ = ledger()
    reporter = FakeReporter()
    found.append(old(2, state=State.VERIFIED), MANIFESTS)
    found.append(record(state=State.APPLIED, proven=True, finished_at="2030-01-02T03:05:00Z"), MANIFESTS)
    history = repair(found, found.history(), FakeClock(), reporter)
    assert [release.state for release in history.releases] == [State.SUPERSEDED, State.VERIFIED]
    assert history.releases[1].finished_at == "2030-01-02T03:05:00Z"
    assert reporter.lines("warn") == ["staging-3 had passed its smoke test when its deploy was cut off: recorded as verified"]


def test_a_rollback_that_had_passed_its_smoke_test_marks_what_it_left_as_rolled_back() -> None:
    found, _ = ledger()
    found.append(old(1), MANIFESTS)
    found.append(old(2, state=State.VERIFIED), MANIFESTS)
    found.append(
        record(state=State.APPLIED, proven=True, rollback_of="staging-2", content_of="staging-1", content="sha256:1"), MANIFESTS
    )
    history = repair(found, found.history(), FakeClock(), FakeReporter())
    assert [release.state for release in history.releases] == [State.SUPERSEDED, State.ROLLED_BACK, State.VERIFIED]


def test_a_proven_release_that_something_else_replaced_has_failed() -> None:
    found, _ = ledger()
    found.append(record(state=State.APPLIED, proven=True), MANIFESTS)
    found.append(old(4, state=State.FAILED, once_verified=False), MANIFESTS)
    history = repair(found, found.history(), FakeClock(), FakeReporter())
    assert [release.state for release in history.releases] == [State.FAILED, State.FAILED]


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
