"""The ledger: which release is live, what to go back to, and how records survive as objects of a cluster."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from plimsoll.domain.ledger import History, read_history, record_object
from plimsoll.domain.ledger_manifests import CHUNK_BYTES, CHUNK_KEY, chunk_count, chunk_object, pack, unpack
from plimsoll.domain.release import State
from plimsoll.errors import Failed, Misconfigured
from tests.fake_site import record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plimsoll.domain.release import Release


@dataclass
class Row:
    """A record in few words: `v` verified now, `s` superseded, `r` rolled back, `f` failed, `x` rollback-failed, `p` pending."""

    state: str
    content: str
    back_to: int | None = None
    left: int | None = None

    def release(self, number: int) -> Release:
        states = {
            "v": State.VERIFIED, "s": State.SUPERSEDED, "r": State.ROLLED_BACK, "f": State.FAILED, "x": State.ROLLBACK_FAILED,
            "p": State.PENDING,
        }  # fmt: skip
        return record(
            name=f"staging-{number}",
            number=number,
            state=states[self.state],
            content=self.content,
            once_verified=self.state in "vsr",
            content_of=f"staging-{self.back_to}" if self.back_to else None,
            rollback_of=f"staging-{self.left}" if self.left else None,
        )


def history(*rows: Row) -> History:
    return History(tuple(row.release(number) for number, row in enumerate(rows, 1)))


def target(*rows: Row) -> str:
    return history(*rows).rollback_target().name


def test_the_next_number_follows_the_highest_even_when_that_record_is_damaged() -> None:
    assert History().next_number == 1
    assert history(Row("s", "a"), Row("v", "b")).next_number == 3
    assert replace(history(Row("v", "a")), damaged=("hello-staging-7",), highest=7).next_number == 8


def test_the_live_release_is_the_verified_one_though_a_newer_failed() -> None:
    found = history(Row("v", "a"), Row("f", "b"))
    assert found.live is found.releases[0]
    assert found.standing is found.releases[1]


def test_without_a_verified_release_the_newest_is_spoken_of() -> None:
    assert history(Row("f", "a"), Row("f", "b")).live == Row("f", "b").release(2)
    assert History().live is None


def test_a_rollback_goes_to_the_content_before_the_live_one() -> None:
    assert target(Row("s", "a"), Row("s", "b"), Row("v", "c")) == "staging-2"


def test_a_rollback_passes_over_releases_that_failed() -> None:
    assert target(Row("s", "a"), Row("f", "b"), Row("v", "c")) == "staging-1"


def test_a_second_rollback_goes_further_back_and_not_forward_again() -> None:
    rows = [Row("s", "a"), Row("s", "b"), Row("r", "c"), Row("v", "b", back_to=2, left=3)]
    assert target(*rows) == "staging-1"


def test_content_that_was_rolled_back_is_not_gone_back_to() -> None:
    rows = [Row("s", "a"), Row("r", "b"), Row("s", "a", back_to=1, left=2), Row("v", "c")]
    assert target(*rows) == "staging-1"


def test_content_equal_to_the_live_one_is_no_target() -> None:
    assert target(Row("s", "a"), Row("s", "b"), Row("s", "c"), Row("v", "c")) == "staging-2"


def test_a_rollback_from_what_a_killed_deploy_left_goes_to_the_verified_release() -> None:
    assert target(Row("s", "a"), Row("v", "b"), Row("f", "c")) == "staging-2"


def test_a_release_that_failed_before_it_changed_anything_is_not_what_a_rollback_leaves() -> None:
    found = history(Row("s", "a"), Row("v", "b"), Row("f", "c"))
    untouched = replace(found.releases[2], untouched=True)
    found = History((*found.releases[:2], untouched))
    assert found.rollback_target().name == "staging-1"


def test_after_a_failed_rollback_the_last_good_content_is_tried_again() -> None:
    rows = [Row("s", "a"), Row("s", "b"), Row("f", "c"), Row("x", "b", back_to=2, left=3)]
    assert target(*rows) == "staging-2"
    assert history(*rows).last_good == Row("s", "b").release(2)


def test_after_a_rollback_by_hand_that_failed_the_release_it_left_is_no_target() -> None:
    rows = [Row("s", "a"), Row("s", "b"), Row("x", "a", back_to=1, left=2)]
    assert target(*rows) == "staging-1"
    assert history(*rows).last_good == Row("s", "a").release(1)


def test_nothing_older_is_a_failure_that_says_what_to_do() -> None:
    with pytest.raises(Failed, match="no release before staging-1 was verified") as failed:
        history(Row("v", "a")).rollback_target()
    assert "--to" in failed.value.now
    with pytest.raises(Failed, match="no release to roll back"):
        History().rollback_target()


def test_a_named_target_must_exist_and_have_been_verified() -> None:
    found = history(Row("s", "a"), Row("f", "b"), Row("v", "c"))
    assert found.rollback_target("staging-1").name == "staging-1"
    with pytest.raises(Misconfigured, match="never verified"):
        found.rollback_target("staging-2")
    with pytest.raises(Misconfigured, match="no release 'staging-9'") as refused:
        found.rollback_target("staging-9")
    assert "staging-3, staging-1" in refused.value.now


def test_the_release_that_runs_is_nothing_to_go_back_to() -> None:
    rows = [Row("s", "a"), Row("r", "b"), Row("v", "a", back_to=1, left=2)]
    for name in ("staging-1", "staging-3"):
        with pytest.raises(Misconfigured, match="is what runs") as refused:
            history(*rows).rollback_target(name)
        assert refused.value.code == "already-live"


def test_a_named_target_that_was_a_rollback_means_the_content_it_brought_back() -> None:
    rows = [Row("s", "a"), Row("r", "b"), Row("s", "a", back_to=1, left=2), Row("v", "c")]
    assert history(*rows).rollback_target("staging-3").name == "staging-1"


def test_a_release_that_was_rolled_back_can_be_named() -> None:
    rows = [Row("s", "a"), Row("r", "b"), Row("v", "a", back_to=1, left=2)]
    assert history(*rows).rollback_target("staging-2").name == "staging-2"


def test_an_automatic_rollback_goes_to_the_verified_release() -> None:
    assert history(Row("s", "a"), Row("v", "b"), Row("f", "c")).last_good == Row("v", "b").release(2)
    assert history(Row("f", "a")).last_good is None


def test_a_schema_counts_only_in_the_namespace_in_which_it_was_reached() -> None:
    found = History((record(schema="s1", migrated="uid-1"), record(schema="s2", migrated=None)))
    assert found.reached("uid-1") == {"s1"}
    assert found.reached("uid-2") == frozenset()
    assert found.reached(None) == frozenset()


def written(releases: Iterable[Release]) -> list[dict[str, object]]:
    return [record_object(release, "hello", chunks=1, digest="d") for release in releases]


def test_records_are_found_by_application_environment_and_part() -> None:
    (found,) = written([record()])
    assert found["metadata"] == {
        "name": "hello-staging-3",
        "namespace": "plimsoll",
        "labels": {
            "app.kubernetes.io/managed-by": "plimsoll",
            "plimsoll.dev/application": "hello",
            "plimsoll.dev/environment": "staging",
            "plimsoll.dev/part": "record",
        },
    }


def test_history_reads_what_was_written_in_the_order_of_numbers() -> None:
    records = [record(number=number, name=f"staging-{number}") for number in (10, 9, 11)]
    assert [release.number for release in read_history(written(records)).releases] == [9, 10, 11]


def test_a_damaged_record_is_named_and_its_number_stays_taken() -> None:
    good, bad = written([record(number=1, name="staging-1"), record(number=2, name="staging-2")])
    bad["data"] = {"release.json": "{"}
    found = read_history([good, bad])
    assert [release.name for release in found.releases] == ["staging-1"]
    assert found.damaged == ("hello-staging-2",)
    assert found.next_number == 3


def test_large_manifests_are_split_below_the_limit_and_come_back_whole() -> None:
    # Hashes do not compress to less than half, so that several pieces are needed.
    manifests = [{"kind": "ConfigMap", "data": hashlib.sha512(str(number).encode()).hexdigest()} for number in range(20_000)]
    pieces, digest = pack(manifests)
    assert len(pieces) > 1
    release = record()
    top = record_object(release, "hello", chunks=len(pieces), digest=digest)
    chunks = [chunk_object(release, "hello", index, piece) for index, piece in enumerate(pieces)]
    assert all(len(base64.b64decode(chunk["binaryData"][CHUNK_KEY])) <= CHUNK_BYTES for chunk in chunks)
    assert chunk_count(top) == len(pieces)
    assert unpack(top, chunks) == tuple(manifests)


def test_equal_manifests_are_packed_to_equal_bytes() -> None:
    assert pack([{"a": 1, "b": 2}]) == pack([{"b": 2, "a": 1}])


def test_manifests_that_lost_a_piece_or_were_changed_are_refused() -> None:
    pieces, digest = pack([{"kind": "ConfigMap"}])
    top = record_object(record(), "hello", chunks=1, digest=digest)
    with pytest.raises(ValueError, match="only the newest releases are kept whole"):
        unpack(top, [None])
    changed = chunk_object(record(), "hello", 0, pack([{"kind": "Secret"}])[0][0])
    with pytest.raises(ValueError, match="hash"):
        unpack(top, [changed])
    assert unpack(top, [chunk_object(record(), "hello", 0, pieces[0])]) == ({"kind": "ConfigMap"},)


def test_releases_within_the_limit_are_kept_with_the_content_they_stand_on() -> None:
    rows = [Row("s", "a"), Row("s", "b"), Row("r", "c"), Row("v", "a", back_to=1, left=3)]
    assert {release.name for release in history(*rows).kept(1)} == {"staging-4", "staging-1"}
