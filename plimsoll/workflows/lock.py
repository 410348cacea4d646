"""Holding the deploy lock: take it, renew it while work goes on, write only while it surely is ours, give it back."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from plimsoll.domain import lock as rules
from plimsoll.domain.ledger import NAMESPACE, stem
from plimsoll.domain.manifests import MANAGER, OWNER_LABEL
from plimsoll.errors import Interrupted, PlimsollError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from plimsoll.ports import Clock, Cluster, Reporter, Stop

LEASE = "coordination.k8s.io/v1/Lease"
# While somebody else holds the lock, look again this often (seconds).
LOOK_EVERY = 1.0
# After a renewal that got no answer, try again this soon (seconds): two tries are left before the lease ends.
RETRY_EVERY = 1.0


class DeployLock:
    """One environment's lock, held by this process. Safe to use from several threads."""

    def __init__(
        self,
        cluster: Cluster,
        clock: Clock,
        holder: rules.Holder,
        application: str,
        environment: str,
        *,
        refuse: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare; `refuse` raises LockHeld while somebody holds the environment by hand, however free the lock is."""
        self._cluster = cluster
        self._refuse_hold = refuse
        self._clock = clock
        self._holder = holder
        self._application = application
        self._environment = environment
        self._mutex = threading.RLock()
        self._found: dict[str, Any] = {}
        self._until = 0.0
        self._lost = False
        self._forbidden = ""
        # Whether anything was written under the lock; `Fenced` notes it.
        self.wrote = False

    def acquire(self, wait: float, reporter: Reporter, stop: Stop) -> None:
        """Take the lock within `wait` seconds; raise LockHeld naming the holder, or Interrupted when asked to stop.

        An environment that somebody holds by hand is refused at once: a person's word does not expire in seconds.
        """
        started = self._clock.monotonic()
        sighting: rules.Sighting | None = None
        while True:
            self._refuse_hold()
            asked = self._clock.monotonic()
            found = self._cluster.get(LEASE, stem(self._application, self._environment), NAMESPACE)
            if found is None or not rules.identity_of(found):
                taken = self._take(found, asked)
            else:
                if sighting is None:
                    reporter.info(f"{self._environment} is locked by {rules.describe(found)}; waiting up to {wait:.0f} s")
                sighting = rules.Sighting.of(found, sighting, self._clock.monotonic())
                taken = sighting.expired(self._clock.monotonic()) and self._take(found, asked)
                if taken:
                    reporter.warn(
                        f"took the lock over from {rules.describe(found)}: no sign of life for {sighting.time_to_live:.0f} s"
                    )
            if taken:
                self._give_way()
                return
            waited = self._clock.monotonic() - started
            if found is not None and waited >= wait:
                raise rules.held(found, environment=self._environment, waited=waited)
            stop.check()
            self._clock.sleep(min(LOOK_EVERY, max(wait - waited, 0.05)))

    def renew(self) -> None:
        """Prolong the lease by its time to live; raise LockLost when somebody else took it."""
        with self._mutex:
            self._refuse_lost()
            asked = self._clock.monotonic()
            answer = self._write(self._found)
            if answer is None:
                # Our own earlier request may have arrived although its answer did not: then the lease is still ours.
                found = self._cluster.get(LEASE, stem(self._application, self._environment), NAMESPACE)
                ours = found is not None and rules.identity_of(found) == self._holder.identity
                answer = self._write(found) if ours and found is not None else None
            if answer is None:
                self._lost = True
                self._refuse_lost()
                return
            self._found, self._until = answer, asked + rules.TIME_TO_LIVE

    def require(self, seconds: float) -> None:
        """Return when a request of at most `seconds` ends before the lease does; raise LockLost when that cannot be promised."""
        with self._mutex:
            self._refuse_lost()
            if self.remaining() <= seconds:
                self.renew()
            if self.remaining() <= seconds:
                self._refuse_lost(sure=True)

    def forbid(self, why: str) -> None:
        """Let nothing more be written under this lock, not even to give it back: `why`, in words for people."""
        with self._mutex:
            self._forbidden, self._lost = why, True

    def stopped(self) -> Interrupted:
        """Return the error for work under this lock that was told twice to stop."""
        return rules.stopped(self._holder.purpose, self._environment, wrote=self.wrote)

    def remaining(self) -> float:
        """Return the seconds for which the lease surely is ours."""
        return self._until - self._clock.monotonic()

    def release(self) -> None:
        """Give the lock back, when it still is ours."""
        with self._mutex:
            if not self._lost and self.remaining() > rules.RENEW_TIMEOUT:
                self._cluster.write(rules.released(self._found), timeout=rules.RENEW_TIMEOUT)
            self._lost = True

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Renew the lease in the background until the block ends."""
        done = threading.Event()
        thread = threading.Thread(target=self._keep, args=(done,), name="lock", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join(timeout=rules.RENEW_TIMEOUT)

    def _keep(self, done: threading.Event) -> None:
        pause: float = rules.RENEW_EVERY
        while not done.wait(pause):
            try:
                self.renew()
                pause = rules.RENEW_EVERY
            except rules.LockLost:
                return
            except PlimsollError:
                pause = RETRY_EVERY

    def _give_way(self) -> None:
        """Give the lock back when a hold was written while it was taken: whoever wrote that may have seen the lock free."""
        try:
            self._refuse_hold()
        except PlimsollError:
            self.release()
            raise

    def _take(self, found: Mapping[str, Any] | None, asked: float) -> bool:
        transitions = 0 if found is None else int(found.get("spec", {}).get("leaseTransitions") or 0) + 1
        answer = self._write(found, acquired=self._timestamp(), transitions=transitions)
        if answer is not None:
            self._found, self._until, self._lost = answer, asked + rules.TIME_TO_LIVE, False
        return answer is not None

    def _write(
        self, found: Mapping[str, Any] | None, *, acquired: str | None = None, transitions: int | None = None
    ) -> dict[str, Any] | None:
        spec = (found or {}).get("spec", {})
        manifest = rules.lease(
            self._holder,
            self._application,
            self._environment,
            now=self._timestamp(),
            acquired=acquired or spec.get("acquireTime") or self._timestamp(),
            transitions=int(spec.get("leaseTransitions") or 0) if transitions is None else transitions,
            replaced=found,
        )
        return self._cluster.write(manifest, create=found is None, timeout=rules.RENEW_TIMEOUT)

    def _refuse_lost(self, *, sure: bool = False) -> None:
        if self._lost or sure:
            self._lost = True
            raise rules.LockLost(
                f"{self._forbidden or f'the lock of {self._environment} is no longer ours'}; nothing more was written",
                where=f"Lease {stem(self._application, self._environment)} in the namespace {NAMESPACE}",
                now="see who works there with `inv status`, and deploy again: that repairs what was left unfinished",
            )

    def _timestamp(self) -> str:
        return self._clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Fenced:
    """A Cluster (port) whose writes start only while the lock surely outlives them.

    Reading needs no lock. Watching ends as soon as the lock is lost, or somebody asked to stop.
    """

    def __init__(self, cluster: Cluster, lock: DeployLock, stop: Stop) -> None:
        self._cluster = cluster
        self._lock = lock
        self._stop = stop
        self.get = cluster.get
        self.list = cluster.list

    def apply(
        self, manifest: Mapping[str, Any], *, dry_run: bool = False, force: bool = False, timeout: float = 10
    ) -> dict[str, Any]:
        """Apply as the cluster does, under the lock unless it is a dry run."""
        if not dry_run:
            self._writing(timeout)
        return self._cluster.apply(manifest, dry_run=dry_run, force=force, timeout=timeout)

    def write(self, manifest: Mapping[str, Any], *, create: bool = False, timeout: float = 5) -> dict[str, Any] | None:
        """Write as the cluster does, under the lock."""
        self._writing(timeout)
        return self._cluster.write(manifest, create=create, timeout=timeout)

    def disown(self, live: Mapping[str, Any], *path: str, timeout: float = 5) -> bool:
        """Give up a claim as the cluster does, under the lock."""
        self._writing(timeout)
        return self._cluster.disown(live, *path, timeout=timeout)

    def delete(self, kind: str, name: str, namespace: str | None = None, *, uid: str = "") -> None:
        """Delete as the cluster does, under the lock."""
        self._writing(rules.RENEW_TIMEOUT)
        self._cluster.delete(kind, name, namespace, uid=uid)

    def watch(
        self, kinds: Sequence[str], namespace: str, *, timeout: float, labels: str = ""
    ) -> Iterator[tuple[str, dict[str, Any]] | None]:
        """Watch as the cluster does, looking at the lock and at requests to stop at least once a second."""
        for seen in self._cluster.watch(kinds, namespace, timeout=timeout, labels=labels):
            self._stop.check()
            self._lock.require(0)
            yield seen

    def _writing(self, timeout: float) -> None:
        self._lock.require(timeout)
        self._lock.wrote = True


@contextmanager
def locked(lock: DeployLock, *, cluster: Cluster, wait: float, reporter: Reporter, stop: Stop) -> Iterator[None]:
    """Hold the lock for the block; it is free afterwards, whatever happened. Requests to stop wait for the work to look.

    Who asks a second time is obeyed at once: Interrupted says what that left, and what repairs it.
    """
    try:
        with stop.listening():
            ensure_namespace(cluster)
            lock.acquire(wait, reporter, stop)
            try:
                with lock.kept():
                    yield
            finally:
                _give_back(lock, reporter)
    except KeyboardInterrupt as told_twice:
        raise lock.stopped() from told_twice
    except Interrupted as told:
        if not lock.wrote and not told.now:
            told.now = rules.AGAIN
        raise


def _give_back(lock: DeployLock, reporter: Reporter) -> None:
    try:
        lock.release()
    except PlimsollError as error:
        reporter.warn(f"the lock could not be given back and frees itself within {rules.TIME_TO_LIVE} s: {error.what}")


def ensure_namespace(cluster: Cluster) -> None:
    """Make the namespace of locks and ledgers when it is not there."""
    if cluster.get("v1/Namespace", NAMESPACE) is None:
        manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": {OWNER_LABEL: MANAGER}}}
        cluster.write(manifest, create=True)


def holder_of(cluster: Cluster, application: str, environment: str) -> str:
    """Return who holds an environment's lock now, for people; empty when nobody does."""
    found = cluster.get(LEASE, stem(application, environment), NAMESPACE)
    return rules.describe(found) if found is not None and rules.identity_of(found) else ""
