"""What an interruption of a deploy leaves, and how the next one goes on: signals, kills, lost connections, lost locks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from plimsoll.domain.outcome import BrokenRelease
from plimsoll.errors import EnvironmentLacks, Failed, Interrupted, Misconfigured
from plimsoll.workflows.status import history, status
from tests.fake_site import STAGING, World, images

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tests.fake_cluster import Call


# Requests at which a deploy of a changed release can be stopped: verb and kind of the first that matches.
STEPS = ["apply v1/ConfigMap", "apply apps/v1/Deployment", "watch apps/v1/StatefulSet", "watch apps/v1/Deployment"]


class Killed(BaseException):
    """SIGKILL: nothing of the program runs after it."""


def at(world: World, step: str, act: Callable[[], None]) -> None:
    """Call `act` at the first request that matches `step`."""
    verb, _, kind = step.partition(" ")

    def look(call: Call) -> None:
        if call.verb == verb and kind in call.kind and not call.dry_run and call.namespace != "plimsoll":
            world.cluster.on_call.remove(look)
            act()

    world.cluster.on_call.append(look)


def killed_deploy(world: World, step: str, released: dict[str, Any]) -> None:
    """Deploy and die at `step`: nothing is written any more, not even to give the lock back."""

    def die() -> None:
        world.cluster.on_call.append(dead)
        raise Killed

    def dead(_call: Call) -> None:
        raise Killed

    at(world, step, die)
    with pytest.raises(Killed):
        world.deploy(released)
    world.cluster.on_call.clear()


@pytest.mark.parametrize("step", STEPS)
def test_a_signal_stops_cleanly_and_brings_the_old_release_back(step: str) -> None:
    world = World()
    world.deploy()
    world.overlay.settings = "greeting=good day"
    at(world, step, lambda: setattr(world.stop, "sent", True))
    with pytest.raises(Interrupted) as stopped:
        world.deploy(images(web="2"))
    assert stopped.value.exit_code == 130
    assert "staging-1 serves again" in stopped.value.now
    assert world.states() == {"staging-1": "superseded", "staging-2": "failed", "staging-3": "verified"}
    assert "SIGTERM" in (world.release("staging-2").cause or "")
    assert world.mark("web") == "staging-1"
    assert world.free()


def test_a_signal_before_the_first_write_changes_nothing() -> None:
    world = World()
    world.deploy()
    before = world.writes()

    def note(call: Call) -> None:
        if call.verb == "create" and call.namespace == "plimsoll" and call.name == "hello-staging-2":
            world.stop.sent = True

    world.cluster.on_call.append(note)
    with pytest.raises(Interrupted) as stopped:
        world.deploy(images(web="2"))
    assert "nothing was changed" in stopped.value.now
    assert world.writes() == before
    assert world.states() == {"staging-1": "verified", "staging-2": "failed"}
    assert world.release("staging-2").untouched
    assert world.free()


@pytest.mark.parametrize("step", STEPS)
def test_a_killed_deploy_is_recognised_and_the_next_one_goes_on(step: str) -> None:
    world = World()
    world.deploy()
    world.overlay.settings = "greeting=good day"
    killed_deploy(world, step, images(web="2"))
    assert world.states()["staging-2"] == "pending"
    assert not world.free()
    result = world.deploy(images(web="3"))
    assert result.outcome == "released"
    assert world.states() == {"staging-1": "superseded", "staging-2": "failed", "staging-3": "verified"}
    assert "killed" in (world.release("staging-2").cause or "")
    assert world.mark("web") == "staging-3"
    assert any("staging-2 was left unfinished" in line for line in world.reporter.lines("warn"))


@pytest.mark.parametrize("step", STEPS)
def test_only_deploy_and_rollback_repair_what_a_kill_left_all_others_report_it(step: str) -> None:
    world = World()
    world.deploy()
    world.overlay.settings = "greeting=good day"
    killed_deploy(world, step, images(web="2"))
    before, asked = world.states(), len(world.cluster.calls)
    assert "staging-2 (pending, by ada) is under way" in status(world.site()).remarks
    assert [release.state.value for release in history(world.site()).releases] == ["pending", "verified"]
    assert "deploy to staging" in world.site().holds.report("status").under_way
    assert world.deploy(images(web="3"), dry_run=True).outcome == "planned"
    reading = {"get", "list", "watch", "logs"}
    wrote = [call for call in world.cluster.calls[asked:] if call.verb not in reading and not call.dry_run]
    assert (wrote, world.states()) == ([], before)
    if step == STEPS[0]:
        world.rollback()
    elif step == STEPS[1]:
        world.rollback("staging-1")
    else:
        world.deploy(images(web="3"))
    assert world.states()["staging-2"] == "failed"


def test_a_deploy_killed_before_its_record_leaves_nothing_in_the_way() -> None:
    world = World()
    world.deploy()

    def die(call: Call) -> None:
        if call.verb == "create" and call.name == "hello-staging-2":
            raise Killed

    world.cluster.on_call.append(die)
    with pytest.raises(Killed):
        world.deploy(images(web="2"))
    world.cluster.on_call.clear()
    assert world.deploy(images(web="3")).outcome == "released"
    assert world.states() == {"staging-1": "superseded", "staging-2": "verified"}


def test_an_api_server_that_is_lost_leaves_a_record_that_the_next_deploy_repairs() -> None:
    world = World()
    world.deploy()
    at(world, "watch apps/v1/Deployment", lambda: setattr(world.cluster, "unreachable", True))
    with pytest.raises(EnvironmentLacks) as lost:
        world.deploy(images(web="2"))
    assert "repairs what was left unfinished" in lost.value.now
    world.cluster.unreachable = False
    assert world.states()["staging-2"] == "pending"
    assert world.deploy(images(web="2")).outcome == "released"
    assert world.states() == {"staging-1": "superseded", "staging-2": "failed", "staging-3": "verified"}


def test_a_verdict_that_cannot_be_written_brings_the_old_release_back() -> None:
    world = World()
    world.deploy()

    def refuse(call: Call) -> None:
        old = world.cluster._objects["v1/ConfigMap", "plimsoll", "hello-staging-1"]
        if (call.verb, call.name) == ("replace", "hello-staging-2") and '"state": "superseded"' in str(old):
            world.cluster.on_call.remove(refuse)
            raise Failed("the API server refuses ConfigMap/hello-staging-2: etcdserver: request timed out")

    world.cluster.on_call.append(refuse)
    with pytest.raises(Failed, match="request timed out") as failed:
        world.deploy(images(web="2"))
    assert "staging-1 serves again" in failed.value.now
    assert world.states() == {"staging-1": "superseded", "staging-2": "failed", "staging-3": "verified"}


def test_a_lock_that_is_lost_stops_every_further_write() -> None:
    world = World()
    world.deploy()

    def steal() -> None:
        world.clock.sleep(60)
        lease = world.cluster.get("coordination.k8s.io/v1/Lease", "hello-staging", "plimsoll")
        world.cluster.put({**lease, "spec": {**lease["spec"], "holderIdentity": "eve"}}, "eve")

    at(world, "watch apps/v1/StatefulSet", steal)
    with pytest.raises(Failed) as lost:
        world.deploy(images(web="2"))
    assert lost.value.code == "lock-lost"
    assert "repairs what was left unfinished" in lost.value.now
    assert world.mark("web") == "staging-1"
    assert world.states()["staging-2"] == "pending"


@pytest.mark.parametrize("step", ["apply v1/ConfigMap", "watch apps/v1/StatefulSet"])
def test_a_cluster_that_becomes_another_one_under_way_is_written_to_no_more(step: str) -> None:
    world = World()
    world.deploy()
    world.overlay.settings = "greeting=good day"
    meant = world.cluster.identity().uid
    refused_at: list[int] = []

    def guard() -> None:
        if world.cluster.identity().uid != meant:
            refused_at.append(len(world.cluster.calls))
            raise Misconfigured("this is another cluster", where="here", now="correct the context", code="other-cluster")

    def swap() -> None:
        world.cluster._objects["v1/Namespace", "", "kube-system"]["metadata"]["uid"] = "another"

    site = replace(world.site(), guard=guard)
    world.site = lambda _environment=STAGING: site  # type: ignore[method-assign] -- the same site with a guard
    at(world, step, swap)
    with pytest.raises(Failed, match="this is another cluster") as refused:
        world.deploy(images(web="2"))
    assert refused.value.code == "other-cluster"
    assert "repairs what was left unfinished" in refused.value.now
    reading = {"get", "list", "watch", "logs"}
    assert [call for call in world.cluster.calls[refused_at[0] :] if call.verb not in reading] == []
    assert world.states()["staging-2"] == "pending"


def test_our_own_mistake_still_brings_the_old_release_back() -> None:
    world = World()
    world.deploy()

    def stumble() -> None:
        raise ZeroDivisionError("oops")

    at(world, "watch apps/v1/Deployment", stumble)
    with pytest.raises(ZeroDivisionError):
        world.deploy(images(web="2"))
    assert world.states() == {"staging-1": "superseded", "staging-2": "failed", "staging-3": "verified"}
    assert world.mark("web") == "staging-1"


def test_a_rollback_that_fails_too_is_a_state_of_its_own_and_nothing_says_verified() -> None:
    world = World()
    world.deploy()
    world.cluster.behaviour = lambda workload: "crash" if workload["metadata"]["name"] == "web" else "ready"
    with pytest.raises(Failed) as failed:
        world.deploy(images(web="2"))
    assert failed.value.code == "rollback-failed"
    assert failed.value.what.startswith("Deployment/web will not become ready")
    assert "bringing back the release before failed" in failed.value.what
    assert "inv rollback --env staging --to staging-1" in failed.value.now
    assert world.states() == {"staging-1": "superseded", "staging-2": "failed", "staging-3": "rollback-failed"}
    world.cluster.behaviour = "ready"
    assert world.deploy(images(web="3")).outcome == "released"


def test_a_record_that_is_damaged_cannot_be_brought_back_and_that_is_said() -> None:
    world = World()
    world.deploy()
    world.cluster.remove("v1/ConfigMap", "hello-staging-1.0", "plimsoll")
    world.cluster.behaviour = lambda workload: "crash" if workload["metadata"]["name"] == "web" else "ready"
    with pytest.raises(Failed, match="the record of staging-1 cannot be used") as failed:
        world.deploy(images(web="2"))
    assert failed.value.code == "rollback-failed"
    assert "verified" not in world.states().values()


def test_the_error_of_a_failed_deploy_carries_both_records_and_the_failure() -> None:
    world = World()
    world.deploy()
    world.cluster.behaviour = lambda workload: "crash" if images(web="2")["web"].digest in str(workload) else "ready"
    with pytest.raises(Failed) as failed:
        world.deploy(images(web="2"))
    report = failed.value.report
    assert isinstance(report, BrokenRelease)
    told = report.to_json()
    assert told["release"] == "staging-2"
    assert told["state"] == "failed"
    assert told["restored"] == "staging-3"
    assert told["restored_content_of"] == "staging-1"
    assert told["failure"]["cause"]["workload"] == "Deployment/web"


def test_a_deploy_that_finds_the_lock_held_names_the_holder_and_writes_nothing() -> None:
    world = World()
    world.deploy()
    killed_deploy(world, "apply apps/v1/Deployment", images(web="2"))
    before = world.writes()
    with pytest.raises(Failed, match="staging is locked by ada on here, process 1") as held:
        world.deploy(images(web="3"), wait_lock=0)
    assert held.value.code == "lock-held"
    assert world.writes() == before


def test_a_deploy_waits_for_a_lock_whose_holder_died() -> None:
    world = World()
    world.deploy()
    killed_deploy(world, "apply apps/v1/Deployment", images(web="2"))
    started = world.clock.monotonic()
    world.deploy(images(web="3"))
    assert 15 <= world.clock.monotonic() - started <= 30
