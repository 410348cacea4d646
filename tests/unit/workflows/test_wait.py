"""Waiting for workloads: what is reported, when it ends, and what the failure tells."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from plimsoll.domain.failure import Failure
from plimsoll.domain.manifests import Ref, ref
from plimsoll.domain.rollout_rules import Limits
from plimsoll.errors import EnvironmentLacks, Failed, Interrupted
from plimsoll.workflows.wait import wait_for
from tests import fake_controllers
from tests.fake_cluster import FakeCluster
from tests.fakes import FakeClock, FakeReporter

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fake_cluster import Call

BACKEND, MIGRATE = Ref("apps/v1", "Deployment", "shop", "backend"), Ref("batch/v1", "Job", "shop", "migrate")
POSTGRES = Ref("apps/v1", "StatefulSet", "shop", "postgres")


class NoStop:
    def check(self) -> None:
        """Nobody asks."""


class Shop:
    """A namespace in a fake cluster, and waits in it."""

    def __init__(self, behaviour: str | Callable[[dict[str, Any]], str] = "ready") -> None:
        self.clock = FakeClock()
        self.cluster = FakeCluster(self.clock, behaviour=behaviour)
        self.reporter = FakeReporter()
        self.stop: Any = NoStop()
        self.cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})

    def apply(self, target: Ref, image: str = "app@sha256:1") -> None:
        template = {"metadata": {"labels": {"app": target.name}}, "spec": {"containers": [{"name": "main", "image": image}]}}
        spec = {"template": template} if target.kind == "Job" else {"replicas": 2, "template": template}
        self.cluster.apply(
            {"apiVersion": target.api, "kind": target.kind, "metadata": {"name": target.name, "namespace": "shop"}, "spec": spec}
        )

    def wait(self, *targets: Ref, timeout: float = 300, **more: object) -> dict[str, float]:
        collaborators = {
            "cluster": self.cluster,
            "logs": self.cluster,
            "clock": self.clock,
            "reporter": self.reporter,
            "stop": self.stop,
        }
        return wait_for(targets, **{**collaborators, "limits": Limits(), "environment": "staging", "timeout": timeout, **more})

    def failure(self, *targets: Ref, **more: object) -> tuple[Failed, Failure]:
        with pytest.raises(Failed) as caught:
            self.wait(*targets, **more)
        assert isinstance(caught.value.report, Failure)
        return caught.value, caught.value.report


def test_workloads_that_are_ready_are_not_waited_for() -> None:
    shop = Shop()
    shop.apply(BACKEND)
    shop.apply(MIGRATE)
    assert shop.wait(BACKEND, MIGRATE) == {"Deployment/backend": 0.0, "Job/migrate": 0.0}
    assert shop.clock.passed == 0


def test_waiting_for_nothing_asks_nobody() -> None:
    shop = Shop()
    assert shop.wait() == {}
    assert not shop.cluster.calls


def test_workloads_of_several_namespaces_are_refused() -> None:
    with pytest.raises(ValueError, match="too many values"):
        Shop().wait(BACKEND, Ref("apps/v1", "Deployment", "elsewhere", "backend"))


def test_each_change_is_one_line_and_nothing_is_said_twice() -> None:
    shop = Shop("unready")
    shop.apply(BACKEND)
    shop.cluster.later(3, lambda: _become_ready(shop))
    arrived = shop.wait(BACKEND)
    assert arrived == {"Deployment/backend": 3.0}
    lines = shop.reporter.lines("info")
    assert lines[0].startswith("Deployment/backend: 1 of 2 replicas updated (Pod/backend-")
    assert lines[-1] == "Deployment/backend: ready after 3.0 s"
    assert all(one != next_one for one, next_one in pairwise(lines))


def test_a_quiet_wait_names_what_is_missing_every_fifteen_seconds() -> None:
    shop = Shop("unready")
    shop.apply(BACKEND)
    shop.failure(BACKEND, timeout=50)
    beats = [line for line in shop.reporter.lines("info") if line.startswith("still waiting")]
    assert len(beats) == 3
    assert beats[0].startswith("still waiting after 15 s for Deployment/backend: 1 of 2 replicas updated")


def test_a_quiet_wait_for_many_names_a_few_and_counts_the_others() -> None:
    shop = Shop("unready")
    many = [Ref("apps/v1", "Deployment", "shop", f"web-{number}") for number in range(8)]
    for each in many:
        shop.apply(each)
    shop.failure(*many, timeout=20)
    (beat,) = [line for line in shop.reporter.lines("info") if line.startswith("still waiting")]
    assert beat.count("Deployment/web-") == 5
    assert beat.endswith("; and 3 more")


def test_a_crash_ends_the_wait_at_once_and_tells_pod_reason_and_last_words() -> None:
    shop = Shop("crash")
    shop.apply(BACKEND)
    shop.cluster.said["backend-", "main", False] = "starting\nValueError: no such setting"
    error, failure = shop.failure(BACKEND)
    assert shop.clock.passed == 0
    assert error.code == "rollout"
    assert error.what.startswith("Deployment/backend will not become ready: Pod/backend-")
    assert "CrashLoopBackOff: exited with code 1, 2 times" in error.what
    assert failure.excerpts[0].lines[-1] == "ValueError: no such setting"
    assert error.now == "read the container's last lines, correct what they name, and deploy again"
    assert failure.commands[0].startswith("kubectl --kubeconfig /state/kubeconfig -n shop describe pod backend-")


def test_the_first_workload_that_fails_ends_the_wait_for_all() -> None:
    shop = Shop(lambda manifest: "image-missing" if manifest["kind"] == "StatefulSet" else "unready")
    shop.apply(BACKEND)
    shop.apply(POSTGRES)
    error, failure = shop.failure(BACKEND, POSTGRES)
    assert failure.cause.workload == "StatefulSet/postgres"
    assert failure.cause.rule == "image-not-found"
    assert "not found" in error.what


def test_a_job_that_failed_tells_the_log_of_its_last_attempt() -> None:
    shop = Shop("fail")
    shop.apply(MIGRATE)
    shop.cluster.said["migrate-", "main", False] = "alembic: relation exists"
    error, failure = shop.failure(MIGRATE)
    assert "BackoffLimitExceeded" in error.what
    assert failure.excerpts[0].lines == ("alembic: relation exists",)


def test_a_fault_with_grace_fails_when_the_grace_is_over() -> None:
    shop = Shop("image-missing")
    shop.apply(BACKEND, image="app@sha256:1")
    pod = next(each for each in shop.cluster.list("v1/Pod", "shop") if each["metadata"]["name"].startswith("backend-"))
    waiting = {"reason": "ErrImagePull", "message": "dial tcp 172.18.0.3:5000: connect: connection refused"}
    pod["status"]["containerStatuses"][0]["state"] = {"waiting": waiting}
    shop.cluster.put(pod)
    error, failure = shop.failure(BACKEND, limits=Limits(grace=30))
    assert failure.cause.rule == "image-pull"
    assert 30 <= shop.clock.passed <= 32
    assert "connection refused" in error.what


def test_time_that_is_over_names_what_is_still_missing_in_every_workload() -> None:
    shop = Shop("unready")
    shop.apply(BACKEND)
    shop.apply(POSTGRES)
    shop.cluster.said["backend-", "main", False] = "waiting for the database"
    error, failure = shop.failure(BACKEND, POSTGRES, timeout=60)
    assert error.code == "rollout-timeout"
    assert "Timeout: still missing after 60 s: 1 of 2 replicas updated" in error.what
    assert [cause.workload for cause in failure.others] == ["StatefulSet/postgres"]
    assert failure.excerpts[0].lines == ("waiting for the database",)
    assert any(command.endswith("--all-containers") for command in failure.commands)
    assert "rollout.timeout" in error.now


def test_a_fault_that_was_borne_with_is_the_cause_when_the_time_is_over() -> None:
    shop = Shop("crash")
    shop.apply(BACKEND)
    error, failure = shop.failure(BACKEND, timeout=20, limits=Limits(crash_restarts=5))
    assert failure.cause.reason == "CrashLoopBackOff"
    assert error.code == "rollout-timeout"


def test_events_are_part_of_the_failure() -> None:
    shop = Shop("crash")
    shop.apply(BACKEND)
    pod = next(iter(shop.cluster.list("v1/Pod", "shop")))
    shop.cluster.happened(pod, "Unhealthy", "Liveness probe failed: refused")
    _error, failure = shop.failure(BACKEND)
    assert [each.message for each in failure.events] == ["Liveness probe failed: refused"]


def test_logs_that_cannot_be_read_do_not_hide_the_failure() -> None:
    shop = Shop("crash")
    shop.apply(BACKEND)

    def refuse(call: Call) -> None:
        if call.verb in {"logs", "list"}:
            raise EnvironmentLacks("gone", where="here")

    shop.cluster.on_call.append(refuse)
    _error, failure = shop.failure(BACKEND)
    assert failure.cause.reason == "CrashLoopBackOff"
    assert failure.excerpts == ()


def test_secrets_are_taken_out_of_what_pods_said() -> None:
    shop = Shop("crash")
    shop.apply(BACKEND)
    shop.cluster.said["backend-", "main", False] = "connecting with hunter2"
    _error, failure = shop.failure(BACKEND, hide=lambda text: text.replace("hunter2", "***"))
    assert failure.excerpts[0].lines == ("connecting with ***",)


def test_a_request_to_stop_ends_the_wait_within_a_second() -> None:
    shop = Shop("unready")
    shop.apply(BACKEND)

    class StopAt:
        def check(self) -> None:
            if shop.clock.passed >= 5:
                raise Interrupted("stopped by SIGTERM")

    shop.stop = StopAt()
    with pytest.raises(Interrupted):
        shop.wait(BACKEND)
    assert shop.clock.passed <= 6


def test_a_cluster_that_is_lost_in_mid_wait_is_no_failed_rollout() -> None:
    shop = Shop("unready")
    shop.apply(BACKEND)
    shop.cluster.later(2, lambda: setattr(shop.cluster, "unreachable", True))
    with pytest.raises(EnvironmentLacks):
        shop.wait(BACKEND)


def test_a_workload_that_is_deleted_in_mid_wait_fails_it() -> None:
    shop = Shop("unready")
    shop.apply(BACKEND)
    shop.cluster.later(2, lambda: shop.cluster.remove("apps/v1/Deployment", "backend", "shop"))
    error, _failure = shop.failure(BACKEND)
    assert "Deleted: it is not in the cluster" in error.what


def test_a_finished_job_that_is_tidied_up_meanwhile_still_counts() -> None:
    shop = Shop(lambda manifest: "ready" if manifest["kind"] == "Job" else "unready")
    shop.apply(BACKEND)
    shop.apply(MIGRATE)
    shop.cluster.later(2, lambda: shop.cluster.remove("batch/v1/Job", "migrate", "shop"))
    shop.cluster.later(4, lambda: _become_ready(shop))
    assert shop.wait(BACKEND, MIGRATE) == {"Job/migrate": 0.0, "Deployment/backend": 4.0}


def test_a_workload_that_falls_back_is_waited_for_again() -> None:
    shop = Shop(lambda manifest: "ready" if manifest["kind"] == "Deployment" else "unready")
    shop.apply(BACKEND)
    shop.apply(POSTGRES)
    fallen = {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 1}
    shop.cluster.later(2, lambda: shop.cluster.set_status(BACKEND.path, "backend", "shop", fallen))
    shop.cluster.later(4, lambda: _become_ready(shop, POSTGRES))
    shop.cluster.later(6, lambda: _become_ready(shop))
    arrived = shop.wait(BACKEND, POSTGRES)
    assert arrived == {"StatefulSet/postgres": 4.0, "Deployment/backend": 6.0}
    assert "Deployment/backend: 1 of 2 replicas available" in shop.reporter.lines("info")


def test_an_older_crash_in_the_namespace_does_not_disturb() -> None:
    shop = Shop("crash")
    shop.apply(POSTGRES)
    shop.cluster.behaviour = "ready"
    shop.apply(BACKEND)
    assert shop.wait(BACKEND) == {"Deployment/backend": 0.0}


def _become_ready(shop: Shop, target: Ref = BACKEND) -> None:
    live = shop.cluster.get(target.path, target.name, target.namespace)
    assert live is not None
    assert ref(live) == target
    shop.cluster.behaviour = lambda manifest: "ready" if ref(manifest) == target else "unready"
    fake_controllers.react(shop.cluster, live)
