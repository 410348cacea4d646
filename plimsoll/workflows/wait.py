"""Waiting until workloads have arrived, by watching them; giving up as soon as one never will."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from plimsoll.domain.failure import Cause
from plimsoll.domain.rollout import Doomed, Progressing, Ready, cause_of, verdict, watched
from plimsoll.domain.rollout_observed import Observed
from plimsoll.errors import Failed
from plimsoll.workflows.failure import collect

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from typing import Any

    from plimsoll.domain.failure import Failure
    from plimsoll.domain.manifests import Ref
    from plimsoll.domain.rollout_rules import Limits
    from plimsoll.ports import Clock, Cluster, PodLogs, Reporter, Stop

# Seconds after which somebody who watches a quiet wait is told what is missing.
HEARTBEAT = 15.0
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
    hide: Callable[[str], str] = str,
) -> dict[str, float]:
    """Return once all `workloads` (of one namespace) are ready, with the seconds after which each was.

    One line is reported per change, and one every 15 s of silence. Raise Failed (code `rollout`, or `rollout-timeout` after
    `timeout` seconds) with a `domain.failure.Failure` as its report, whatever `stop.check` or the watch raises, and ValueError
    for workloads of several namespaces. `hide` takes secrets out of what pods and events said.
    """
    if not workloads:
        return {}
    (namespace,) = {workload.namespace for workload in workloads}
    wait = _Wait(workloads, clock=clock, reporter=reporter, limits=limits)

    def failed(workload: Ref, cause: Cause, *, others: Sequence[Cause] = (), code: str) -> Failed:
        found = collect(workload, cause, wait.observed, logs=logs, environment=environment, others=others)
        return _error(found.redacted(hide), code=code)

    news = cluster.watch(watched(workloads), namespace, timeout=timeout)
    with closing(_as_generator(news)) as changes:
        for change in changes:
            stop.check()
            doomed = wait.look(change)
            if doomed is not None:
                raise failed(*doomed, code="rollout")
            if wait.over:
                return wait.arrived
    causes = wait.overdue(timeout)
    (workload, cause), *rest = causes
    raise failed(workload, cause, others=[other for _ref, other in rest], code="rollout-timeout")


class _Wait:
    """What a wait knows so far: what was seen, since when faults are borne with, and who has arrived."""

    def __init__(self, workloads: Sequence[Ref], *, clock: Clock, reporter: Reporter, limits: Limits) -> None:
        self.observed = Observed()
        self.arrived: dict[str, float] = {}
        self._workloads = workloads
        self._kinds = watched(workloads)
        self._clock = clock
        self._reporter = reporter
        self._limits = limits
        self._started = self._said_at = clock.monotonic()
        self._since: dict[str, dict[str, float]] = {}
        self._missing: dict[str, Progressing] = {}

    @property
    def over(self) -> bool:
        """Whether every workload is ready now."""
        return len(self.arrived) == len(self._workloads)

    def look(self, change: tuple[str, dict[str, Any]] | None) -> tuple[Ref, Cause] | None:
        """Take in a change (None: only time has passed) and judge anew whom it is about; return who never arrives, and why."""
        touched = self._workloads if change is None else self._touched(*change)
        if not all(self.observed.whole(kind) for kind in self._kinds):
            return None
        for workload in touched:
            cause = self._judge(workload)
            if cause is not None:
                return workload, cause
        self._heartbeat()
        return None

    def overdue(self, timeout: float) -> list[tuple[Ref, Cause]]:
        """Return who has not arrived in time, with the best cause that can be given."""
        found = []
        for workload in self._workloads:
            if workload.short in self.arrived:
                continue
            state = self._missing.get(workload.short, Progressing(missing="not looked at yet", object=workload.short))
            message = f"still missing after {timeout:.0f} s: {state.missing}"
            cause = Cause(workload=workload.short, object=state.object, reason="Timeout", message=message, rule="timeout")
            found.append((workload, cause_of(state.faults[0], workload.short) if state.faults else cause))
        return found

    def _touched(self, event: str, seen: Mapping[str, Any]) -> Sequence[Ref]:
        """Take in a change and return the workloads that it may be about."""
        if event == "SYNCED":
            self.observed.take(event, seen)
            return self._workloads
        before = self.observed.root(seen)
        self.observed.take(event, seen)
        roots = {before, self.observed.root(seen), None}
        return [each for each in self._workloads if self._uid(each) in roots]

    def _uid(self, workload: Ref) -> str | None:
        live = self.observed.find(workload.path, workload.name)
        return str(live["metadata"]["uid"]) if live else None

    def _judge(self, workload: Ref) -> Cause | None:
        name = workload.short
        if name in self.arrived and workload.kind in FINISHED_FOR_GOOD:
            return None
        now = self._clock.monotonic()
        since = self._since.get(name, {})
        found = verdict(workload, self.observed, now=now, since=since, limits=self._limits)
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
            self._say(f"{name}: {found.missing}")
        return None

    def _heartbeat(self) -> None:
        now = self._clock.monotonic()
        if now - self._said_at >= HEARTBEAT:
            waiting = [f"{name}: {state.missing}" for name, state in self._missing.items() if name not in self.arrived]
            self._say(f"still waiting after {now - self._started:.0f} s for {'; '.join(waiting)}")

    def _say(self, text: str) -> None:
        self._said_at = self._clock.monotonic()
        self._reporter.info(text)


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
