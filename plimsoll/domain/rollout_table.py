"""When a rollout is given up: one row per fault, as data. The first row that matches a sign decides.

Two thresholds: faults that no waiting heals are final at once, others get grace (seconds) or a number of restarts. Each row has a
case in tests/cases/rollout/, and a test that switches the row off and sees that case fail.

The reasons are the kubelet's (pkg/kubelet/container, images/types.go), the scheduler's and the controllers' own words; the
messages are what containerd and registries answer.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from plimsoll.domain.rollout_kinds import NO_SCHEDULE
from plimsoll.domain.rollout_observed import NODE_COMES
from plimsoll.domain.rollout_rules import Patience, Rule, Source

if TYPE_CHECKING:
    from collections.abc import Iterable

PULLING = frozenset({"ErrImagePull", "ImagePullBackOff"})
IMAGE_TROUBLE = frozenset({"RegistryUnavailable", "ImageInspectError", "SignatureValidationFailed"})
CREATION_TROUBLE = frozenset(
    {
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
        "PreCreateHookError",
        "PreStartHookError",
        "PostStartHookError",
    }
)
# Said by a registry or a network that may be well again in a moment, so that "not found" beside it proves nothing.
BLIP = re.compile(
    r"toomanyrequests|too many requests|rate limit|\b429\b|\b5\d\d [A-Z]|connection refused|connection reset|timeout|timed out"
    r"|no such host|server misbehaving|unexpected EOF|\bEOF$|deadline exceeded|network is unreachable|no route to host",
    re.IGNORECASE,
)
IMAGE_GONE = re.compile(
    r"code = NotFound|: not found|manifest unknown|name unknown|404 Not Found|repository does not exist|no match for platform",
    re.IGNORECASE,
)
# kubelet's own caches of ConfigMaps and Secrets, not the objects.
SYNCING = re.compile(r"failed to sync \w+ cache|not registered|timed out waiting for the condition", re.IGNORECASE)
NO_PROGRAM = re.compile(
    r"executable file not found|no such file or directory|exec format error|permission denied|is a directory", re.IGNORECASE
)
MISSING_SOURCE = re.compile(r"(configmap|secret) .*not found|references non-existent", re.IGNORECASE)
REFUSED = re.compile(r"is forbidden|admission webhook .* denied|exceeded quota|violates PodSecurity|is invalid", re.IGNORECASE)
# Refusals that end by themselves: a service account on its way, a webhook that does not answer.
TRANSIENT = re.compile(r"error looking up service account|failed calling webhook|timeout|connection refused", re.IGNORECASE)


def _row(
    name: str,
    *sources: Source,
    reasons: Iterable[str] = (),
    message: re.Pattern[str] | None = None,
    unless: re.Pattern[str] | None = None,
    patience: Patience = Patience.NONE,
    remedy: str,
) -> Rule:
    return Rule(
        name=name,
        sources=frozenset(sources),
        reasons=frozenset(reasons),
        message=message,
        unless=unless,
        patience=patience,
        remedy=remedy,
    )


RULES: tuple[Rule, ...] = (
    # At once.
    _row(
        "gone",
        Source.CONDITION,
        reasons={"Deleted", "Deleting"},
        remedy="see who deleted it, and deploy again",
    ),
    _row(
        "paused",
        Source.CONDITION,
        reasons={"DeploymentPaused"},
        remedy="run `kubectl rollout resume` on it, or take spec.paused out of the manifest",
    ),
    _row(
        "selector-mismatch",
        Source.CONDITION,
        reasons={"SelectorMismatch"},
        remedy="give the pod template the labels that spec.selector asks for",
    ),
    _row(
        "image-name-invalid",
        Source.WAITING,
        reasons={"InvalidImageName"},
        remedy="correct the image's name in the manifest",
    ),
    _row(
        "image-never-pulled",
        Source.WAITING,
        reasons={"ErrImageNeverPull"},
        remedy="load the image into the node, or take imagePullPolicy: Never out of the manifest",
    ),
    _row(
        "image-not-found",
        Source.WAITING,
        reasons=PULLING,
        message=IMAGE_GONE,
        unless=BLIP,
        remedy="push the image again with `./inv image.push`, or deploy a version whose images are still there",
    ),
    _row(
        "program-missing",
        Source.WAITING,
        Source.EXITED,
        Source.ATTEMPT,
        reasons={"RunContainerError", "CreateContainerError", "StartError", "ContainerCannotRun"},
        message=NO_PROGRAM,
        remedy="correct command and args in the manifest, or the image's ENTRYPOINT",
    ),
    _row(
        "creation-refused",
        Source.CREATION,
        message=REFUSED,
        unless=TRANSIENT,
        remedy="change what the refusal names: the quota, the policy, or the pod",
    ),
    _row(
        "job-failed",
        Source.JOB,
        remedy="read the Job's last lines, correct what they name, and deploy again",
    ),
    _row(
        "progress-deadline",
        Source.CONDITION,
        reasons={"ProgressDeadlineExceeded"},
        remedy="see why its pods do not become ready in progressDeadlineSeconds",
    ),
    _row(
        "claim-lost",
        Source.CLAIM,
        reasons={"Lost"},
        remedy="restore the volume, or delete the claim when its data may go",
    ),
    _row(
        "pod-failed",
        Source.CONDITION,
        reasons={"PodFailed"},
        remedy="read the pod's last lines, correct what they name, and deploy again",
    ),
    _row(
        "declared-failed",
        Source.CONDITION,
        reasons={"DeclaredFailed"},
        remedy="see what the resource's controller says, correct that, and deploy again",
    ),
    _row(
        "names-not-accepted",
        Source.CONDITION,
        reasons={"NamesNotAccepted"},
        remedy="see which other definition has the names (`kubectl get crd`), and rename one of them",
    ),
    _row(
        "schedule",
        Source.CONDITION,
        reasons=NO_SCHEDULE,
        remedy="correct spec.schedule or spec.timeZone of the CronJob",
    ),
    _row(
        "stalled",
        Source.CONDITION,
        reasons={"Stalled"},
        remedy="correct what the condition names",
    ),
    # After a few seconds.
    _row(
        "configuration-missing",
        Source.WAITING,
        reasons={"CreateContainerConfigError"},
        unless=SYNCING,
        patience=Patience.CONFIGURATION,
        remedy="add the key or the object that the message names, or correct its name in the manifest",
    ),
    _row(
        "volume-source-missing",
        Source.STARTING,
        reasons={"FailedMount"},
        message=MISSING_SOURCE,
        unless=SYNCING,
        patience=Patience.CONFIGURATION,
        remedy="add the object that the message names, or correct its name in the manifest",
    ),
    # After the grace.
    _row(
        "image-pull",
        Source.WAITING,
        reasons=PULLING | IMAGE_TROUBLE,
        patience=Patience.GRACE,
        remedy="see whether the node reaches the registry (`./inv cluster.status`), and deploy again",
    ),
    _row(
        "container-not-created",
        Source.WAITING,
        reasons=CREATION_TROUBLE,
        patience=Patience.GRACE,
        remedy="correct what the message names; for a fault of the node, deploy again",
    ),
    _row(
        "claim-not-provisioned",
        Source.CLAIM,
        reasons={"ProvisioningFailed", "FailedBinding"},
        patience=Patience.GRACE,
        remedy="name a storage class that the cluster has",
    ),
    _row(
        "node-on-its-way",
        Source.SCHEDULING,
        reasons=NODE_COMES,
        patience=Patience.SCALE_UP,
        remedy="see why the autoscaler's node does not come, or raise rollout.scale_up_grace",
    ),
    _row(
        "unschedulable",
        Source.SCHEDULING,
        patience=Patience.GRACE,
        remedy="lower the requests, or give the cluster room that fits what the message names",
    ),
    _row(
        "volume",
        Source.STARTING,
        reasons={"FailedMount", "FailedAttachVolume", "FailedMapVolume"},
        patience=Patience.GRACE,
        remedy="see who else holds the volume, and whether the storage answers",
    ),
    _row(
        "sandbox",
        Source.STARTING,
        reasons={"FailedCreatePodSandBox"},
        patience=Patience.GRACE,
        remedy="see whether the node's network plugin is well",
    ),
    _row(
        "pod-evicted",
        Source.POD,
        patience=Patience.GRACE,
        remedy="give the node what it lacks, or lower what the pod takes",
    ),
    _row(
        "creation-failed",
        Source.CREATION,
        patience=Patience.GRACE,
        remedy="see whether what the message names answers, and deploy again",
    ),
    _row(
        "behind-older-pod",
        Source.CONDITION,
        reasons={"OlderPodNotReady"},
        patience=Patience.GRACE,
        remedy="delete that pod, or set podManagementPolicy: Parallel in a set made anew",
    ),
    _row(
        "autoscaler",
        Source.SCALING,
        patience=Patience.GRACE,
        remedy="correct what the autoscaler names: its target, its metrics, or the requests that its pods lack",
    ),
    _row(
        "budget-sync-failed",
        Source.CONDITION,
        reasons={"SyncFailed"},
        patience=Patience.GRACE,
        remedy="correct the budget's selector: it must match pods of workloads that can be scaled",
    ),
    _row(
        "load-balancer-failed",
        Source.CONDITION,
        reasons={"SyncLoadBalancerFailed"},
        # Clouds refuse for a minute what they then make ("is busy"), and controllers try again.
        patience=Patience.SCALE_UP,
        remedy="correct what the cloud provider names",
    ),
    _row(
        "api-service-without-service",
        Source.CONDITION,
        reasons={"ServiceNotFound", "ServicePortError"},
        patience=Patience.GRACE,
        remedy="add the Service that it names, with that port",
    ),
    # As long as a start may take.
    _row(
        "probe-failing",
        Source.PROBE,
        patience=Patience.PROBES,
        remedy="see why the probe's request fails, or say how long a start may take: a startupProbe, or rollout.probe_grace",
    ),
    # After some restarts.
    _row(
        "out-of-memory",
        Source.EXITED,
        reasons={"OOMKilled"},
        patience=Patience.RESTARTS,
        remedy="raise resources.limits.memory of the container, or make it need less",
    ),
    _row(
        "liveness-kills",
        Source.EXITED,
        reasons={"Unhealthy"},
        patience=Patience.RESTARTS,
        remedy="see why the probe's request fails, or be more patient: failureThreshold, timeoutSeconds, a startupProbe",
    ),
    _row(
        "crash-loop",
        Source.EXITED,
        patience=Patience.RESTARTS,
        remedy="read the container's last lines, correct what they name, and deploy again",
    ),
    # After some turns.
    _row(
        "readiness-flapping",
        Source.READINESS,
        patience=Patience.FLAPS,
        remedy="see what the readiness probe depends on that comes and goes",
    ),
)
