"""Carrying out one record: wave by wave, waited for, smoked, marked verified, and what is left over pruned.

Deploys and rollbacks share this; they differ in what they apply and in what they do when it fails.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from plimsoll import __version__
from plimsoll.domain.inventory import PARENT_KIND, is_listed, parent
from plimsoll.domain.ledger import NAMESPACE, stem
from plimsoll.domain.manifests import autoscaled, ref
from plimsoll.domain.migration import one_way
from plimsoll.domain.pruning import Pruning, holds_data, prunes, spared
from plimsoll.domain.release import State
from plimsoll.domain.rollout_limits import limits_from, limits_of
from plimsoll.errors import Bug, EnvironmentLacks, Failed, Interrupted, PlimsollError
from plimsoll.workflows import secrets
from plimsoll.workflows.apply import REQUEST_TIMEOUT, apply, prune, renew_jobs
from plimsoll.workflows.deploy_observe import owned
from plimsoll.workflows.ledger import prove
from plimsoll.workflows.settle import settle
from plimsoll.workflows.smoke import require_passed, smoke
from plimsoll.workflows.smoke_failure import smoke_failure
from plimsoll.workflows.stuck_pods import free_held_back_pods, free_stuck_pods
from plimsoll.workflows.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from plimsoll.domain.ledger import History
    from plimsoll.domain.manifests import Conflict, Manifest, Ref
    from plimsoll.domain.plan import Migration, Wave
    from plimsoll.domain.release import Release
    from plimsoll.workflows.site import Site

SHORTEST_WAIT = 2.0
TITLES = {
    "foundation": "applying namespace, rights, configuration and policies",
    "data": "bringing up data stores",
    "migration": "migrating the database",
    "workloads": "rolling out workloads",
}


def told_of(error: Exception) -> PlimsollError:
    """Return `error` as what work that began to write ends with: exit 1, 4 or 130. An unexpected one is our own mistake."""
    if isinstance(error, (Failed, EnvironmentLacks, Interrupted)):
        return error
    if isinstance(error, PlimsollError):
        return Failed(error.what, where=error.where, now=error.now, code=error.code, report=error.report)
    return Bug(f"{type(error).__name__}: {error}")


class Rollout:
    """One record on its way to `verified`: `release` is the record as it stands, `wrote` whether the environment was touched."""

    def __init__(
        self,
        site: Site,
        release: Release,
        objects: Sequence[Manifest],
        *,
        waves: Sequence[Wave],
        migration: Migration,
        take_over: bool,
        budget: float,
        pruning: Pruning | None = None,
    ) -> None:
        """Prepare; `budget` are the seconds for all waits together, `pruning` says how far `tidy` goes (None: by settings)."""
        self.site = site
        self.release = replace(release, one_way=one_way(objects))
        self.wrote = False
        self.taken_over: list[Conflict] = []
        self._objects = {ref(each): each for each in objects}
        self._waves = waves
        self._migration = migration
        self._take_over = take_over
        self._pruning = pruning or Pruning(keep=site.project.rollout.keep_configurations)
        self._deadline = site.clock.monotonic() + budget

    def begin(self) -> None:
        """Write the record, pending, with the manifests that are about to be applied."""
        self.site.ledger.append(self.release, list(self._objects.values()))

    def run(self) -> None:
        """Apply and await every wave, then mark the record applied; raise Failed with the reason when one does not come up."""
        namespace = self.site.environment.namespace
        waves: dict[str, list[Wave]] = {}
        for each in self._waves:
            waves.setdefault(each.name, []).append(each)
        self._enlist()
        with self._timed("foundation"):
            for wave in waves.get("foundation") or (None,):
                self._apply(wave)
                if wave and wave.waits:
                    # Definitions: what they define is applied later.
                    self._wait(wave)
            specs = self.site.project.secrets.values()
            secrets.ensure(self.site.cluster, namespace, specs, part_of=self.site.project.name)
            hashes = secrets.hashes(self.site.cluster, namespace, specs, secrets.new_salt())
            self.release = replace(self.release, secrets=hashes)
        for name in ("data", "migration", "workloads"):
            if name == "workloads":
                self._note_schema()
            if name in waves:
                with self._timed(name):
                    for wave in waves[name]:
                        self._free(wave)
                        self._apply(wave)
                        self._wait(wave)
        self._move(State.APPLIED)

    def verify(self, history: History, *, old_state: State) -> None:
        """Smoke the release; mark it verified and the one before `old_state`. Raise Failed when a check does not pass."""
        if self.site.project.smoke:
            with self._timed("smoke", f"asking {self.site.smoke_url}"):
                self._smoke()
        self.release = prove(self.site.ledger, history, self.release, finished_at=self.site.now(), old_state=old_state)

    def confirm(self) -> None:
        """Raise Failed when what runs already is not ready, or does not pass the smoke test. Nothing is applied or recorded."""
        for wave in self._waves:
            self._free(wave)
            self._wait(wave)
        if self.site.project.smoke:
            self._smoke()

    def tidy(self) -> None:
        """Prune what is no part of the verified release, and manifests of releases too old to go back to.

        The release is verified by now: what goes wrong here is a warning, and the next release tries again.
        """
        try:
            self._prune()
        except PlimsollError as error:
            self.site.reporter.warn(f"leftovers of earlier releases stay for now: {error.what}")

    def _prune(self) -> None:
        ledger = self.site.ledger
        history = ledger.history()
        objects = list(self._objects.values())
        ours = owned(self.site, objects, history)
        data = frozenset(each for each, live in ours.items() if holds_data(live))
        gone = prune(self.site, prunes(objects, frozenset(ours), history, data=data, pruning=self._pruning), ours)
        if gone:
            self.site.reporter.info(f"removed {', '.join(each.short for each in gone)}")
        if stay := spared(objects, frozenset(ours), history, data=data, pruning=self._pruning):
            names = ", ".join(each.short for each in stay)
            self.site.reporter.info(f"{names} stays although it is no part of it any more, for it holds data (--allow-data-loss)")
        members = {each for each, live in ours.items() if is_listed(live)} - set(gone)
        self._write_parent(members | self._objects.keys())
        ledger.trim(history, self.site.project.rollout.keep_releases)

    def end(self, state: State, cause: str) -> None:
        """Close the record as failed. What follows brings things in order, and does not stop at a first signal."""
        self.site.stop.ignore()
        self._move(state, cause=cause, finished_at=self.site.now(), untouched=not self.wrote)

    def _apply(self, wave: Wave | None) -> None:
        self.site.stop.check()
        self.site.guard()
        self.wrote = True
        objects = [self._objects[each] for each in wave.applies] if wave else []
        if wave and wave.name == "migration":
            renew_jobs(self.site, objects)
        floors = autoscaled(list(self._objects.values()))
        self.taken_over += apply(self.site, objects, take_over=self._take_over, floors=floors)

    def _enlist(self) -> None:
        """Have the inventory's parent name all kinds that are about to be in it, beside those that still are."""
        project, environment = self.site.project.name, self.site.environment.name
        self._write_parent(self._objects, self.site.cluster.get(PARENT_KIND, stem(project, environment), NAMESPACE))

    def _write_parent(self, members: Iterable[Ref], before: Mapping[str, Any] | None = None) -> None:
        project, environment = self.site.project.name, self.site.environment.name
        found = parent(project, environment, members, tooling=f"plimsoll/v{__version__}", before=before)
        self.site.cluster.apply(found, force=True, timeout=REQUEST_TIMEOUT)

    def _free(self, wave: Wave) -> None:
        """Do this before anything of the wave is applied: what fails from then on is the release's own failure."""
        if freed := free_held_back_pods(self.site, [self._objects[each] for each in wave.waits]):
            self.site.reporter.info(f"deleted {', '.join(freed)}: failed earlier, and would wait before trying again")

    def _wait(self, wave: Wave) -> None:
        objects = [self._objects[each] for each in wave.waits]
        if freed := free_stuck_pods(self.site, objects):
            self.site.reporter.info(f"deleted {', '.join(freed)}: not ready, and of a revision that is gone")
        limits = limits_from(self.site.project.rollout)
        own = {ref(each): limits_of(each, limits) for each in objects}
        specs = self.site.project.secrets.values()
        started = self.site.clock.monotonic()
        wait_for(
            wave.waits,
            cluster=self.site.cluster,
            logs=self.site.logs,
            clock=self.site.clock,
            reporter=self.site.reporter,
            stop=self.site.stop,
            # What is there already needs a moment to be seen, even when all the time was used up.
            timeout=max(self._deadline - self.site.clock.monotonic(), SHORTEST_WAIT),
            limits=limits,
            own=own,
            environment=self.site.environment.name,
            hide=secrets.hider(self.site.cluster, self.site.environment.namespace, specs),
        )
        if any(each.timeout for each in own.values()):
            # Workloads with a time-out of their own do not use up what is left for the others.
            self._deadline += self.site.clock.monotonic() - started

    def _smoke(self) -> None:
        settle(self.site)
        results = smoke(
            self.site.smoke_url,
            self.site.project.smoke,
            http=self.site.http,
            clock=self.site.clock,
            timeout=self.site.project.rollout.smoke_timeout,
            stop=self.site.stop,
        )
        self.release = replace(self.release, smoke=results)
        require_passed(results, self.site.smoke_url, report=smoke_failure(self.site, results))

    def _note_schema(self) -> None:
        """Note in the record that the database of this very namespace has reached the schema, before workloads rely on it."""
        found = self.site.cluster.get("v1/Namespace", self.site.environment.namespace)
        if found is not None and self.release.schema is not None:
            self.release = replace(self.release, migrated=str(found["metadata"]["uid"]))
            self.site.ledger.move(self.release)

    def _move(self, state: State, **changes: object) -> None:
        moved = self.release.moved(state, **changes)
        self.site.ledger.move(moved)
        self.release = moved

    @contextmanager
    def _timed(self, name: str, title: str = "") -> Iterator[None]:
        started = self.site.clock.monotonic()
        try:
            with self.site.reporter.step(title or TITLES[name]):
                yield
        finally:
            seconds = self.site.clock.monotonic() - started
            self.release = replace(self.release, timings={**self.release.timings, name: seconds})
