"""The rollout rules against a real kubelet: what each fault looks like there is what the case files say.

All workloads are applied at once and then awaited one by one. They run the image with a shell that every kind node holds.
"""

from __future__ import annotations

import copy
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from plimsoll.adapters.kube_logs import KubePodLogs
from plimsoll.adapters.system import SystemClock
from plimsoll.domain.failure import Failure
from plimsoll.domain.manifests import ref
from plimsoll.domain.rollout_rules import Limits
from plimsoll.errors import Failed
from plimsoll.workflows.wait import wait_for
from tests.contract import real_cluster
from tests.fakes import FakeReporter
from tests.needs import missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from plimsoll.adapters.kube import KubeCluster

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(120)]

# The image has no `sleep`: what stays waits for a child that stopped itself. Kubernetes makes `$$` of `$$$$`.
STAY = "trap 'exit 0' TERM; sh -c 'kill -STOP $$$$' & wait"
CRASH = "echo starting >&2; echo 'no database at postgres:5432' >&2; exit 3"
READY_NEVER = {"exec": {"command": ["sh", "-c", "echo not yet; exit 1"]}, "periodSeconds": 1}
SHORT = Limits(grace=3, configuration_grace=2)


class NoStop:
    def check(self) -> None:
        """Nobody asks."""


class Site:
    """A namespace with one workload per fault, a second one whose quota is used up, and waits in them."""

    def __init__(self, cluster: KubeCluster, namespace: str, image: str) -> None:
        self.cluster = cluster
        self.logs = KubePodLogs(cluster)
        self.namespace = namespace
        self.image = image
        self.reporter = FakeReporter()

    def pod(self, name: str, script: str = STAY, **container: object) -> dict[str, Any]:
        main = {
            "name": "main",
            "image": self.image,
            "imagePullPolicy": "IfNotPresent",
            "command": ["sh", "-c", script],
            **container,
        }
        spec = {"containers": [main], "terminationGracePeriodSeconds": 1, "automountServiceAccountToken": False}
        return {"metadata": {"labels": {"app": name}}, "spec": spec}

    def deployment(self, name: str, script: str = STAY, *, namespace: str = "", **container: object) -> dict[str, Any]:
        spec = {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": self.pod(name, script, **container)}
        # Without a readiness probe a pod counts as ready until its crash.
        spec["minReadySeconds"] = 5 if script == CRASH else 0
        return self.workload("apps/v1", "Deployment", name, spec, namespace)

    def workload(self, api: str, kind: str, name: str, spec: dict[str, Any], namespace: str = "") -> dict[str, Any]:
        metadata = {"name": name, "namespace": namespace or self.namespace}
        return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}

    def wait(self, manifest: Mapping[str, Any], *, timeout: float = 60, limits: Limits = SHORT) -> dict[str, float]:
        return wait_for(
            [ref(manifest)],
            cluster=self.cluster,
            logs=self.logs,
            clock=SystemClock(),
            reporter=self.reporter,
            stop=NoStop(),
            timeout=timeout,
            limits=limits,
            environment="contract",
        )

    def failure(self, manifest: Mapping[str, Any], **more: object) -> Failure:
        with pytest.raises(Failed) as caught:
            self.wait(manifest, **more)
        assert isinstance(caught.value.report, Failure)
        return caught.value.report


def faults(site: Site, full: str) -> dict[str, tuple[dict[str, Any], dict[str, str]]]:
    """Return (workload, what its failure must tell: rule, reason, part of the message) by the fault's name."""
    missing_key = [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "absent"}}}]
    volume = site.deployment("missing-volume", volumeMounts=[{"name": "v", "mountPath": "/v"}])
    volume["spec"]["template"]["spec"]["volumes"] = [{"name": "v", "configMap": {"name": "absent"}}]
    claim_spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": "absent", "resources": {"requests": {"storage": "1Mi"}}}
    job = {"backoffLimit": 0, "template": site.pod("job", CRASH)}
    job["template"]["spec"]["restartPolicy"] = "Never"
    stateful = {"serviceName": "x", "selector": {"matchLabels": {"app": "set"}}, "template": site.pod("set")}
    much = {"resources": {"requests": {"cpu": "500"}}}
    return {
        "crash": (site.deployment("crash", CRASH), {"rule": "crash-loop", "reason": "CrashLoopBackOff", "message": "code 3"}),
        "image name": (
            site.deployment("image-name", image="UPPER//x"),
            {"rule": "image-name-invalid", "reason": "InvalidImageName"},
        ),
        "registry down": (
            site.deployment("registry-down", image="localhost:1/none:1"),
            {"rule": "image-pull", "message": "refused"},
        ),
        "image never pulled": (
            site.deployment("image-never", image="localhost:1/none:1", imagePullPolicy="Never"),
            {"rule": "image-never-pulled", "reason": "ErrImageNeverPull"},
        ),
        "program": (
            site.deployment("program", command=["/no/such/program"]),
            {"rule": "program-missing", "message": "no such file"},
        ),
        "missing key": (
            site.deployment("missing-key", env=missing_key),
            {"rule": "configuration-missing", "reason": "CreateContainerConfigError"},
        ),
        "missing volume": (volume, {"rule": "volume-source-missing", "reason": "FailedMount", "message": '"absent" not found'}),
        "too large": (site.deployment("too-large", **much), {"rule": "unschedulable", "message": "Insufficient cpu"}),
        "quota": (site.deployment("quota", namespace=full), {"rule": "creation-refused", "message": "exceeded quota"}),
        "quota of a set": (
            site.workload("apps/v1", "StatefulSet", "set", stateful, full),
            {"rule": "creation-refused", "reason": "FailedCreate", "message": "exceeded quota"},
        ),
        "job": (site.workload("batch/v1", "Job", "job", job), {"rule": "job-failed", "reason": "BackoffLimitExceeded"}),
        "storage class": (
            site.workload("v1", "PersistentVolumeClaim", "claim", claim_spec),
            {"rule": "claim-not-provisioned", "reason": "ProvisioningFailed"},
        ),
    }


FAULTS = (
    "crash",
    "image name",
    "registry down",
    "image never pulled",
    "program",
    "missing key",
    "missing volume",
    "too large",
    "quota",
    "quota of a set",
    "job",
    "storage class",
)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    cluster = real_cluster.connect()
    with real_cluster.namespace(cluster, "-r") as namespace, real_cluster.namespace(cluster, "-full") as full:
        found = Site(cluster, namespace, _image_with_a_shell(cluster))
        quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none", "namespace": full}}
        cluster.apply({**quota, "spec": {"hard": {"pods": "0"}}})
        settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": namespace}}
        cluster.apply({**settings, "data": {"present": "1"}})
        _await_quota(cluster, full)
        for manifest, _told in faults(found, full).values():
            cluster.apply(manifest)
        yield found


def _image_with_a_shell(cluster: KubeCluster) -> str:
    """Return the name of the helper image of kind's storage, which brings a shell."""
    for node in cluster.list("v1/Node"):
        for image in node["status"].get("images", []):
            for name in image.get("names", []):
                if "local-path-helper" in name and "@" not in name:
                    return str(name)
    return missing("kind's local-path-helper image, the only one with a shell")


def _await_quota(cluster: KubeCluster, namespace: str) -> None:
    deadline = time.monotonic() + 30
    while not (cluster.get("v1/ResourceQuota", "none", namespace) or {}).get("status"):
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_recognised_on_a_real_cluster(site: Site, name: str) -> None:
    manifest, told = faults(site, f"{site.namespace.removesuffix('-r')}-full")[name]
    cause = site.failure(manifest).cause.to_json()
    message = told.get("message", "")
    assert message in cause["message"]
    wanted = {key: value for key, value in told.items() if key != "message"}
    assert {key: cause[key] for key in wanted} == wanted, cause
    assert cause["workload"] == ref(manifest).short


def test_a_crash_is_told_with_the_last_words_of_the_container(site: Site) -> None:
    failure = site.failure(site.deployment("crash", CRASH))
    assert failure.cause.container == "main"
    assert failure.excerpts[0].lines[-1] == "no database at postgres:5432"
    assert failure.cause.object.removeprefix("Pod/") in failure.excerpts[0].pods


def test_a_crash_is_noticed_within_thirty_seconds_of_the_first(site: Site) -> None:
    manifest = site.deployment("fresh-crash", CRASH)
    site.cluster.apply(manifest)
    started = time.monotonic()
    site.failure(manifest, limits=Limits())
    assert time.monotonic() - started < 30


def test_a_failed_job_is_told_with_the_last_words_of_its_pod(site: Site) -> None:
    manifest = faults(site, "")["job"][0]
    assert site.failure(manifest).excerpts[0].lines == ("starting", "no database at postgres:5432")


def test_a_deployment_that_never_becomes_ready_names_its_probe_when_the_time_is_over(site: Site) -> None:
    manifest = site.deployment("unready", readinessProbe=READY_NEVER)
    site.cluster.apply(manifest)
    failure = site.failure(manifest, timeout=8)
    assert failure.cause.rule == "probe-failing"
    assert "Readiness probe failed" in failure.cause.message
    assert any("Readiness probe failed" in event.message for event in failure.events)


def test_a_good_release_after_a_bad_one_is_not_judged_by_its_pods(site: Site) -> None:
    good, bad = site.deployment("comes-back"), site.deployment("comes-back", CRASH)
    site.cluster.apply(good)
    site.wait(good)
    site.cluster.apply(bad)
    assert site.failure(bad).cause.reason == "CrashLoopBackOff"
    site.cluster.apply(good)
    assert site.wait(good, timeout=30)


def test_a_rollout_is_watched_from_change_to_change(site: Site) -> None:
    first = site.deployment("rolls")
    site.cluster.apply(first)
    site.wait(first)
    second = copy.deepcopy(first)
    second["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "RELEASE", "value": "2"}]
    site.cluster.apply(second)
    site.reporter.said.clear()
    site.wait(second)
    lines = site.reporter.lines("info")
    assert any("Deployment/rolls:" in line and "still to stop" in line for line in lines) or len(lines) >= 2
    assert lines[-1].startswith("Deployment/rolls: ready after")
    pods = [
        pod
        for pod in site.cluster.list("v1/Pod", site.namespace, labels="app=rolls")
        if "deletionTimestamp" not in pod["metadata"]
    ]
    assert len(pods) == 1


def test_logs_are_followed_over_pods_and_end_with_the_reader(site: Site) -> None:
    manifest = site.deployment("talks", f"n=0; while [ $n -lt 9 ]; do n=$((n+1)); echo line $n; done; {STAY}")
    manifest["spec"]["replicas"] = 2
    site.cluster.apply(manifest)
    site.wait(manifest)
    heard: dict[str, list[str]] = {}
    started = time.monotonic()
    with closing(site.logs.follow(site.namespace, "app=talks", since=None, follow=True)) as lines:
        for pod, line in lines:
            heard.setdefault(pod, []).append(line)
            if len(heard) == 2 and all(len(said) > 5 for said in heard.values()):
                break
            assert time.monotonic() - started < 30
    assert all(said[:3] == ["line 1", "line 2", "line 3"] for said in heard.values())
    once = list(site.logs.follow(site.namespace, "app=talks", since=None, follow=False))
    assert {pod for pod, _line in once} == set(heard)
    pod = next(iter(heard))
    assert site.logs.logs(site.namespace, pod, "main", lines=2).count("\n") == 1
    assert site.logs.logs(site.namespace, pod, "main", previous=True) == ""


def test_events_are_found_by_the_object_they_are_about(site: Site) -> None:
    pod = next(iter(site.cluster.list("v1/Pod", site.namespace, labels="app=image-name")))
    reasons = {event["reason"] for event in site.logs.events(site.namespace, pod["metadata"]["uid"])}
    assert "Scheduled" in reasons
    assert reasons & {"InspectFailed", "Failed"}
