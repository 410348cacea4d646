"""Many releases after each other: what stays whole, what stays as a line, and what a rollback still finds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plimsoll.errors import Failed, Misconfigured
from plimsoll.workflows.status import history
from tests.fake_site import PRODUCTION, World, images

KEPT = 3


def released(count: int) -> World:
    """Return a world that keeps three releases, after `count` deploys of different images."""
    world = World()
    world.project = replace(world.project, rollout=replace(world.project.rollout, keep_releases=KEPT))
    for number in range(1, count + 1):
        world.deploy(images(web=str(number)))
    return world


def records(world: World) -> list[str]:
    return [
        each["metadata"]["name"] for each in world.cluster.list("v1/ConfigMap", "plimsoll", labels="plimsoll.dev/part=record")
    ]


def test_history_lists_all_releases_and_the_ledger_holds_few_objects() -> None:
    world = released(8)
    assert [release.name for release in history(world.site()).releases] == [f"staging-{number}" for number in range(8, 0, -1)]
    assert records(world) == ["hello-staging-6", "hello-staging-7", "hello-staging-8", "hello-staging.older.0"]


def test_each_release_that_is_kept_whole_can_be_gone_back_to_and_no_other() -> None:
    for number in (6, 7):
        world = released(8)
        assert world.rollback(f"staging-{number}").release.content_of == f"staging-{number}"
        assert world.live("apps/v1/Deployment", "web")["spec"]["template"]["spec"]["containers"][0]["image"] == (
            images(web=str(number))["web"].reference
        )
    world = released(8)
    with pytest.raises(Misconfigured, match="of staging-5 only a line is kept"):
        world.rollback("staging-5")


def test_rollbacks_one_after_the_other_end_where_nothing_is_whole_any_more() -> None:
    world = released(8)
    assert world.rollback().release.content_of == "staging-7"
    assert world.rollback().release.content_of == "staging-6"
    with pytest.raises(Failed) as ended:
        world.rollback()
    assert ended.value.code == "no-rollback-target"
    assert world.history().verified is not None


def test_failures_in_a_row_push_out_neither_the_release_that_serves_nor_the_one_before() -> None:
    world = released(2)
    world.cluster.behaviour = lambda workload: "crash" if images(web="bad")["web"].digest in str(workload) else "ready"
    for _ in range(6):
        with pytest.raises(Failed) as failed:
            world.deploy(images(web="bad"))
        assert "staging-2 serves again" in failed.value.now
    (name,) = [name for name, state in world.states().items() if state == "verified"]
    assert world.release(name).origin == "staging-2"
    assert world.history().origin(world.release(name)).compacted is False
    assert world.rollback().release.content_of == "staging-1"


def test_a_digest_of_which_only_a_line_is_left_is_still_proven() -> None:
    world = released(8)
    world.deploy(images(web="1"), PRODUCTION, proven=world.history())
    (release,) = world.history(PRODUCTION).releases
    assert release.gate is not None
    assert "verified as staging-1" in {item.detail for item in release.gate.items}


def test_a_schema_of_which_only_a_line_is_left_is_not_migrated_to_again() -> None:
    world = World()
    world.project = replace(world.project, rollout=replace(world.project.rollout, keep_releases=1))
    world.deploy(images(schema="schema-1"))
    for number in range(2, 5):
        world.deploy(images(web=str(number), schema="schema-2"))
    plan = world.deploy(images(web="9", schema="schema-1"), dry_run=True).plan
    assert not plan.migration.run
