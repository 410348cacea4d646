"""What is collected when a rollout failed: of whom, from which containers, and in which order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from plimsoll.domain.failure import Cause
from plimsoll.domain.manifests import Ref
from plimsoll.domain.rollout_observed import Observed
from plimsoll.errors import Failed
from plimsoll.workflows import failure
from tests.fake_cluster import FakeCluster
from tests.fake_site import World

if TYPE_CHECKING:
    from plimsoll.domain.failure import Failure
    from tests.fake_cluster import Call

SCHEMAS = Path(__file__).parents[3] / "plimsoll" / "schemas"
WEB, MIGRATE, STORE = (
    Ref("apps/v1", "DaemonSet", "shop", "web"),
    Ref("batch/v1", "Job", "shop", "migrate"),
    Ref("apps/v1", "StatefulSet", "shop", "store"),
)
RUNS, CRASHED = {"running": {}}, {"terminated": {"exitCode": 1}}
BACKS_OFF = {"waiting": {"reason": "CrashLoopBackOff"}}


class Shop:
    """A namespace with one workload, in a fake cluster that remembers whose logs were read."""

    def __init__(self, workload: Ref) -> None:
        self.workload = workload
        self.cluster = FakeCluster()
        metadata = {"name": workload.name, "namespace": "shop"}
        self.live = self.cluster.put({"apiVersion": workload.api, "kind": workload.kind, "metadata": metadata})

    def pod(self, name: str, *containers: dict[str, Any], created: str = "2030-01-02T03:04:05Z") -> dict[str, Any]:
        owner = {"kind": self.workload.kind, "name": self.workload.name, "uid": self.live["metadata"]["uid"], "controller": True}
        metadata = {"name": name, "namespace": "shop", "ownerReferences": [owner], "creationTimestamp": created}
        status = {"phase": "Running", "containerStatuses": list(containers)}
        return self.cluster.put({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": status})

    def collect(self, at_fault: str = "", container: str = "main") -> Failure:
        cause = Cause(
            workload=self.workload.short,
            object=at_fault or self.workload.short,
            reason="CrashLoopBackOff",
            message="",
            rule="crash-loop",
            container=container,
        )
        kinds = (self.workload.path, "v1/Pod", "v1/Event")
        observed = Observed(each for kind in kinds for each in self.cluster.list(kind, "shop"))
        return failure.collect(self.workload, cause, observed, logs=self.cluster, environment="staging")

    def asked(self) -> list[str]:
        """Return the pods whose logs were read, in order, one for each container and run."""
        return [call.name for call in self.cluster.calls if call.verb == "logs"]


def container(name: str, state: dict[str, Any], *, restarts: int = 0, ready: bool = False) -> dict[str, Any]:
    return {"name": name, "ready": ready, "restartCount": restarts, "state": state}


def test_logs_are_read_of_the_container_that_crashed_and_not_of_its_neighbours() -> None:
    shop = Shop(WEB)
    shop.pod("web-1", container("proxy", RUNS), container("agent", RUNS, ready=True), container("main", BACKS_OFF, restarts=2))
    for name in ("main", "proxy", "agent"):
        shop.cluster.said["web-1", name, False] = f"{name} speaks"
    assert [each.lines for each in shop.collect("Pod/web-1").excerpts] == [("main speaks",)]
    assert shop.asked() == ["web-1"]


def test_a_container_that_runs_and_is_not_ready_is_heard_when_none_ended_badly() -> None:
    shop = Shop(WEB)
    shop.pod("web-1", container("main", RUNS), container("setup", {"terminated": {"exitCode": 0}}))
    shop.cluster.said["web-1", "main", False] = "waiting for postgres"
    assert [each.lines for each in shop.collect().excerpts] == [("waiting for postgres",)]


def test_a_container_that_runs_again_tells_the_run_that_crashed_first() -> None:
    shop = Shop(WEB)
    shop.pod("web-1", container("main", RUNS, restarts=1))
    shop.cluster.said["web-1", "main", True] = "boom"
    shop.cluster.said["web-1", "main", False] = "starting"
    assert [(each.previous, each.lines) for each in shop.collect().excerpts] == [(True, ("boom",)), (False, ("starting",))]


def test_a_container_that_never_ran_is_not_asked_for_its_log() -> None:
    shop = Shop(WEB)
    shop.pod("web-1", container("main", {"waiting": {"reason": "ErrImagePull"}}))
    assert shop.collect("Pod/web-1").excerpts == ()
    assert shop.asked() == []


def test_the_pod_at_fault_is_told_first_and_all_that_fail_are_counted() -> None:
    shop = Shop(WEB)
    for number in range(10):
        shop.pod(f"web-{number}", container("main", BACKS_OFF, restarts=1))
        shop.cluster.said[f"web-{number}", "main", False] = f"boom at 10.0.0.{number}"
    found = shop.collect("Pod/web-7")
    assert [each.pods for each in found.excerpts] == [("web-7", "web-0", "web-1")]
    assert found.failed_pods == 10


def test_an_event_of_every_replica_is_told_once_with_how_many_they_are() -> None:
    shop = Shop(WEB)
    for number in range(10):
        pod = shop.pod(f"web-{number}", container("main", RUNS))
        shop.cluster.happened(pod, "Unhealthy", f"Readiness probe failed: http://10.0.0.{number}/ refused")
    assert [(each.reason, each.objects) for each in shop.collect().events] == [("Unhealthy", 10)]


def test_events_of_the_workload_from_before_our_change_are_left_out() -> None:
    shop = Shop(STORE)
    said = (("2030-01-02T03:04:59Z", "old"), ("2030-01-02T03:05:00.25Z", "in the same second"), ("", "at no time"))
    for time, words in said:
        shop.cluster.happened(shop.live, "FailedCreate", words)
        event = next(each for each in shop.cluster.list("v1/Event", "shop") if each["message"] == words)
        shop.cluster.put({**event, "lastTimestamp": time, "metadata": {**event["metadata"], "creationTimestamp": time}})
    ours = {"manager": "plimsoll", "operation": "Apply", "time": "2030-01-02T03:05:00Z"}
    shop.live["metadata"]["managedFields"] = [ours]
    observed = Observed([shop.live])
    cause = Cause(workload=STORE.short, object=STORE.short, reason="FailedCreate", message="", rule="creation-refused")
    found = failure.collect(STORE, cause, observed, logs=shop.cluster, environment="staging")
    assert [each.message for each in found.events] == ["at no time", "in the same second"]


def test_a_job_tells_the_log_of_its_last_attempt_first() -> None:
    shop = Shop(MIGRATE)
    for name, minute, words in (("migrate-zz", 1, "no database"), ("migrate-aa", 3, "a table exists"), ("migrate-mm", 2, "?")):
        shop.pod(name, container("main", CRASHED), created=f"2030-01-02T03:0{minute}:00Z")
        shop.cluster.said[name, "main", False] = words
    assert [each.lines for each in shop.collect().excerpts] == [("a table exists",), ("?",), ("no database",)]


def test_a_pod_of_an_older_revision_that_is_at_fault_is_heard() -> None:
    shop = Shop(STORE)
    shop.live["status"] = {"updateRevision": "store-2"}
    shop.cluster.put(shop.live)
    shop.pod("store-0", container("main", BACKS_OFF, restarts=4))
    shop.cluster.said["store-0", "main", False] = "the volume is full"
    assert [each.lines for each in shop.collect("Pod/store-0").excerpts] == [("the volume is full",)]


@pytest.mark.parametrize("at_fault", ["", "Pod/gone-already"])
def test_a_workload_that_is_gone_leaves_the_cause_and_the_commands(at_fault: str) -> None:
    shop = Shop(WEB)
    shop.cluster.remove(WEB.path, "web", "shop")
    found = shop.collect(at_fault)
    assert (found.events, found.excerpts, found.failed_pods) == ((), (), 0)
    assert found.commands


def test_a_failure_is_the_published_json() -> None:
    shop = Shop(WEB)
    pod = shop.pod("web-1", container("main", BACKS_OFF, restarts=1))
    shop.cluster.happened(pod, "Unhealthy", "Readiness probe failed")
    shop.cluster.said["web-1", "main", False] = "boom"
    told = shop.collect("Pod/web-1").to_json()
    assert told["events"]
    assert told["logs"]
    validator = Draft202012Validator(json.loads((SCHEMAS / "failure-1.json").read_text()))
    validator.validate(told)
    assert not validator.is_valid({**told, "cause": {}})


def test_the_cause_is_reported_before_anything_is_asked_to_explain_it() -> None:
    world = World("crash")
    known: list[bool] = []

    def look(call: Call) -> None:
        if call.verb == "logs":
            known.append(any("is given up: Pod/" in line and "CrashLoopBackOff" in line for line in world.reporter.lines("info")))

    world.cluster.on_call.append(look)
    with pytest.raises(Failed):
        world.deploy()
    assert known
    assert all(known)


def test_other_workloads_that_are_lost_at_the_same_moment_are_told_too() -> None:
    world = World(lambda workload: "crash" if workload["metadata"]["name"] in {"web", "worker"} else "ready")
    with pytest.raises(Failed) as failed:
        world.deploy()
    told = failed.value.report.failure
    assert {told.cause.workload, *(each.workload for each in told.others)} == {"Deployment/web", "Deployment/worker"}
    assert [each.reason for each in told.others] == ["CrashLoopBackOff"]
