"""Waiting until workloads have arrived, by watching them; giving up as soon as one never will."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from plimsoll.domain.failure import Cause
from plimsoll.domain.manifests import MANAGER, OWNER_LABEL
from plimsoll.domain.rollout import Doomed, Progressing, Ready, cause_of, verdict, watched
from plimsoll.domain.rollout_board import Standing
from plimsoll.domain.rollout_observed import Observed, kind_of
from plimsoll.errors import Failed
from plimsoll.workflows.definitions import declarations
from plimsoll.workflows.failure import collect

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
    from typing import Any

    from plimsoll.domain.failure import Failure
    from plimsoll.domain.manifests import Ref
    from plimsoll.domain.rollout_declared import Declared
    from plimsoll.domain.rollout_rules import Limits
    from plimsoll.ports import Clock, Cluster, PodLogs, Reporter, Stop

# Seconds after which somebody who watches a quiet wait is told what is missing.
HEARTBEAT = 15.0
# So many of them; a large release would fill the log.
NAMED = 5
# Kinds that have arrived once and for all; a cluster may tidy them up while others are waited for.
FINISHED_FOR_GOOD = frozenset({"Job"})


def wait_for(
    workloads: Sequence[Ref],
    *,
    cluster: Cluster,
    logs: PodLogs,
    clock: Clock,
    reporter: Reporter,
    stop: Stop,
    timeout: float,
    limits: Limits,
    environment: str,
    own: Mapping[Ref, Limits] | None = None,
    hide: Callable[[str], str] = str,
) -> dict[str, float]:
    """Return once all `workloads` (of one namespace, or cluster-wide) are ready, with the seconds after which each was.

    `own` are the limits of workloads that differ from `limits`; a time-out among them, which may be longer, stands for `timeout`.
    A terminal shows a table; elsewhere one line is reported per change, and one every 15 s of silence. Raise Failed (code
    `rollout`, or `rollout-timeout` once a time-out is over) with a `domain.failure.Failure` as its report, whatever `stop.check`
    or the watch raises, and ValueError for workloads of several namespaces. `hide` takes secrets out of what was said.
    """
    if not workloads:
        return {}
    declared = declarations(cluster, workloads, reporter)
    arrived: dict[str, float] = {}
    started = clock.monotonic()
    # What is cluster-wide may stand on what is inside (an aggregated API on its pods), whose faults say more: it comes second.
    for part in (tuple(each for each in workloads if each.namespace), tuple(each for each in workloads if not each.namespace)):
        passed = clock.monotonic() - started
        wait = _Wait(
            {each: _left((own or {}).get(each, limits), timeout, passed) for each in part},
            clock=clock,
            reporter=reporter,
            declared=declared,
        )
        try:
            _watch(wait, cluster, stop)
        except _GivenUp as end:
            (workload, cause), *others = end.causes
            # Said at once: what explains it takes requests, and bringing an older release back its time.
            reporter.info(f"{workload.short} is given up: {hide(cause.headline)}")
            failure = collect(
                workload, cause, wait.observed, logs=logs, environment=environment, others=[other for _ref, other in others]
            )
            raise _error(failure.redacted(hide), code=end.code) from None
        arrived |= {name: passed + seconds for name, seconds in wait.arrived.items()}
    return arrived


class _GivenUp(Exception):
    """A wait is over and somebody did not arrive: who and why, the first cause being the one to tell."""

    def __init__(self, causes: Sequence[tuple[Ref, Cause]], code: str) -> None:
        super().__init__(code)
        self.causes = causes
        self.code = code


def _watch(wait: _Wait, cluster: Cluster, stop: Stop) -> None:
    """Return once everybody has arrived; raise _GivenUp."""
    if not wait.limits:
        return
    (namespace,) = {workload.namespace for workload in wait.limits}
    # Of all the definitions of a cluster only our own are looked at.
    labels = "" if namespace else f"{OWNER_LABEL}={MANAGER}"
    news = cluster.watch(watched(wait.limits), namespace, timeout=wait.longest, labels=labels)
    with wait.shown(), closing(_as_generator(news)) as changes:
        for change in changes:
            stop.check()
            doomed = wait.look(change)
            if doomed is not None:
                raise _GivenUp([doomed, *wait.doomed_besides(doomed[0])], "rollout")
            if wait.over:
                return
            if late := wait.late():
                raise _GivenUp(late, "rollout-timeout")
    raise _GivenUp(wait.late(at_once=True), "rollout-timeout")


class _Wait:
    """What a wait knows so far: what was seen, since when faults are borne with, and who has arrived."""

    def __init__(
        self, limits: Mapping[Ref, Limits], *, clock: Clock, reporter: Reporter, declared: Mapping[str, Declared]
    ) -> None:
        self.observed = Observed()
        self.arrived: dict[str, float] = {}
        self.limits = limits
        self._declared = declared
        self._named = {(workload.path, workload.name): workload for workload in limits}
        # UID -> workload: with hundreds of them, each change must lead to its own without asking all.
        self._workloads: dict[str, Ref] = {}
        self._kinds = watched(limits)
        self._clock = clock
        self._reporter = reporter
        self._started = self._said_at = clock.monotonic()
        self._since: dict[str, dict[str, float]] = {}
        self._missing: dict[str, Progressing] = {}
        self._changed: dict[str, float] = {}

    @property
    def over(self) -> bool:
        """Whether every workload is ready now."""
        return len(self.arrived) == len(self.limits)

    @property
    def longest(self) -> float:
        """The seconds after which the last of the workloads is late."""
        return max(limits.timeout or 0 for limits in self.limits.values())

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Take the table away when the wait is over, whatever its end."""
        try:
            yield
        finally:
            self._reporter.board(())

    def look(self, change: tuple[str, dict[str, Any]] | None) -> tuple[Ref, Cause] | None:
        """Take in a change (None: only time has passed) and judge anew whom it is about; return who never arrives, and why."""
        # Time alone takes nobody's readiness away.
        late = (each for each in self.limits if each.short not in self.arrived)
        touched = tuple(late) if change is None else self._touched(*change)
        if not all(self.observed.whole(kind) for kind in self._kinds):
            return None
        for workload in touched:
            cause = self._judge(workload)
            if cause is not None:
                return workload, cause
        self._heartbeat()
        return None

    def doomed_besides(self, first: Ref) -> list[tuple[Ref, Cause]]:
        """Return who else never arrives as far as is known by now, and why: one fault often has several victims."""
        others = [each for each in self.limits if each != first and each.short not in self.arrived]
        return [(each, cause) for each in others if (cause := self._judge(each)) is not None]

    def late(self, *, at_once: bool = False) -> list[tuple[Ref, Cause]]:
        """Return who has not arrived in time (`at_once`: by now), with the best cause that can be given."""
        passed = self._clock.monotonic() - self._started
        found = []
        for workload, limits in self.limits.items():
            allowed = limits.timeout or 0
            if workload.short in self.arrived or (passed < allowed and not at_once):
                continue
            state = self._missing.get(workload.short, Progressing(missing="not looked at yet", object=workload.short))
            message = f"still missing after {allowed:.0f} s: {state.missing}"
            cause = Cause(workload=workload.short, object=state.object, reason="Timeout", message=message, rule="timeout")
            found.append((workload, cause_of(state.faults[0], workload.short) if state.faults else cause))
        return found

    def _touched(self, event: str, seen: Mapping[str, Any]) -> Sequence[Ref]:
        """Take in a change and return the workloads that it may be about."""
        if event == "SYNCED":
            self.observed.take(event, seen)
            return tuple(self.limits)
        # Before and after: an object may lose its owner, and a workload its pods.
        roots = {self.observed.root(seen)}
        self.observed.take(event, seen)
        if workload := self._named.get((kind_of(seen), str(seen["metadata"].get("name")))):
            self._workloads[str(seen["metadata"].get("uid"))] = workload
        roots.add(self.observed.root(seen))
        touched = tuple(self._workloads[uid] for uid in roots if uid in self._workloads)
        if event == "DELETED":
            self._workloads.pop(str(seen["metadata"].get("uid")), None)
        return touched

    def _judge(self, workload: Ref) -> Cause | None:
        name = workload.short
        if name in self.arrived and workload.kind in FINISHED_FOR_GOOD:
            return None
        now = self._clock.monotonic()
        since = self._since.get(name, {})
        found = verdict(workload, self.observed, now=now, since=since, limits=self.limits[workload], declared=self._declared)
        if isinstance(found, Doomed):
            return found.cause
        if isinstance(found, Ready):
            if name not in self.arrived:
                self.arrived[name] = now - self._started
                # What was ready at the first look is no news.
                if name in self._missing:
                    self._say(f"{name}: ready after {self.arrived[name]:.1f} s")
            return None
        self._since[name] = {fault.key: since.get(fault.key, now) for fault in found.faults}
        before = self._missing.get(name)
        self._missing[name] = found
        if self.arrived.pop(name, None) is not None or before is None or before.missing != found.missing:
            self._changed[name] = now
            self._say(f"{name}: {found.missing}")
        return None

    def _heartbeat(self) -> None:
        now = self._clock.monotonic()
        if now - self._said_at >= HEARTBEAT:
            waiting = [f"{name}: {state.missing}" for name, state in self._missing.items() if name not in self.arrived]
            more = f"; and {len(waiting) - NAMED} more" if len(waiting) > NAMED else ""
            self._say(f"still waiting after {now - self._started:.0f} s for {'; '.join(waiting[:NAMED])}{more}")

    def _say(self, news: str) -> None:
        self._said_at = self._clock.monotonic()
        self._reporter.board(tuple(map(self._standing, self.limits)), news)

    def _standing(self, workload: Ref) -> Standing:
        name = workload.short
        if name in self.arrived:
            return Standing(name, "", self.arrived[name])
        state = self._missing.get(name)
        since = self._clock.monotonic() - self._changed.get(name, self._started)
        return Standing(name, state.missing if state else "not looked at yet", since)


def _left(limits: Limits, timeout: float, passed: float) -> Limits:
    """Return the limits with what is left of their time-out."""
    return replace(limits, timeout=max((timeout if limits.timeout is None else limits.timeout) - passed, 0.001))


def _error(failure: Failure, *, code: str) -> Failed:
    """Return the error that carries `failure`."""
    cause = failure.cause
    verb = "was not ready in time" if code == "rollout-timeout" else "will not become ready"
    return Failed(
        f"{cause.workload} {verb}: {cause.headline}",
        where=f"environment {failure.environment}",
        now=cause.remedy or "see what is missing, and raise rollout.timeout in plimsoll.toml where it only is slow",
        code=code,
        report=failure,
    )


def _as_generator(news: Any) -> Generator[tuple[str, dict[str, Any]] | None]:  # noqa: ANN401 -- closing() wants a `close`
    yield from news
