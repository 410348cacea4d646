"""When a rollout is given up: one row per fault, as data. The first row that matches a sign decides.

Two thresholds: faults that no waiting heals are final at once, others get grace (seconds) or a number of restarts. Each row has a
case in tests/cases/rollout/, and a test that switches the row off and sees that case fail.

The reasons are the kubelet's (pkg/kubelet/container, images/types.go), the scheduler's and the controllers' own words; the
messages are what containerd and registries answer.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Source(enum.Enum):
    """Where a sign of trouble was read."""

    WAITING = "a container that waits"
    EXITED = "a container that ended although it should run on"
    ATTEMPT = "a container of a Job's pod that ended with an error"
    SCHEDULING = "a pod that has no node"
    STARTING = "a warning about a pod whose volumes and network are not there yet"
    POD = "a pod that failed as a whole"
    CREATION = "a controller that cannot create a pod"
    CONDITION = "a condition of the workload itself"
    JOB = "a Job that its controller gave up"
    CLAIM = "a volume claim"


class Patience(enum.Enum):
    """How long a fault is borne with."""

    NONE = "not at all"
    SHORT = "a few seconds, for a cache that has not caught up"
    GRACE = "the grace of the settings"
    RESTARTS = "a number of restarts"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much is borne with: restarts of one container, seconds of grace, and seconds until missing configuration is final.

    5 s: kubelet reads ConfigMaps and Secrets through a watch that is up within a second or two of the pod's arrival.
    """

    crash_restarts: int = 1
    grace: float = 30
    short: float = 5


@dataclass(frozen=True, kw_only=True)
class Sign:
    """Something that looks like trouble: who says it (`object` is `Kind/name`), with the cluster's own reason and message."""

    source: Source
    reason: str
    message: str
    object: str
    uid: str
    container: str = ""
    restarts: int = 0
    exit_code: int | None = None


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One row: it matches a sign by source, reason (empty: any) and message (a pattern to find, and one not to find)."""

    name: str
    sources: frozenset[Source]
    reasons: frozenset[str] = frozenset()
    message: re.Pattern[str] | None = None
    unless: re.Pattern[str] | None = None
    patience: Patience

    def matches(self, sign: Sign) -> bool:
        """Tell whether this row is about `sign`."""
        return (
            sign.source in self.sources
            and (not self.reasons or sign.reason in self.reasons)
            and (self.message is None or bool(self.message.search(sign.message)))
            and (self.unless is None or not self.unless.search(sign.message))
        )


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A sign and the row that it fell under."""

    sign: Sign
    rule: Rule

    @property
    def key(self) -> str:
        """What makes it the same fault when it is seen again."""
        return f"{self.rule.name} {self.sign.uid} {self.sign.container}"

    def patience_left(self, seen_for: float, limits: Limits) -> float | None:
        """Return the seconds until the fault is final: 0 when it is, None when no time alone will make it so."""
        if self.rule.patience is Patience.RESTARTS:
            return 0.0 if self.sign.restarts >= limits.crash_restarts else None
        bearable = {Patience.NONE: 0.0, Patience.SHORT: limits.short, Patience.GRACE: limits.grace}[self.rule.patience]
        return max(bearable - seen_for, 0.0)


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
) -> Rule:
    return Rule(
        name=name,
        sources=frozenset(sources),
        reasons=frozenset(reasons),
        message=message,
        unless=unless,
        patience=patience,
    )


RULES: tuple[Rule, ...] = (
    # At once.
    _row("gone", Source.CONDITION, reasons={"Deleted", "Deleting"}),
    _row("paused", Source.CONDITION, reasons={"DeploymentPaused"}),
    _row("image-name-invalid", Source.WAITING, reasons={"InvalidImageName"}),
    _row("image-never-pulled", Source.WAITING, reasons={"ErrImageNeverPull"}),
    _row("image-not-found", Source.WAITING, reasons=PULLING, message=IMAGE_GONE, unless=BLIP),
    _row(
        "program-missing",
        Source.WAITING,
        Source.EXITED,
        Source.ATTEMPT,
        reasons={"RunContainerError", "CreateContainerError", "StartError", "ContainerCannotRun"},
        message=NO_PROGRAM,
    ),
    _row("creation-refused", Source.CREATION, message=REFUSED, unless=TRANSIENT),
    _row("job-failed", Source.JOB),
    _row("progress-deadline", Source.CONDITION, reasons={"ProgressDeadlineExceeded"}),
    _row("claim-lost", Source.CLAIM, reasons={"Lost"}),
    _row("pod-failed", Source.CONDITION, reasons={"PodFailed"}),
    _row("stalled", Source.CONDITION, reasons={"Stalled"}),
    # After a few seconds.
    _row(
        "configuration-missing",
        Source.WAITING,
        reasons={"CreateContainerConfigError"},
        unless=SYNCING,
        patience=Patience.SHORT,
    ),
    _row(
        "volume-source-missing",
        Source.STARTING,
        reasons={"FailedMount"},
        message=MISSING_SOURCE,
        unless=SYNCING,
        patience=Patience.SHORT,
    ),
    # After the grace.
    _row("image-pull", Source.WAITING, reasons=PULLING | IMAGE_TROUBLE, patience=Patience.GRACE),
    _row("container-not-created", Source.WAITING, reasons=CREATION_TROUBLE, patience=Patience.GRACE),
    _row("unschedulable", Source.SCHEDULING, patience=Patience.GRACE),
    _row("volume", Source.STARTING, reasons={"FailedMount", "FailedAttachVolume", "FailedMapVolume"}, patience=Patience.GRACE),
    _row("sandbox", Source.STARTING, reasons={"FailedCreatePodSandBox"}, patience=Patience.GRACE),
    _row("pod-evicted", Source.POD, patience=Patience.GRACE),
    _row("creation-failed", Source.CREATION, patience=Patience.GRACE),
    _row("behind-older-pod", Source.CONDITION, reasons={"OlderPodNotReady"}, patience=Patience.GRACE),
    _row("claim-not-provisioned", Source.CLAIM, reasons={"ProvisioningFailed"}, patience=Patience.GRACE),
    # After some restarts.
    _row("crash-loop", Source.EXITED, patience=Patience.RESTARTS),
)


def classify(signs: Sequence[Sign], rules: Sequence[Rule] = RULES) -> tuple[Fault, ...]:
    """Return the faults among `signs`, in the order of the table, then of the objects' names. A sign no row knows is none."""
    found = []
    for sign in signs:
        rule = next((rule for rule in rules if rule.matches(sign)), None)
        if rule is not None:
            found.append(Fault(sign=sign, rule=rule))
    order = {rule.name: place for place, rule in enumerate(rules)}
    return tuple(sorted(found, key=lambda fault: (order[fault.rule.name], fault.sign.object, fault.sign.container)))
