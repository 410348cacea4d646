"""Records that do not have the shape of one are damaged: nothing is decided from them, and they are in nobody's way."""

from __future__ import annotations

import json
from typing import Any

import pytest

from plimsoll.domain.approval import Approval
from plimsoll.domain.ledger import read_history, record_object
from plimsoll.domain.ledger_lines import line_of, read_line
from plimsoll.domain.record_shape import FIELDS, OPTIONAL
from plimsoll.domain.release import State
from tests.fake_site import World, images, record

FULL = record(
    state=State.SUPERSEDED,
    once_verified=True,
    cause="it broke",
    approval=Approval(kind="typed", by="ada", at="2030-01-01T00:00:00Z"),
)
WRONG: tuple[Any, ...] = ("text", -1, 1.5, True, None, [], [1], {}, {"a": 1}, {"a": {}}, [{"name": 1}])


def places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the path of everything inside a JSON value."""
    found = [path] if path else []
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inside:
        found += places(each, (*path, key))
    return found


def put(value: Any, path: tuple[str | int, ...], wrong: object) -> Any:  # noqa: ANN401 -- any JSON value
    """Return a copy of `value` with `wrong` at `path`."""
    copy = json.loads(json.dumps(value))
    at = copy
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = wrong
    return copy


BODY = json.loads(record_object(FULL, "hello", chunks=1, digest="d")["data"]["release.json"])


@pytest.mark.parametrize("path", places(BODY), ids=lambda path: ".".join(map(str, path)))
def test_a_record_with_anything_in_any_place_is_whole_or_damaged_and_never_in_the_way(path: tuple[str | int, ...]) -> None:
    for wrong in WRONG:
        stored = record_object(FULL, "hello", chunks=1, digest="d")
        stored["data"]["release.json"] = json.dumps(put(BODY, path, wrong))
        found = read_history([stored])
        assert len(found.releases) + len(found.damaged) == 1
        for release in found.releases:
            assert json.dumps(release.to_record())
            assert json.dumps(release.to_history())
            assert read_line(line_of(release)).compacted


@pytest.mark.parametrize("field", sorted(set(FIELDS) - OPTIONAL))
def test_a_record_without_a_field_that_all_have_is_damaged(field: str) -> None:
    stored = record_object(FULL, "hello", chunks=1, digest="d")
    stored["data"]["release.json"] = json.dumps({key: value for key, value in BODY.items() if key != field})
    assert read_history([stored]).damaged == ("hello-staging-3",)


def test_the_table_of_shapes_knows_every_field_of_a_record() -> None:
    assert set(record().to_record()) == set(FIELDS)


def test_a_record_of_a_format_that_is_not_known_is_not_guessed_at() -> None:
    stored = record_object(FULL, "hello", chunks=1, digest="d")
    stored["data"]["release.json"] = json.dumps({**BODY, "format": "plimsoll.record/2"})
    assert read_history([stored]).damaged == ("hello-staging-3",)
    stored["data"]["release.json"] = json.dumps({key: value for key, value in BODY.items() if key != "format"})
    assert read_history([stored]).releases == (FULL,)


def test_a_record_under_another_records_name_is_damaged() -> None:
    stored = record_object(FULL, "hello", chunks=1, digest="d")
    stored["metadata"]["name"] = "hello-staging-9"
    found = read_history([stored])
    assert found.damaged == ("hello-staging-9",)
    assert found.next_number == 10


@pytest.mark.parametrize("data", [None, {}, {"release.json": "null"}, {"release.json": "[]"}, {"release.json": "\x00"}])
def test_an_object_that_holds_no_record_is_damaged(data: object) -> None:
    stored = {**record_object(FULL, "hello", chunks=1, digest="d"), "data": data}
    assert read_history([stored]).damaged == ("hello-staging-3",)


BREAKS: dict[str, dict[str, Any]] = {
    "no JSON": {"data": {"release.json": "{"}},
    "nothing": {"data": None},
    "inventory": {"data": {"release.json": json.dumps({**BODY, "name": "staging-1", "number": 1, "inventory": "nonsense"})}},
    "number": {"data": {"release.json": json.dumps({**BODY, "number": None})}},
}


@pytest.mark.parametrize("name", BREAKS)
@pytest.mark.parametrize("number", [1, 2])
def test_a_deploy_and_a_rollback_go_on_past_a_damaged_record(name: str, number: int) -> None:
    world = World()
    world.deploy()
    world.deploy(images(web="2"))
    world.deploy(images(web="3"))
    broken = world.cluster.get("v1/ConfigMap", f"hello-staging-{number}", "plimsoll")
    assert broken is not None
    world.cluster.put({**broken, **BREAKS[name]}, "somebody")
    assert world.history().damaged == (f"hello-staging-{number}",)
    assert world.deploy(images(web="4")).outcome == "released"
    back = 3 if number == 2 else 2
    assert world.rollback(f"staging-{back}").release.content_of == f"staging-{back}"
    assert any(f"hello-staging-{number}" in line for line in world.reporter.lines("warn"))


def test_a_damaged_record_of_the_release_that_runs_stops_no_deploy() -> None:
    world = World()
    world.deploy()
    world.deploy(images(web="2"))
    broken = world.cluster.get("v1/ConfigMap", "hello-staging-2", "plimsoll")
    assert broken is not None
    world.cluster.put({**broken, "data": {"release.json": "?"}}, "somebody")
    assert world.history().verified is None
    assert world.deploy(images(web="2")).outcome == "released"
    assert world.states() == {"staging-1": "superseded", "staging-3": "verified"}
