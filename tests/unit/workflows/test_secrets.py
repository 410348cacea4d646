"""Generated secrets: made once, kept in the cluster, known elsewhere by name and hash only."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from plimsoll.domain.project import SecretSpec
from plimsoll.domain.secret import SecretText
from plimsoll.errors import Failed
from plimsoll.workflows.secrets import ensure, existing, generate, hashes, hider, new_salt
from tests.fake_cluster import FakeCluster

if TYPE_CHECKING:
    from tests.fake_cluster import Call

SPEC = SecretSpec(name="keys", keys={"database": 32, "cache": 24})


def cluster() -> FakeCluster:
    found = FakeCluster()
    found.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "hello"}})
    return found


def values(found: FakeCluster) -> dict[str, str]:
    secret = found.get("v1/Secret", "keys", "hello")
    assert secret is not None
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


def test_missing_secrets_are_generated_at_the_length_that_was_asked_for() -> None:
    found = cluster()
    assert ensure(found, "hello", [SPEC], part_of="hello") == ("keys/cache", "keys/database")
    assert {key: len(value) for key, value in values(found).items()} == {"database": 32, "cache": 24}
    assert all(value.isalnum() for value in values(found).values())
    assert existing(found, "hello", [SPEC]) == {"keys": {"database", "cache"}}


def test_values_that_exist_are_never_touched() -> None:
    found = cluster()
    ensure(found, "hello", [SPEC], part_of="hello")
    before = values(found)
    assert ensure(found, "hello", [SPEC], part_of="hello") == ()
    assert values(found) == before


def test_a_key_that_was_added_later_is_generated_beside_the_others() -> None:
    found = cluster()
    ensure(found, "hello", [SecretSpec(name="keys", keys={"database": 32})], part_of="hello")
    before = values(found)
    assert ensure(found, "hello", [SPEC], part_of="hello") == ("keys/cache",)
    assert values(found)["database"] == before["database"]


def test_somebody_who_writes_at_the_same_time_is_not_overwritten() -> None:
    found = cluster()

    def race(call: Call) -> None:
        if call.verb == "create":
            found.on_call.remove(race)
            put_by_others(found)

    found.on_call.append(race)
    ensure(found, "hello", [SPEC], part_of="hello")
    assert values(found)["database"] == "theirs"


def put_by_others(found: FakeCluster) -> None:
    data = {"database": base64.b64encode(b"theirs").decode()}
    metadata = {"name": "keys", "namespace": "hello"}
    found.put({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})


def test_a_secret_that_somebody_keeps_changing_is_a_failure() -> None:
    found = cluster()
    put_by_others(found)

    def race(call: Call) -> None:
        if call.verb == "replace":
            live: Any = found.get("v1/Secret", "keys", "hello")
            found.put({**live, "metadata": {**live["metadata"], "labels": {"turn": str(len(found.calls))}}})

    found.on_call.append(race)
    with pytest.raises(Failed, match="somebody else keeps changing it"):
        ensure(found, "hello", [SPEC], part_of="hello")


def test_two_generated_values_are_never_equal() -> None:
    assert len({generate(24).reveal() for _ in range(100)}) == 100


def test_a_secret_never_prints_itself() -> None:
    secret = SecretText("hush")
    for text in (str(secret), repr(secret), f"{secret}", str([secret])):
        assert "hush" not in text
        assert "***" in text


def test_hashes_tell_a_changed_value_from_an_equal_one_within_a_salt_and_nothing_across() -> None:
    found = cluster()
    ensure(found, "hello", [SPEC], part_of="hello")
    salt = new_salt()
    before = hashes(found, "hello", [SPEC], salt)
    assert set(before) == {"keys/cache", "keys/database"}
    assert hashes(found, "hello", [SPEC], salt) == before
    assert hashes(found, "hello", [SPEC], new_salt()) != before
    put_by_others(found)
    assert hashes(found, "hello", [SPEC], salt)["keys/database"] != before["keys/database"]
    assert not any(value in str(before) for value in values(found).values())


def test_secret_values_are_taken_out_of_texts() -> None:
    found = cluster()
    ensure(found, "hello", [SPEC], part_of="hello")
    value = values(found)["database"]
    assert hider(found, "hello", [SPEC])(f"password={value};") == "password=***;"
    assert hider(cluster(), "hello", [SPEC])("nothing to hide") == "nothing to hide"


def test_values_that_were_set_by_hand_are_hidden_whole_unless_they_are_too_short_to_be_told_from_words() -> None:
    found = cluster()
    data = {"database": base64.b64encode(b"a").decode(), "cache": ""}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys", "namespace": "hello"}, "data": data}
    found.put(secret)
    assert hider(found, "hello", [SPEC])("a banana") == "a banana"
    found.put(
        {**secret, "data": {"database": base64.b64encode(b"open").decode(), "cache": base64.b64encode(b"opensesame").decode()}}
    )
    assert hider(found, "hello", [SPEC])("open, opensesame") == "***, ***"
