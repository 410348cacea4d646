"""The deploy lock: one Lease per environment, judged by the local monotonic clock alone.

A holder renews it every `RENEW_EVERY` seconds. Others never compare their wall clock with the holder's: a lock has expired when
its record was seen unchanged for its time to live. A write may start only when its request timeout ends before the lease does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plimsoll.domain.ledger import NAMESPACE, labels, stem
from plimsoll.errors import Failed, Interrupted

if TYPE_CHECKING:
    from collections.abc import Mapping

TIME_TO_LIVE = 15
RENEW_EVERY = 5
DEFAULT_WAIT = 30
# A request to renew must answer well before the lease ends.
RENEW_TIMEOUT = 5
# Annotations that say more about the holder than fits its identity.
PURPOSE = "plimsoll.dev/purpose"
RUN = "plimsoll.dev/run"
AGAIN = "nothing was changed; run the same command again when you want it"


class LockHeld(Failed):
    """Somebody else deploys here and did not finish while we waited: exit code 1."""

    default_code = "lock-held"


class LockLost(Failed):
    """The lock is no longer ours; nothing more may be written: exit code 1."""

    default_code = "lock-lost"


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Who holds a lock. `token` makes two processes of one person different; `run` is the URL of a CI run."""

    actor: str
    host: str
    pid: int
    token: str
    purpose: str
    run: str = ""

    @property
    def identity(self) -> str:
        """The text in `holderIdentity`."""
        return f"{self.actor} on {self.host}, process {self.pid} ({self.token})"


def lease(
    holder: Holder,
    application: str,
    environment: str,
    *,
    now: str,
    acquired: str,
    transitions: int,
    replaced: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return the Lease that says `holder` holds the environment; it replaces `replaced` and no other (None: it is new)."""
    metadata: dict[str, Any] = {
        "name": stem(application, environment),
        "namespace": NAMESPACE,
        "labels": labels(application, environment, "lock"),
        "annotations": {PURPOSE: holder.purpose, RUN: holder.run},
    }
    if replaced is not None:
        # Without the UID the API server would make a Lease anew that was deleted meanwhile.
        metadata |= {key: replaced["metadata"][key] for key in ("resourceVersion", "uid")}
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": metadata,
        "spec": {
            "holderIdentity": holder.identity,
            "leaseDurationSeconds": TIME_TO_LIVE,
            "acquireTime": acquired,
            "renewTime": now,
            "leaseTransitions": transitions,
        },
    }


def released(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the Lease `found` without its holder: the next one takes it at once."""
    metadata = {key: value for key, value in found["metadata"].items() if key != "managedFields"}
    spec = {key: value for key, value in found["spec"].items() if key not in {"holderIdentity", "acquireTime", "renewTime"}}
    return {**found, "metadata": metadata, "spec": spec}


def identity_of(found: Mapping[str, Any]) -> str:
    """Return who holds the Lease `found`, empty when nobody does."""
    return str(found.get("spec", {}).get("holderIdentity") or "")


def describe(found: Mapping[str, Any]) -> str:
    """Return who holds the Lease `found`, what for and where that runs, for people."""
    notes = found["metadata"].get("annotations") or {}
    parts = [identity_of(found), notes.get(PURPOSE), notes.get(RUN)]
    return ", ".join(str(part) for part in parts if part)


@dataclass(frozen=True)
class Sighting:
    """The last different state of somebody else's lease, and when (monotonic seconds) it was first seen."""

    version: str
    since: float
    time_to_live: float

    @classmethod
    def of(cls, found: Mapping[str, Any], earlier: Sighting | None, now: float) -> Sighting:
        """Return what is known after seeing `found` at `now`: the earlier sighting, when nothing has changed."""
        version = str(found["metadata"].get("resourceVersion") or "")
        if earlier is not None and earlier.version == version:
            return earlier
        duration = found.get("spec", {}).get("leaseDurationSeconds") or TIME_TO_LIVE
        return cls(version, now, float(duration))

    def expired(self, now: float) -> bool:
        """Tell whether the holder has let its time to live pass without a sign of life."""
        return now - self.since >= self.time_to_live


def stopped(purpose: str, environment: str, *, wrote: bool) -> Interrupted:
    """Return the error of a process that was told twice to stop, and did so wherever it was."""
    if not wrote:
        return Interrupted(f"stopped at once, before the {purpose} changed anything", where=environment, now=AGAIN)
    return Interrupted(
        f"stopped at once in the middle of the {purpose}: what it had begun stays as it is",
        where=f"{environment}; the lock is given back, or frees itself within {TIME_TO_LIVE} s",
        now=f"the next `inv deploy --env {environment}` or `inv rollback --env {environment}` finds and repairs that; "
        f"`inv status --env {environment}` shows what serves",
    )


def held(found: Mapping[str, Any], *, environment: str, waited: float) -> LockHeld:
    """Return the error that names who holds the lock of `environment` after `waited` seconds."""
    return LockHeld(
        f"{environment} is locked by {describe(found)}",
        where=f"Lease {found['metadata']['name']} in the namespace {NAMESPACE}, after {waited:.0f} s",
        now="wait until that has ended and try again; a killed one frees the lock within "
        f"{TIME_TO_LIVE} s (--wait-lock SECONDS waits longer)",
    )
