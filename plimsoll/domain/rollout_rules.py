"""What a rule about a rollout is: signs of trouble, rows that know them, and how long each is borne with.

The rows themselves are `domain.rollout_table`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plimsoll.domain.rollout_observed import short

if TYPE_CHECKING:
    import re
    from collections.abc import Mapping, Sequence


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
    SCALING = "an autoscaler that cannot scale"
    PROBE = "a container that runs and does not answer its readiness probe"
    READINESS = "a pod that is ready, and again is not"


class Patience(enum.Enum):
    """How long a fault is borne with."""

    NONE = "not at all"
    CONFIGURATION = "a few seconds, for a cache that has not caught up"
    GRACE = "the grace of the settings"
    PROBES = "as long as a start may take"
    SCALE_UP = "as long as a cloud may take to bring a node or a load balancer"
    RESTARTS = "a number of restarts"
    FLAPS = "a number of times"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much is borne with: counts are of one container or pod, everything else is seconds since a fault was first seen.

    `configuration_grace`, 5 s: kubelet reads ConfigMaps and Secrets through a watch that is up within a second or two of the
    pod's arrival. `probe_grace`, 120 s: what servers on virtual machines with a cold cache need to start, twice over.
    `scale_up_grace`, 240 s: cloud nodes come within one to four minutes. `timeout` is the workload's own, None for the wait's.
    """

    crash_restarts: int = 1
    readiness_flaps: int = 3
    grace: float = 30
    configuration_grace: float = 5
    probe_grace: float = 120
    scale_up_grace: float = 240
    timeout: float | None = None


# Nothing is borne with: what is wrong at this moment.
NO_PATIENCE = Limits(crash_restarts=0, readiness_flaps=1, grace=0, configuration_grace=0, probe_grace=0, scale_up_grace=0)


@dataclass(frozen=True, kw_only=True)
class Sign:
    """Something that looks like trouble: who says it (`object` is `Kind/name`), with the cluster's own reason and message.

    `restarts` are a container's, `times` how often it happened where that is counted.
    """

    source: Source
    reason: str
    message: str
    object: str
    uid: str
    container: str = ""
    restarts: int = 0
    times: int = 0
    exit_code: int | None = None


def sign_of(
    seen: Mapping[str, Any],
    source: Source,
    reason: str,
    message: str,
    *,
    container: str = "",
    restarts: int = 0,
    times: int = 0,
    exit_code: int | None = None,
) -> Sign:
    """Return a sign about the object that was seen, its message on one line."""
    return Sign(
        source=source,
        reason=reason,
        message=" ".join(message.split()),
        object=short(seen),
        uid=str(seen["metadata"].get("uid", "")),
        container=container,
        restarts=restarts,
        times=times,
        exit_code=exit_code,
    )


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One row: it matches a sign by source, reason (empty: any) and message (a pattern to find, and one not to find).

    `remedy` tells the user what to do.
    """

    name: str
    sources: frozenset[Source]
    reasons: frozenset[str] = frozenset()
    message: re.Pattern[str] | None = None
    unless: re.Pattern[str] | None = None
    patience: Patience
    remedy: str

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
        patience = self.rule.patience
        if patience is Patience.RESTARTS:
            return 0.0 if self.sign.restarts >= limits.crash_restarts else None
        if patience is Patience.FLAPS:
            return 0.0 if self.sign.times >= limits.readiness_flaps else None
        bearable = {
            Patience.NONE: 0.0,
            Patience.CONFIGURATION: limits.configuration_grace,
            Patience.GRACE: limits.grace,
            Patience.PROBES: limits.probe_grace,
            Patience.SCALE_UP: limits.scale_up_grace,
        }
        return max(bearable[patience] - seen_for, 0.0)


def classify(signs: Sequence[Sign], rules: Sequence[Rule]) -> tuple[Fault, ...]:
    """Return the faults among `signs`, in the order of the table, then of the objects' names. A sign no row knows is none."""
    found = []
    for sign in signs:
        rule = next((rule for rule in rules if rule.matches(sign)), None)
        if rule is not None:
            found.append(Fault(sign=sign, rule=rule))
    order = {rule.name: place for place, rule in enumerate(rules)}
    return tuple(sorted(found, key=lambda fault: (order[fault.rule.name], fault.sign.object, fault.sign.container)))
