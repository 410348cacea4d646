"""What runs in a pod, and what it may do (rows 4, 21 to 23)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.domain.policy_terms import (
    POD,
    Breach,
    Policy,
    component,
    container_fields,
    differs,
    numbered_containers,
    pod_fields,
    value,
)
from plimsoll.domain.quantity import amount

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from plimsoll.domain.manifests import Manifest
    from plimsoll.domain.policy_terms import Rendered

SERVING = ("Deployment", "StatefulSet")
# Row 22: what a component asks for, and what it may use, at least: (cpu, memory).
SIZES = {
    "api": {"requests": ("250m", "512Mi"), "limits": ("1", "1Gi")},
    "web": {"requests": ("200m", "256Mi"), "limits": ("500m", "512Mi")},
}
# The volume types that the Pod Security Standard "restricted" admits.
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
UNPRIVILEGED = {"securityContext.allowPrivilegeEscalation": False, "securityContext.capabilities": {"drop": ["ALL"]}}
HANDLERS = ("httpGet", "exec", "tcpSocket", "grpc")


def _probes(name: str, kinds: tuple[str, ...], wanted: Mapping[str, int]) -> Callable[[Rendered], Iterator[Breach]]:
    def check(rendered: Rendered) -> Iterator[Breach]:
        for manifest in rendered.kind(*kinds):
            for at, container in numbered_containers(manifest):
                if ".initContainers." in at:
                    continue
                if not container.get(name):
                    yield Breach(manifest, f"{at}.{name}", "is not set")
                    continue
                if container[name].get("initialDelaySeconds"):
                    yield Breach(manifest, f"{at}.{name}.initialDelaySeconds", "makes every rollout wait")
                for key, each in wanted.items():
                    yield from differs(manifest, key, each, within=f"{at}.{name}")

    return check


def _readiness(rendered: Rendered) -> Iterator[Breach]:
    wanted = {"periodSeconds": 2, "timeoutSeconds": 2, "failureThreshold": 3}
    yield from _probes("readinessProbe", ("Deployment",), wanted)(rendered)
    # A data store's probe starts a process each time; how often is its own business.
    yield from _probes("readinessProbe", ("StatefulSet",), {})(rendered)


def _probes_apart(rendered: Rendered) -> Iterator[Breach]:
    for manifest in rendered.kind(*SERVING):
        for at, container in numbered_containers(manifest):
            live, ready = (
                {handler: probe[handler] for handler in HANDLERS if handler in probe}
                for probe in (container.get("livenessProbe") or {}, container.get("readinessProbe") or {})
            )
            if live and live == ready:
                yield Breach(manifest, f"{at}.livenessProbe", "asks the same as the readiness probe")


def _resources(rendered: Rendered) -> Iterator[Breach]:
    for manifest in rendered.workloads():
        for at, container in numbered_containers(manifest):
            for side in ("requests", "limits"):
                for resource in ("cpu", "memory"):
                    if value(container, f"resources.{side}.{resource}") is None:
                        yield Breach(manifest, f"{at}.resources.{side}.{resource}", "is not set")


def _sizes(rendered: Rendered) -> Iterator[Breach]:
    for manifest in rendered.workloads():
        for side, least in SIZES.get(component(manifest) or "", {}).items():
            for resource, wanted in zip(("cpu", "memory"), least, strict=True):
                at = f"{POD}.containers.0.resources.{side}.{resource}"
                found = value(manifest, at)
                if found is not None and amount(found) < amount(wanted):
                    yield Breach(manifest, at, f"is {found}, less than {wanted}")


def _accounts(rendered: Rendered) -> Iterator[Breach]:
    users: dict[str, str] = {}
    for manifest in rendered.workloads():
        at = f"{POD}.serviceAccountName"
        account = value(manifest, at) or "default"
        if rendered.named("ServiceAccount", account) is None:
            yield Breach(manifest, at, f"is {account!r}, which this environment does not bring along")
        elif (user := users.setdefault(account, manifest["metadata"]["name"])) != manifest["metadata"]["name"]:
            yield Breach(manifest, at, f"is {account!r}, which is that of {user}")


def _tokens(rendered: Rendered) -> Iterator[Breach]:
    yield from pod_fields({"automountServiceAccountToken": False})(rendered)
    for manifest in rendered.kind("ServiceAccount"):
        yield from differs(manifest, "automountServiceAccountToken", wanted=False)


def _host(rendered: Rendered) -> Iterator[Breach]:
    for manifest in rendered.workloads():
        for path in ("hostNetwork", "hostPID", "hostIPC"):
            if value(manifest, f"{POD}.{path}"):
                yield Breach(manifest, f"{POD}.{path}", "shares the node's own")
        for index, volume in enumerate(value(manifest, f"{POD}.volumes") or ()):
            for kind in volume.keys() - VOLUMES - {"name"}:
                yield Breach(manifest, f"{POD}.volumes.{index}.{kind}", "is a volume of the node, or one that is not admitted")
        for at, container in numbered_containers(manifest):
            for index, port in enumerate(container.get("ports") or ()):
                if port.get("hostPort"):
                    yield Breach(manifest, f"{at}.ports.{index}.hostPort", "takes a port of the node")


def _images(rendered: Rendered) -> Iterator[Breach]:
    for manifest in rendered.workloads():
        for at, container in numbered_containers(manifest):
            image = str(container.get("image") or "")
            if image not in rendered.services and "@sha256:" not in image:
                yield Breach(manifest, f"{at}.image", f"is {image!r}: neither a service of plimsoll.toml nor pinned by digest")


def _jobs(rendered: Rendered) -> Iterator[Breach]:
    for manifest in rendered.kind("Job"):
        yield from _job(manifest, rendered.timeout)


def _job(manifest: Manifest, timeout: int) -> Iterator[Breach]:
    if value(manifest, f"{POD}.restartPolicy") not in {"Never", "OnFailure"}:
        yield Breach(manifest, f"{POD}.restartPolicy", "is neither Never nor OnFailure; the API refuses that")
    deadline = value(manifest, "spec.activeDeadlineSeconds")
    if deadline is None or deadline >= timeout:
        yield Breach(manifest, "spec.activeDeadlineSeconds", f"is {deadline}, not below the {timeout} s that a deploy waits")
    if value(manifest, "spec.backoffLimit") is None:
        yield Breach(manifest, "spec.backoffLimit", "is not set: six attempts would be made")


POLICIES = (
    Policy(
        id="startup-probe",
        row="21",
        sentence="A container has a minute to start, and is in service within a second of being up.",
        remedy="add a startupProbe with periodSeconds 1 and failureThreshold 60",
        check=_probes("startupProbe", SERVING, {"periodSeconds": 1, "failureThreshold": 60}),
    ),
    Policy(
        id="liveness-probe",
        row="21",
        sentence="A process that hangs is restarted after half a minute.",
        remedy="set livenessProbe without delay to period 10, timeout 5, failures 3",
        check=_probes("livenessProbe", SERVING, {"periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 3}),
    ),
    Policy(
        id="readiness-probe",
        row="21",
        sentence="A pod that cannot serve gets no more requests within six seconds.",
        remedy="set readinessProbe without delay to period 2, timeout 2, failures 3",
        check=_readiness,
    ),
    Policy(
        id="probes-apart",
        row="21, point 7",
        sentence="Being alive and being ready are two questions.",
        remedy="let the liveness probe ask the process alone; a database that is away must not restart pods",
        check=_probes_apart,
    ),
    Policy(
        id="resources",
        row="22",
        sentence="Every container requests CPU and memory and is bounded in both.",
        remedy="set resources.requests and resources.limits for cpu and memory",
        check=_resources,
    ),
    Policy(
        id="sizes",
        row="22",
        sentence="What serves users gets the CPU and memory that the figures of production rest on.",
        remedy="raise it in the base or overlay; for a small cluster, add the component small-cluster in plimsoll.toml",
        check=_sizes,
        sizes=True,
    ),
    Policy(
        id="unprivileged-user",
        row="23",
        sentence="Everything runs as user 1001.",
        remedy="set the pod's securityContext: runAsNonRoot true, runAsUser 1001",
        check=pod_fields({"securityContext.runAsNonRoot": True, "securityContext.runAsUser": 1001}),
    ),
    Policy(
        id="seccomp",
        row="23, point 35",
        sentence="System calls are filtered by the runtime's default profile.",
        remedy="set the pod's securityContext.seccompProfile.type RuntimeDefault",
        check=pod_fields({"securityContext.seccompProfile.type": "RuntimeDefault"}),
    ),
    Policy(
        id="no-escalation",
        row="23",
        sentence="No process can gain privileges.",
        remedy="set allowPrivilegeEscalation false and capabilities.drop [ALL] on each container",
        check=container_fields(UNPRIVILEGED),
    ),
    Policy(
        id="read-only-root",
        row="23",
        sentence="Nothing can be written but to declared volumes.",
        remedy="set readOnlyRootFilesystem true, and mount an emptyDir where it writes",
        check=container_fields({"securityContext.readOnlyRootFilesystem": True}),
    ),
    Policy(
        id="own-account",
        row="23",
        sentence="Every workload has a ServiceAccount of its own.",
        remedy="render a ServiceAccount for it and name it in serviceAccountName",
        check=_accounts,
    ),
    Policy(
        id="no-token",
        row="23",
        sentence="No pod holds a token of the Kubernetes API.",
        remedy="set automountServiceAccountToken false on the ServiceAccount and on the pod",
        check=_tokens,
    ),
    Policy(
        id="no-host",
        row="23",
        sentence="No pod shares network, processes, files or ports of its node.",
        remedy="use a Service, an emptyDir or a volume claim instead",
        check=_host,
    ),
    Policy(
        id="no-service-links",
        row="23",
        sentence="No container gets other Services' addresses as variables, which collide with settings such as REDIS_PORT.",
        remedy="set enableServiceLinks false",
        check=pod_fields({"enableServiceLinks": False}),
    ),
    Policy(
        id="images-pinned",
        row="4",
        sentence="Every image is one that this repository builds, or is pinned by digest; no tag can move under a release.",
        remedy="name a service of plimsoll.toml without tag, or write NAME@sha256:...",
        check=_images,
    ),
    Policy(
        id="jobs-end",
        row="15",
        sentence="A Job ends, one way or the other, before a deploy stops waiting for it.",
        remedy="set restartPolicy Never, backoffLimit, and activeDeadlineSeconds below the rollout's timeout",
        check=_jobs,
    ),
)
