"""What controllers and kubelets would do to a workload in the fake cluster, in one step instead of seconds.

Behaviours: `ready`; `crash` (the new pod exits with 1 again and again); `image-missing` (the pull is refused as not found);
`unready` (runs, but its readiness probe fails); `quota` (no pod can be made); `fail` (a Job at its back-off limit); `hang`
(no controller reacts at all).
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.fake_cluster import FakeCluster

BEHAVIOURS = ("ready", "crash", "image-missing", "unready", "quota", "fail", "hang")
REVISION = "deployment.kubernetes.io/revision"
QUOTA = 'pods "x" is forbidden: exceeded quota: small, requested: cpu=100m, used: cpu=2, limited: cpu=2'


def react(cluster: FakeCluster, workload: dict[str, Any]) -> None:
    """Bring a workload's children and status to where its behaviour leads."""
    behaviour = cluster.behaviour if isinstance(cluster.behaviour, str) else cluster.behaviour(workload)
    if behaviour not in BEHAVIOURS:
        msg = f"{behaviour!r} is none of {BEHAVIOURS}"
        raise ValueError(msg)
    if behaviour == "hang":
        return
    if workload["kind"] == "Deployment":
        _deployment(cluster, workload, behaviour)
    elif workload["kind"] == "StatefulSet":
        _stateful_set(cluster, workload, behaviour)
    elif workload["kind"] == "Job":
        _job(cluster, workload, behaviour)
    elif workload["kind"] == "PodDisruptionBudget":
        seen = {"observedGeneration": workload["metadata"]["generation"], "disruptionsAllowed": 0}
        cluster.set_status("policy/v1/PodDisruptionBudget", workload["metadata"]["name"], workload["metadata"]["namespace"], seen)
    elif workload["kind"] == "CustomResourceDefinition":
        conditions = [{"type": kind, "status": "True"} for kind in ("NamesAccepted", "Established")]
        cluster.set_status(
            "apiextensions.k8s.io/v1/CustomResourceDefinition", workload["metadata"]["name"], "", {"conditions": conditions}
        )
    elif workload["kind"] == "PersistentVolumeClaim":
        status = {"phase": "Bound" if behaviour == "ready" else "Pending"}
        cluster.set_status("v1/PersistentVolumeClaim", workload["metadata"]["name"], workload["metadata"]["namespace"], status)


def replace_pod(cluster: FakeCluster, gone: dict[str, Any]) -> None:
    """Let the workload that a deleted pod belonged to make another one."""
    above = gone
    while owners := above["metadata"].get("ownerReferences"):
        found = next((each for each in cluster._objects.values() if each["metadata"].get("uid") == owners[0]["uid"]), None)
        if found is None:
            return
        above = found
    if above is not gone and above["kind"] != "Job":
        react(cluster, above)


def _deployment(cluster: FakeCluster, workload: dict[str, Any], behaviour: str) -> None:
    metadata, replicas = workload["metadata"], workload["spec"].get("replicas", 1)
    name, namespace = metadata["name"], metadata["namespace"]
    sets = [each for each in cluster._matching(["apps/v1/ReplicaSet"], namespace, "") if _owned(each, workload)]
    revision = 1 + max((int(each["metadata"]["annotations"][REVISION]) for each in sets), default=0)
    current = _child(workload, "apps/v1/ReplicaSet", f"{name}-{_hash(workload)}")
    current["metadata"]["annotations"] = {REVISION: str(revision)}
    current["spec"] = {"replicas": replicas, "template": workload["spec"]["template"]}
    if behaviour == "quota":
        current["status"] = {"conditions": [_condition("ReplicaFailure", "FailedCreate", QUOTA)]}
    current = cluster.put(current, "kube-controller-manager")
    marked = {"metadata": {"annotations": {REVISION: str(revision)}}}
    cluster.edit("apps/v1/Deployment", name, namespace, marked, manager="kube-controller-manager")
    old = [each for each in sets if each["metadata"]["name"] != current["metadata"]["name"]]
    live = (cluster._objects["apps/v1/Deployment", namespace, name].get("status") or {}).get("availableReplicas", 0)
    if behaviour == "ready":
        for each in old:
            _remove_pods(cluster, each)
        counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), replicas)
        made = replicas
    else:
        made = 0 if behaviour == "quota" else 1
        counts = {"replicas": live + made, "updatedReplicas": made, "readyReplicas": live, "availableReplicas": live}
    _remove_pods(cluster, current)
    for index in range(made):
        labels = {"pod-template-hash": _hash(workload)}
        _pod(cluster, current, f"{current['metadata']['name']}-{index}", behaviour, labels=labels)
    status: dict[str, Any] = {"observedGeneration": metadata["generation"], **counts}
    if behaviour == "quota":
        status["conditions"] = [_condition("ReplicaFailure", "FailedCreate", QUOTA)]
    cluster.set_status("apps/v1/Deployment", name, namespace, status)


def _stateful_set(cluster: FakeCluster, workload: dict[str, Any], behaviour: str) -> None:
    metadata, replicas = workload["metadata"], workload["spec"].get("replicas", 1)
    name, namespace = metadata["name"], metadata["namespace"]
    revision = f"{name}-{_hash(workload)}"
    ready = replicas if behaviour == "ready" else 0
    _remove_pods(cluster, workload)
    for index in range(0 if behaviour == "quota" else replicas):
        _pod(cluster, workload, f"{name}-{index}", behaviour, labels={"controller-revision-hash": revision})
    status = {
        "observedGeneration": metadata["generation"],
        "replicas": replicas,
        "updatedReplicas": replicas,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "currentRevision": revision,
        "updateRevision": revision,
    }
    cluster.set_status("apps/v1/StatefulSet", name, namespace, status)


def _job(cluster: FakeCluster, workload: dict[str, Any], behaviour: str) -> None:
    name, namespace = workload["metadata"]["name"], workload["metadata"]["namespace"]
    _remove_pods(cluster, workload)
    _pod(cluster, workload, f"{name}-0", "done" if behaviour == "ready" else behaviour)
    if behaviour == "ready":
        condition = _condition("Complete", "CompletionsReached", "Reached expected number of succeeded pods")
        cluster.set_status("batch/v1/Job", name, namespace, {"succeeded": 1, "conditions": [condition]})
    elif behaviour == "fail":
        condition = _condition("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
        cluster.set_status("batch/v1/Job", name, namespace, {"failed": 1, "conditions": [condition]})
    else:
        cluster.set_status("batch/v1/Job", name, namespace, {"active": 1})


def _pod(cluster: FakeCluster, owner: dict[str, Any], name: str, behaviour: str, *, labels: dict[str, str] | None = None) -> None:
    template = owner["spec"]["template"]
    pod = _child(owner, "v1/Pod", name)
    pod["metadata"]["labels"] |= labels or {}
    pod["spec"] = template["spec"]
    ready = behaviour == "ready"
    states = [
        {"name": each["name"], "image": each.get("image"), **_state(behaviour, each)} for each in template["spec"]["containers"]
    ]
    phase = {"done": "Succeeded", "fail": "Failed", "image-missing": "Pending"}.get(behaviour, "Running")
    pod["status"] = {
        "phase": phase,
        "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        "containerStatuses": states,
    }
    cluster.put(pod, "kubelet")


def _state(behaviour: str, container: dict[str, Any]) -> dict[str, Any]:
    image, exited = container.get("image"), {"exitCode": 1, "reason": "Error"}
    return {
        "ready": {"ready": True, "restartCount": 0, "state": {"running": {}}},
        "unready": {"ready": False, "restartCount": 0, "state": {"running": {}}},
        "done": {"ready": False, "restartCount": 0, "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}},
        "fail": {"ready": False, "restartCount": 0, "state": {"terminated": exited}},
        "crash": {
            "ready": False,
            "restartCount": 1,
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container"}},
            "lastState": {"terminated": exited},
        },
        "image-missing": {
            "ready": False,
            "restartCount": 0,
            "state": {"waiting": {"reason": "ErrImagePull", "message": f"failed to resolve reference: {image}: not found"}},
        },
    }[behaviour]


def _child(owner: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
    reference = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "controller": True}
    reference |= {key: owner["metadata"][key] for key in ("name", "uid")}
    labels = dict(owner["spec"]["template"].get("metadata", {}).get("labels") or {})
    metadata = {"name": name, "namespace": owner["metadata"]["namespace"], "labels": labels, "ownerReferences": [reference]}
    return {"apiVersion": kind.rpartition("/")[0], "kind": kind.rpartition("/")[2], "metadata": metadata}


def _remove_pods(cluster: FakeCluster, owner: dict[str, Any]) -> None:
    for pod in cluster._matching(["v1/Pod"], owner["metadata"]["namespace"], ""):
        if _owned(pod, owner):
            cluster.remove("v1/Pod", pod["metadata"]["name"], owner["metadata"]["namespace"])


def _owned(obj: dict[str, Any], owner: dict[str, Any]) -> bool:
    return any(each["uid"] == owner["metadata"].get("uid") for each in obj["metadata"].get("ownerReferences", []))


def _hash(workload: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(workload["spec"]["template"], sort_keys=True).encode()).hexdigest()[:8]


def _condition(kind: str, reason: str, message: str) -> dict[str, str]:
    return {"type": kind, "status": "True", "reason": reason, "message": message}
