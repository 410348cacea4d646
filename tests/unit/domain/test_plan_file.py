"""Saved plans as files: what they hold, what makes them unusable, and each its own message."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from plimsoll.domain.plan_file import SavedPlan, expiry, require_cluster, require_usable, saved_plan
from plimsoll.errors import Misconfigured
from tests.fake_site import World
from tests.unit.test_schemas import check

if TYPE_CHECKING:
    from collections.abc import Callable

NOW, EXPIRES = "2030-01-02T03:04:05Z", "2030-01-03T03:04:05Z"


def saved(world: World | None = None) -> SavedPlan:
    return saved_plan(
        (world or World()).plan(),
        project="hello",
        version=None,
        options={"take_over": False},
        made_by="ada",
        made_at=NOW,
        made_with="1.0",
        expires_at=EXPIRES,
    )


def file() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(saved().to_json()))
    return found


def test_a_plan_read_from_its_file_is_the_plan_that_was_saved() -> None:
    check(file())
    assert SavedPlan.from_json(file()) == saved()
    assert SavedPlan.from_json(file()).digest == saved().digest == file()["digest"]


def worker(data: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in data["objects"] if each["metadata"]["name"] == "worker")
    return found


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "environment": lambda data: data.update(environment="production"),
    "cluster": lambda data: data.update(cluster="another"),
    "expiry": lambda data: data.update(expires_at="2031-01-01T00:00:00Z"),
    "revision": lambda data: data["candidate"].update(git_revision="f" * 40),
    "dirty": lambda data: data["candidate"].update(dirty=True),
    "options": lambda data: data["options"].update(take_over=True),
    "replicas": lambda data: worker(data)["spec"].update(replicas=9),
    "objects": lambda data: data["objects"].pop(),
    "plan": lambda data: data["plan"]["creates"].pop(),
    "number": lambda data: data["ledger"].update(next=7),
    "author": lambda data: data.update(made_by="grace"),
    "scan": lambda data: data["candidate"]["images"]["web"]["scan"].update(verdict="findings"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_file_in_which_anything_was_changed_is_no_plan(name: str) -> None:
    data = file()
    CHANGES[name](data)
    with pytest.raises(ValueError, match="it was changed after it was saved"):
        SavedPlan.from_json(data)


def with_secret_values(data: dict[str, Any]) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "eA=="}}
    data["objects"].append(secret)


BREAKS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a part is missing": (lambda data: data.pop("candidate"), "does not have the form of a plan"),
    "an object has no name": (lambda data: worker(data)["metadata"].pop("name"), "does not have the form of a plan"),
    "a workload has no pods": (lambda data: worker(data).update(spec={"template": {"spec": 7}}), "the form of a plan"),
    "a secret has values": (with_secret_values, "is rendered with values"),
    "an image may move": (
        lambda data: worker(data)["spec"]["template"]["spec"]["containers"][0].update(image="worker:latest"),
        "not pinned by digest",
    ),
    "an image has no digest": (lambda data: data["candidate"]["images"]["web"].update(reference="web:1"), "is no sha256 digest"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_file_that_no_deploy_could_carry_out_is_no_plan(name: str) -> None:
    data = file()
    change, problem = BREAKS[name]
    change(data)
    with pytest.raises(ValueError, match=problem):
        SavedPlan.from_json(data)


def code(**given: str | None) -> tuple[str, str]:
    with pytest.raises(Misconfigured) as refused:
        require_usable(saved(), **{"project": "hello", "environment": "staging", "now": NOW, **given})  # type: ignore[arg-type]  # strings all of them
    return refused.value.code, refused.value.what


def test_expired_elsewhere_and_of_another_cluster_have_each_their_own_message() -> None:
    require_usable(saved(), project="hello", environment="staging", now=NOW)
    require_usable(saved(), project="hello", environment=None, now=NOW)
    assert code(now=EXPIRES) == ("plan-expired", f"the plan has expired at {EXPIRES}")
    assert code(environment="production") == ("plan-elsewhere", "this is a plan for the environment staging, not for production")
    assert code(project="shop") == ("plan-elsewhere", "this is a plan for the project hello, not for shop")
    require_cluster(saved(), saved().cluster)
    with pytest.raises(Misconfigured, match="made for another cluster"):
        require_cluster(saved(), "uid")


def test_a_plan_expires_after_the_time_asked_for() -> None:
    now = datetime(2030, 1, 2, 5, 4, 5, tzinfo=timezone(timedelta(hours=2)))
    assert expiry(now, "24h") == EXPIRES
    assert expiry(now, "7d") == "2030-01-09T03:04:05Z"


@pytest.mark.parametrize("lasts", ["0h", "8d", "tomorrow", "", "-1h"])
def test_a_plan_that_never_or_hardly_expires_cannot_be_made(lasts: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        expiry(datetime.fromisoformat(NOW), lasts)
    assert (refused.value.where, refused.value.code) == ("--expires", "flags")


PLANTED, LONGER = "correct-horse", "correct-horse-battery-staple"
PLACES: dict[str, Callable[[list[dict[str, Any]], str], object]] = {
    "a variable": lambda objects, value: container(objects)["env"].append({"name": "SMTP_PASSWORD", "value": value}),
    "an address": lambda objects, value: container(objects)["env"].append(
        {"name": "STORE", "value": f"redis://me:{value}@store"}
    ),
    "an argument": lambda objects, value: container(objects).update(args=[f"--api-token={value}"]),
    "a key of configuration": lambda objects, value: config(objects)["data"].update({"smtp-password": value}),
    "a line of configuration": lambda objects, value: config(objects)["data"].update({"settings": f"a=b\nsmtp_password={value}"}),
}


def container(objects: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = worker({"objects": objects})["spec"]["template"]["spec"]["containers"][0]
    return found


def config(objects: list[dict[str, Any]]) -> dict[str, Any]:
    return next(each for each in objects if each["kind"] == "ConfigMap")


@pytest.mark.parametrize("place", PLACES)
def test_a_secret_in_the_overlay_is_in_no_printed_plan_and_stops_its_being_saved(place: str) -> None:
    world = World()
    world.deploy()
    printed = []
    for value in (PLANTED, LONGER):
        world.overlay.change = lambda objects, value=value: PLACES[place](objects, value)  # type: ignore[assignment,misc]  # what it returns does not matter
        printed.append(json.dumps(world.plan().to_json()))
        with pytest.raises(Misconfigured, match="looks like a secret") as refused:
            saved(world)
        assert refused.value.code == "secret-in-plan"
        assert PLANTED not in str(refused.value)
    assert PLANTED not in printed[0]
    assert printed[0] == printed[1], "not even its length is told"


def test_a_plan_of_another_digest_is_another_plan() -> None:
    assert replace(saved(), made_by="grace").digest != saved().digest
    assert replace(saved(), made_by="grace").plan_digest == saved().plan_digest
