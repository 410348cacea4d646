"""One small damage per line, and the one policy that must notice it. Works on any application with these names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Objects = list[dict[str, Any]]
NGINX = "nginx.ingress.kubernetes.io"
POD = "spec.template.spec"
BOX = f"{POD}.containers.0"
GONE = object()


@dataclass(frozen=True)
class Break:
    """A damage: the policy that notices, what it is, and what does it."""

    policy: str
    what: str
    do: Callable[[Objects], None]

    def __str__(self) -> str:
        return f"{self.policy}: {self.what}"


def find(objects: Objects, kind: str, name: str) -> dict[str, Any]:
    """Return an object by the beginning of its name, so that generated names are found too."""
    exact = [each for each in objects if each["kind"] == kind and each["metadata"]["name"] == name]
    return (exact or [each for each in objects if each["kind"] == kind and each["metadata"]["name"].startswith(name)])[0]


def put(kind: str, name: str, path: str, value: object) -> Callable[[Objects], None]:
    """Return what sets (or, with GONE, takes away) the field at a path; `~` in a step stands for a dot."""

    def do(objects: Objects) -> None:
        *steps, last = [step.replace("~", ".") for step in path.split(".")]
        place: Any = find(objects, kind, name)
        for step in steps:
            place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
        if isinstance(place, list):
            place[int(last) : int(last) + 1] = [] if value is GONE else [value]
        elif value is GONE:
            del place[last]
        else:
            place[last] = value

    return do


def append(kind: str, name: str, path: str, value: object) -> Callable[[Objects], None]:
    """Return what adds an item to the list at a path."""

    def do(objects: Objects) -> None:
        place: Any = find(objects, kind, name)
        for step in path.split("."):
            place = place[int(step)] if isinstance(place, list) else place[step]
        place.append(value)

    return do


def remove(kind: str, name: str) -> Callable[[Objects], None]:
    """Return what takes a whole object away."""
    return lambda objects: objects.remove(find(objects, kind, name))


def bring(**manifest: object) -> Callable[[Objects], None]:
    """Return what adds an object, in the place and with the labels of the others."""

    def do(objects: Objects) -> None:
        beside = find(objects, "ServiceAccount", "backend")["metadata"]
        objects.append({**manifest, "metadata": {**beside, "name": "planted"}})

    return do


def unhash(objects: Objects) -> None:
    """Take the content hash off the name of a generated ConfigMap, wherever it is used."""
    name = find(objects, "ConfigMap", "database-")["metadata"]["name"]
    bare = name.rsplit("-", 1)[0]

    def walk(value: object) -> object:
        if isinstance(value, dict):
            return {key: walk(each) for key, each in value.items()}
        if isinstance(value, list):
            return [walk(each) for each in value]
        return re.sub(re.escape(name), bare, value) if isinstance(value, str) else value

    objects[:] = [dict(each) for each in map(walk, objects) if isinstance(each, dict)]


def _probe(name: str, **changes: int) -> list[Callable[[Objects], None]]:
    return [put("Deployment", "backend", f"{BOX}.{name}.{key}", value) for key, value in changes.items()]


CONFIG = "SHUTDOWN_DELAY_SECONDS"
DEPLOYMENT, AUTOSCALER, INGRESS = ("Deployment", "backend"), ("HorizontalPodAutoscaler", "backend"), ("Ingress", "check-in")
NAMESPACE = ("Namespace", "")
ENFORCE = "pod-security~kubernetes~io/enforce"

BREAKS = (
    Break("rolling-update", "takes one away first", put(*DEPLOYMENT, "spec.strategy.rollingUpdate.maxUnavailable", 1)),
    Break("rolling-update", "adds more at once", put(*DEPLOYMENT, "spec.strategy.rollingUpdate.maxSurge", "25%")),
    Break("rolling-update", "recreates", put(*DEPLOYMENT, "spec.strategy.type", "Recreate")),
    Break("rollout-deadlines", "ready at once", put(*DEPLOYMENT, "spec.minReadySeconds", GONE)),
    Break("rollout-deadlines", "later than the wait", put(*DEPLOYMENT, "spec.progressDeadlineSeconds", 600)),
    Break("rollout-deadlines", "left to the default", put(*DEPLOYMENT, "spec.progressDeadlineSeconds", GONE)),
    Break("graceful-stop", "does not drain", put("ConfigMap", "backend-config", f"data.{CONFIG}", "0")),
    Break("graceful-stop", "drains for no number", put("ConfigMap", "backend-config", f"data.{CONFIG}", "long")),
    Break("graceful-stop", "killed while draining", put(*DEPLOYMENT, f"{POD}.terminationGracePeriodSeconds", 5)),
    Break("replicas-owned-once", "counts pods too", put(*DEPLOYMENT, "spec.replicas", 5)),
    Break("autoscaled", "no autoscaler", remove(*AUTOSCALER)),
    Break("autoscaled", "target without version", put(*AUTOSCALER, "spec.scaleTargetRef.apiVersion", GONE)),
    Break("replicas-floor", "one pod", put(*AUTOSCALER, "spec.minReplicas", 1)),
    Break("replicas-floor", "two pods in production", put(*AUTOSCALER, "spec.minReplicas", 2)),
    Break("replicas-floor", "left to the default", put(*AUTOSCALER, "spec.minReplicas", GONE)),
    Break("replicas-ceiling", "five pods", put(*AUTOSCALER, "spec.maxReplicas", 5)),
    Break("autoscaling-thresholds", "CPU at 90 %", put(*AUTOSCALER, "spec.metrics.0.resource.target.averageUtilization", 90)),
    Break("autoscaling-thresholds", "no memory", put(*AUTOSCALER, "spec.metrics.1", GONE)),
    Break("autoscaling-behaviour", "down at once", put(*AUTOSCALER, "spec.behavior.scaleDown.stabilizationWindowSeconds", 0)),
    Break("autoscaling-behaviour", "down by half", put(*AUTOSCALER, "spec.behavior.scaleDown.policies.0.value", 50)),
    Break("autoscaling-behaviour", "up by the smaller step", put(*AUTOSCALER, "spec.behavior.scaleUp.selectPolicy", "Min")),
    Break("disruption-budget", "none", remove("PodDisruptionBudget", "postgres")),
    Break("disruption-budget", "worth nothing", put("PodDisruptionBudget", "backend", "spec.minAvailable", 0)),
    Break("spread-hosts", "no affinity", put(*DEPLOYMENT, f"{POD}.affinity", GONE)),
    Break("spread-zones", "skewed", put(*DEPLOYMENT, f"{POD}.topologySpreadConstraints.0.maxSkew", 2)),
    Break("startup-probe", "none", put(*DEPLOYMENT, f"{BOX}.startupProbe", GONE)),
    Break("startup-probe", "asks seldom", *_probe("startupProbe", periodSeconds=5)),
    Break("startup-probe", "gives up early", *_probe("startupProbe", failureThreshold=3)),
    Break("liveness-probe", "none", put("StatefulSet", "postgres", f"{BOX}.livenessProbe", GONE)),
    Break("liveness-probe", "waits first", *_probe("livenessProbe", initialDelaySeconds=30)),
    Break("liveness-probe", "impatient", *_probe("livenessProbe", timeoutSeconds=1)),
    Break("readiness-probe", "none", put("StatefulSet", "postgres", f"{BOX}.readinessProbe", GONE)),
    Break("readiness-probe", "asks seldom", *_probe("readinessProbe", periodSeconds=10)),
    Break("probes-apart", "the same question", put(*DEPLOYMENT, f"{BOX}.readinessProbe.httpGet.path", "/health/live")),
    Break("resources", "unbounded", put(*DEPLOYMENT, f"{BOX}.resources.limits.memory", GONE)),
    Break("resources", "asks for nothing", put("Job", "backend-migrate", f"{BOX}.resources", GONE)),
    Break("sizes", "asks for too little", put(*DEPLOYMENT, f"{BOX}.resources.requests.cpu", "0.1")),
    Break("sizes", "bounded too low", put(*DEPLOYMENT, f"{BOX}.resources.limits.memory", "512M")),
    Break("unprivileged-user", "root", put(*DEPLOYMENT, f"{POD}.securityContext.runAsUser", 0)),
    Break("unprivileged-user", "may be root", put("Job", "backend-migrate", f"{POD}.securityContext.runAsNonRoot", GONE)),
    Break("seccomp", "unfiltered", put(*DEPLOYMENT, f"{POD}.securityContext.seccompProfile.type", "Unconfined")),
    Break("no-escalation", "may gain", put(*DEPLOYMENT, f"{BOX}.securityContext.allowPrivilegeEscalation", GONE)),
    Break("no-escalation", "keeps some", put(*DEPLOYMENT, f"{BOX}.securityContext.capabilities", {"drop": ["NET_RAW"]})),
    Break("no-escalation", "gets one", put(*DEPLOYMENT, f"{BOX}.securityContext.capabilities.add", ["SYS_ADMIN"])),
    Break(
        "read-only-root", "writable", put("StatefulSet", "postgres", f"{BOX}.securityContext.readOnlyRootFilesystem", value=False)
    ),
    Break("own-account", "somebody else's", put(*DEPLOYMENT, f"{POD}.serviceAccountName", "postgres")),
    Break("own-account", "the default one", put(*DEPLOYMENT, f"{POD}.serviceAccountName", GONE)),
    Break("no-token", "in the pod", put(*DEPLOYMENT, f"{POD}.automountServiceAccountToken", value=True)),
    Break("no-token", "of the account", put("ServiceAccount", "backend", "automountServiceAccountToken", GONE)),
    Break("no-host", "network", put(*DEPLOYMENT, f"{POD}.hostNetwork", value=True)),
    Break("no-host", "files", append(*DEPLOYMENT, f"{POD}.volumes", {"name": "host", "hostPath": {"path": "/"}})),
    Break("no-host", "port", put(*DEPLOYMENT, f"{BOX}.ports.0.hostPort", 80)),
    Break("no-service-links", "left on", put(*DEPLOYMENT, f"{POD}.enableServiceLinks", GONE)),
    Break("images-pinned", "latest", put(*DEPLOYMENT, f"{BOX}.image", "backend:latest")),
    Break("images-pinned", "unknown", put("StatefulSet", "postgres", f"{BOX}.image", "docker.io/library/busybox:1.37")),
    Break("jobs-end", "runs for ever", put("Job", "backend-migrate", "spec.activeDeadlineSeconds", GONE)),
    Break("jobs-end", "tries six times", put("Job", "backend-migrate", "spec.backoffLimit", GONE)),
    Break("jobs-end", "always restarts", put("Job", "backend-migrate", f"{POD}.restartPolicy", "Always")),
    Break("default-deny", "none", remove("NetworkPolicy", "default-deny")),
    Break("default-deny", "inwards only", put("NetworkPolicy", "default-deny", "spec.policyTypes", ["Ingress"])),
    Break("default-deny", "with an exception", put("NetworkPolicy", "default-deny", "spec.ingress", [{}])),
    Break("dns-both-protocols", "UDP only", put("NetworkPolicy", "dns", "spec.egress.0.ports.1", GONE)),
    Break("silent-data-stores", "everybody", put("NetworkPolicy", "dns", "spec.podSelector", {})),
    Break("services-lead-somewhere", "no such port", put("Service", "backend", "spec.ports.0.targetPort", "htpt")),
    Break("services-lead-somewhere", "no such pods", put("Service", "backend", "spec.selector.app~kubernetes~io/name", "bakend")),
    Break(
        "services-lead-somewhere",
        "one port twice",
        append("Service", "postgres", "spec.ports", {"name": "again", "port": 5432, "targetPort": "postgres"}),
    ),
    Break("published-port", "around the Ingress", put("Service", "backend", "spec.type", "NodePort")),
    Break("published-port", "a load balancer", put("Service", "backend", "spec.type", "LoadBalancer")),
    Break("ingress-routes", "no class", put(*INGRESS, "spec.ingressClassName", GONE)),
    Break("ingress-routes", "no path type", put(*INGRESS, "spec.rules.0.http.paths.0.pathType", GONE)),
    Break("ingress-routes", "no paths", put(*INGRESS, "spec.rules.0.http", GONE)),
    Break("ingress-routes", "no such service", put(*INGRESS, "spec.rules.0.http.paths.0.backend.service.name", "web")),
    Break("ingress-routes", "no such port", put(*INGRESS, "spec.rules.0.http.paths.0.backend.service.port", {"number": 80})),
    Break("ingress-tls", "no certificate", put(*INGRESS, "spec.tls", GONE)),
    Break("ingress-tls", "nowhere kept", put(*INGRESS, "spec.tls.0.secretName", GONE)),
    Break("ingress-tls", "no redirect", put(*INGRESS, f"metadata.annotations.{NGINX.replace('.', '~')}/ssl-redirect", "false")),
    Break("ingress-limits", "no limit", put(*INGRESS, f"metadata.annotations.{NGINX.replace('.', '~')}/limit-rps", GONE)),
    Break(
        "ingress-origins", "everybody", put(*INGRESS, f"metadata.annotations.{NGINX.replace('.', '~')}/cors-allow-origin", "*")
    ),
    Break("ingress-origins", "unsaid", put(*INGRESS, f"metadata.annotations.{NGINX.replace('.', '~')}/cors-allow-origin", GONE)),
    Break("restricted-namespace", "none", remove(*NAMESPACE)),
    Break("restricted-namespace", "baseline", put(*NAMESPACE, f"metadata.labels.{ENFORCE}", "baseline")),
    Break("one-namespace", "another one", put("PodDisruptionBudget", "backend", "metadata.namespace", "default")),
    Break("one-namespace", "unsaid", put("PodDisruptionBudget", "backend", "metadata.namespace", GONE)),
    Break("labels", "nobody's", put("ServiceAccount", "backend", "metadata.labels.app~kubernetes~io/part-of", GONE)),
    Break(
        "labels", "what is it", put("Job", "backend-migrate", "spec.template.metadata.labels.app~kubernetes~io/component", GONE)
    ),
    Break("stable-selectors", "by more", put("Service", "backend", "spec.selector.app~kubernetes~io/component", "api")),
    Break("hashed-configuration", "no hash", unhash),
    Break("hashed-configuration", "none", put("Job", "backend-migrate", f"{BOX}.envFrom.0.configMapRef.name", "nothing")),
    Break("no-secret-values", "a Secret", bring(apiVersion="v1", kind="Secret", data={"password": "aHVudGVyMg=="})),
    Break("no-secret-values", "clear text", bring(apiVersion="v1", kind="Secret", stringData={"password": "hunter2"})),
    Break("no-secret-values", "in a ConfigMap", put("ConfigMap", "backend-config", "data.REDIS_PASSWORD", "hunter2")),
    Break(
        "no-secret-values",
        "in a variable",
        append("Job", "backend-migrate", f"{BOX}.env", {"name": "API_TOKEN", "value": "hunter2"}),
    ),
    Break(
        "secrets-generated",
        "no such key",
        put("Job", "backend-migrate", f"{BOX}.env.0.valueFrom.secretKeyRef.key", "database-pasword"),
    ),
    Break(
        "secrets-generated",
        "no such Secret",
        put("Job", "backend-migrate", f"{BOX}.env.0.valueFrom.secretKeyRef.name", "elsewhere"),
    ),
)
