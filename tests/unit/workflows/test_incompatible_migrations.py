"""Migrations that cannot be gone back over, and namespaces that are deleted under a release."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from plimsoll.domain.outcome import UNCHANGED, BrokenRelease
from plimsoll.errors import Failed, Interrupted, Misconfigured
from tests.fake_site import PRODUCTION, World, images

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fake_cluster import Call

MARK = "plimsoll.dev/migration"


def marked_job(text: str) -> Callable[[list[dict[str, Any]]], None]:
    def change(objects: list[dict[str, Any]]) -> None:
        job = next(each for each in objects if each["kind"] == "Job")
        job["metadata"]["annotations"] = {MARK: text}

    return change


def migrated(mark: str = "incompatible") -> World:
    """Return a world in which staging-2 took the database from schema-1 to schema-2."""
    world = World()
    world.deploy(images(web="1", schema="schema-1"))
    world.overlay.change = marked_job(mark)
    world.deploy(images(web="2", schema="schema-2"))
    return world


def broken_after(behaviour: str, kind: str = "Deployment") -> World:
    """Return a world whose staging-2, with an incompatible migration, fails at a workload or at the migration itself."""
    world = World()
    world.deploy(images(web="1", schema="schema-1"))
    world.overlay.change = marked_job("incompatible")
    world.cluster.behaviour = lambda each: behaviour if each["kind"] == kind and "2" in str(marks_of(each, kind)) else "ready"
    return world


def marks_of(workload: dict[str, Any], kind: str) -> str:
    """Return what tells the second release's workload from the first one's: its mark, or that a Job is marked at all."""
    if kind == "Job":
        return "2" if MARK in (workload["metadata"].get("annotations") or {}) else ""
    env = workload["spec"]["template"]["spec"]["containers"][0].get("env", [])
    return next((str(each["value"]) for each in env if each["name"] == "RELEASE" and each["value"] == "staging-2"), "")


def test_a_rollback_does_not_cross_an_incompatible_migration_and_says_what_to_do() -> None:
    world = migrated()
    before = world.writes()
    with pytest.raises(Misconfigured) as caught:
        world.rollback()
    assert caught.value.code == "migration-crossed"
    assert "staging-1 is not brought back: the migration of staging-2 is marked incompatible" in caught.value.what
    assert "go forward" in caught.value.now
    assert "inv deploy --env staging --version staging-1" in caught.value.now
    assert world.writes() == before
    assert world.states() == {"staging-1": "superseded", "staging-2": "verified"}
    assert world.release("staging-2").one_way


def test_a_compatible_migration_is_gone_back_over() -> None:
    assert migrated("compatible").rollback().release.content_of == "staging-1"


def test_between_releases_of_one_schema_nothing_is_crossed() -> None:
    world = migrated()
    world.deploy(images(web="3", schema="schema-2"))
    assert world.rollback().release.content_of == "staging-2"


def test_the_mark_counts_although_a_later_release_no_longer_carries_it() -> None:
    world = migrated()
    world.overlay.change = lambda _objects: None
    world.deploy(images(web="3", schema="schema-3"))
    assert world.rollback().release.content_of == "staging-2"
    with pytest.raises(Misconfigured, match="the migration of staging-2"):
        world.rollback("staging-1")


def test_a_failed_deploy_does_not_bring_back_what_does_not_run_on_its_database() -> None:
    world = broken_after("crash")
    with pytest.raises(Failed) as caught:
        world.deploy(images(web="2", schema="schema-2"))
    assert caught.value.code == "migration-crossed"
    assert "CrashLoopBackOff" in caught.value.what
    assert "staging-1 is not brought back" in caught.value.what
    assert isinstance(caught.value.report, BrokenRelease)
    assert caught.value.report.restored is None
    assert world.states() == {"staging-1": "superseded", "staging-2": "failed"}
    assert world.free()
    world.cluster.behaviour = "ready"
    assert world.deploy(images(web="3", schema="schema-2")).outcome == "released"


def test_an_incompatible_migration_that_failed_is_not_crossed() -> None:
    world = broken_after("fail", "Job")
    with pytest.raises(Failed) as caught:
        world.deploy(images(web="2", schema="schema-2"))
    assert "staging-1 serves again" in caught.value.now
    assert world.states() == {"staging-1": "superseded", "staging-2": "failed", "staging-3": "verified"}


def test_an_incompatible_migration_that_may_still_run_is_not_gone_back_over() -> None:
    world = broken_after("hang", "Job")
    with pytest.raises(Failed, match="may have changed the database") as caught:
        world.deploy(images(web="2", schema="schema-2"))
    assert caught.value.code == "migration-crossed"
    assert "delete its Job and roll back again" in caught.value.now
    (job,) = (
        each for each in world.cluster.list("batch/v1/Job", "hello-staging") if MARK in each["metadata"].get("annotations", {})
    )
    world.cluster.remove("batch/v1/Job", job["metadata"]["name"], "hello-staging")
    assert world.rollback().release.content_of == "staging-1"


def test_a_migration_that_ran_although_nobody_lived_to_record_it_is_not_crossed_either() -> None:
    world = broken_after("ready")

    def die(call: Call) -> None:
        if call.verb == "watch" and "Job" in call.kind:
            world.cluster.on_call.append(dead)

    def dead(_call: Call) -> None:
        raise KeyboardInterrupt

    world.cluster.on_call.append(die)
    with pytest.raises((KeyboardInterrupt, Interrupted)):
        world.deploy(images(web="2", schema="schema-2"))
    world.cluster.on_call.clear()
    with pytest.raises(Misconfigured, match="may have changed the database"):
        world.rollback()


def test_the_plan_says_what_an_incompatible_migration_means() -> None:
    world = World()
    world.overlay.change = marked_job("incompatible")
    assert any("no release from before it is brought back" in note for note in world.deploy(dry_run=True).plan.notes)


def test_the_plan_of_older_images_says_that_the_database_comes_first() -> None:
    world = migrated()
    plan = world.deploy(images(web="1", schema="schema-1"), dry_run=True).plan
    assert any("restore the database first" in note for note in plan.notes)


@pytest.mark.parametrize(("kind", "mark"), [("Job", "yes"), ("Deployment", "incompatible")])
def test_a_mark_that_says_nothing_is_refused(kind: str, mark: str) -> None:
    world = World()

    def change(objects: list[dict[str, Any]]) -> None:
        next(each for each in objects if each["kind"] == kind)["metadata"]["annotations"] = {MARK: mark}

    world.overlay.change = change
    with pytest.raises(Misconfigured, match="says nothing about a migration"):
        world.deploy()
    assert world.writes() == []


# --- a namespace that is deleted under a release --------------------------------------------------------------------------------

LOST = "database content is gone"


def delete_namespace(world: World, *, ends_after: int = 0) -> None:
    """Delete the environment's namespace; it is seen on its way out that often."""
    if not ends_after:
        world.cluster.remove("v1/Namespace", "hello-staging")
        return
    found = world.cluster.get("v1/Namespace", "hello-staging")
    assert found is not None
    found["metadata"]["deletionTimestamp"] = "2030-01-02T03:04:05Z"
    world.cluster.put(found)
    left = [ends_after]

    def count(call: Call) -> None:
        if call.verb == "get" and call.kind == "v1/Namespace" and call.name == "hello-staging":
            left[0] -= 1
            if left[0] == 0:
                world.cluster.remove("v1/Namespace", "hello-staging")

    world.cluster.on_call.append(count)


def test_the_next_deploy_makes_a_deleted_namespace_anew_from_the_last_verified_release() -> None:
    world = World()
    world.deploy(images(web="1"))
    delete_namespace(world)
    result = world.deploy(images(web="2"))
    assert result.outcome == "released"
    assert world.states() == {"staging-1": "superseded", "staging-2": "superseded", "staging-3": "verified"}
    back = world.release("staging-2")
    assert (back.content_of, back.rollback_of) == ("staging-1", None)
    assert back.content_note == "staging-1, in a namespace made anew"
    assert any(LOST in line and "staging-1" in line for line in world.reporter.lines("warn"))
    assert world.rollback().release.content_of == "staging-1"


def test_a_deploy_of_what_ran_there_ends_with_the_release_that_came_back() -> None:
    world = World()
    world.deploy()
    delete_namespace(world)
    result = world.deploy()
    assert result.outcome == UNCHANGED
    assert result.release is not None
    assert result.release.content_of == "staging-1"
    assert [name for verb, kind, name in world.writes() if (verb, kind) == ("apply", "Job")] != []


def test_a_namespace_on_its_way_out_is_waited_for() -> None:
    world = World()
    world.deploy()
    delete_namespace(world, ends_after=9)
    world.deploy(images(web="2"))
    assert any("waiting for the end of the namespace hello-staging" in line for line in world.reporter.lines("step"))
    assert world.states()["staging-3"] == "verified"


def test_a_namespace_that_does_not_end_is_named_with_how_to_see_why() -> None:
    world = World()
    world.deploy()
    delete_namespace(world, ends_after=10**6)
    with pytest.raises(Failed, match="did not end within 180 s") as caught:
        world.deploy(images(web="2"))
    assert caught.value.code == "namespace-terminating"
    assert "kubectl get namespace hello-staging" in caught.value.now
    assert world.states() == {"staging-1": "verified"}


def test_a_namespace_deleted_in_the_midst_of_a_deploy_comes_back_with_the_last_verified_release() -> None:
    world = World()
    world.deploy(images(web="1"))

    def delete(call: Call) -> None:
        if call.verb == "apply" and call.name == "web" and not call.dry_run and "Deployment" in call.kind:
            world.cluster.on_call.remove(delete)
            delete_namespace(world, ends_after=3)
            raise Failed('the API server refuses Deployment/web: namespace "hello-staging" is being terminated', code="refused")

    world.cluster.on_call.append(delete)
    with pytest.raises(Failed, match="being terminated") as caught:
        world.deploy(images(web="2"))
    assert "staging-1 serves again" in caught.value.now
    assert any(LOST in line for line in world.reporter.lines("warn"))
    assert world.mark("web") == "staging-1"


def test_a_plan_without_a_write_says_that_the_namespace_is_gone() -> None:
    world = World()
    world.deploy()
    delete_namespace(world, ends_after=10**6)
    before = world.writes()
    plan = world.deploy(images(web="2"), dry_run=True).plan
    assert any(LOST in note for note in plan.notes)
    assert "Namespace/hello-staging" in [each.short for each in plan.creates]
    assert world.writes() == before


def test_where_nothing_was_verified_the_new_release_makes_the_namespace() -> None:
    world = World(behaviour="crash")
    with pytest.raises(Failed):
        world.deploy()
    world.cluster.behaviour = "ready"
    delete_namespace(world)
    assert world.deploy().outcome == "released"
    assert world.states() == {"staging-1": "failed", "staging-2": "verified"}


def test_a_release_that_cannot_be_brought_back_does_not_stop_the_next_one() -> None:
    world = World()
    world.deploy(images(web="1"))
    delete_namespace(world)
    old = images(web="1")["web"].digest
    world.cluster.behaviour = lambda each: "image-missing" if old in str(each) else "ready"
    assert world.deploy(images(web="2")).outcome == "released"
    assert world.states() == {"staging-1": "superseded", "staging-2": "rollback-failed", "staging-3": "verified"}
    assert any("staging-1 could not be brought back" in line for line in world.reporter.lines("warn"))


def test_a_deleted_namespace_is_not_crossed_by_any_migration() -> None:
    world = migrated()
    delete_namespace(world)
    assert world.rollback().release.content_of == "staging-1"


def test_a_protected_environment_is_asked_about_the_plan_after_its_namespace_came_back() -> None:
    world = World()
    world.deploy(images(web="1"), PRODUCTION)
    world.cluster.remove("v1/Namespace", "hello-production")
    asked = len(world.asked)
    assert world.deploy(images(web="2"), PRODUCTION).outcome == "released"
    assert len(world.asked) == asked + 1
