"""What a rule about a rollout is: signs of trouble, rows that know them, and how long each is borne with.

The rows themselves are `domain.rollout_table`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re
    from collections.abc import Sequence


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
        if self.rule.patience is Patience.RESTARTS:
            return 0.0 if self.sign.restarts >= limits.crash_restarts else None
        bearable = {Patience.NONE: 0.0, Patience.SHORT: limits.short, Patience.GRACE: limits.grace}[self.rule.patience]
        return max(bearable - seen_for, 0.0)


def classify(signs: Sequence[Sign], rules: Sequence[Rule]) -> tuple[Fault, ...]:
    """Return the faults among `signs`, in the order of the table, then of the objects' names. A sign no row knows is none."""
    found = []
    for sign in signs:
        rule = next((rule for rule in rules if rule.matches(sign)), None)
        if rule is not None:
            found.append(Fault(sign=sign, rule=rule))
    order = {rule.name: place for place, rule in enumerate(rules)}
    return tuple(sorted(found, key=lambda fault: (order[fault.rule.name], fault.sign.object, fault.sign.container)))
