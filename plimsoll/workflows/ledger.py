"""Reading and writing the ledger of an environment."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from plimsoll.domain import ledger as book
from plimsoll.domain.release import State
from plimsoll.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plimsoll.domain.manifests import Manifest
    from plimsoll.domain.release import Release
    from plimsoll.ports import Clock, Cluster, Reporter

CONFIG_MAP = "v1/ConfigMap"


class Ledger:
    """The releases of one environment, kept in the cluster that they run on."""

    def __init__(self, cluster: Cluster, application: str, environment: str) -> None:
        self._cluster = cluster
        self._application = application
        self._environment = environment

    def under(self, cluster: Cluster) -> Ledger:
        """Return the same ledger, written through another way to the same cluster (under the lock)."""
        return Ledger(cluster, self._application, self._environment)

    def history(self) -> book.History:
        """Return all records; those that cannot be read are named in it."""
        labels = book.selector(self._application, self._environment, "record")
        return book.read_history(self._cluster.list(CONFIG_MAP, book.NAMESPACE, labels=labels))

    def append(self, release: Release, manifests: Sequence[Manifest]) -> None:
        """Write a new record and its manifests; raise Failed when the number is taken."""
        pieces, digest = book.pack(manifests)
        for index, piece in enumerate(pieces):
            chunk = book.chunk_object(release, self._application, index, piece)
            if self._cluster.write(chunk, create=True) is None:
                # A deploy that was killed before it wrote its record left this piece behind; no record speaks of it.
                self._cluster.delete(CONFIG_MAP, chunk["metadata"]["name"], book.NAMESPACE)
                self._created(chunk)
        self._created(book.record_object(release, self._application, chunks=len(pieces), digest=digest))

    def move(self, release: Release) -> None:
        """Write the record's next state; raise Failed when somebody else wrote it meanwhile."""
        found = self._record(release)
        body = json.loads(found["data"][book.RECORD_KEY])
        found["data"][book.RECORD_KEY] = json.dumps({**body, **release.to_record()}, sort_keys=True, ensure_ascii=False)
        if self._cluster.write(found) is None:
            raise self._unreadable(release, "somebody else wrote it at the same time")

    def manifests(self, release: Release) -> tuple[Manifest, ...]:
        """Return what a release applied; raise Failed when that is no longer whole."""
        record = self._record(release)
        try:
            count = book.chunk_count(record)
            names = [f"{self._application}-{release.name}.{index}" for index in range(count)]
            return book.unpack(record, [self._cluster.get(CONFIG_MAP, name, book.NAMESPACE) for name in names])
        except (KeyError, ValueError, OSError, EOFError) as error:
            raise self._unreadable(release, str(error)) from error

    def trim(self, history: book.History, keep: int) -> None:
        """Throw away the manifests of releases older than the newest `keep` that were verified; the records stay."""
        kept = {release.name for release in (*history.kept(keep), *history.releases[-keep:])}
        labels = book.selector(self._application, self._environment, "manifests")
        for chunk in self._cluster.list(CONFIG_MAP, book.NAMESPACE, labels=labels):
            if chunk["metadata"]["labels"].get(book.RELEASE_LABEL) not in kept:
                self._cluster.delete(CONFIG_MAP, chunk["metadata"]["name"], book.NAMESPACE)

    def _record(self, release: Release) -> dict[str, Any]:
        found = self._cluster.get(CONFIG_MAP, f"{self._application}-{release.name}", book.NAMESPACE)
        if found is None:
            raise self._unreadable(release, "it is gone")
        return found

    def _created(self, manifest: Manifest) -> None:
        if self._cluster.write(manifest, create=True) is None:
            raise Failed(
                f"the ledger has a record {manifest['metadata']['name']} already",
                where=f"namespace {book.NAMESPACE}",
                now="another deploy or another application wrote it; look with `inv history`, then deploy again",
                code="ledger-taken",
            )

    def _unreadable(self, release: Release, why: str) -> Failed:
        return Failed(
            f"the record of {release.name} cannot be used: {why}",
            where=f"ConfigMap {self._application}-{release.name} in the namespace {book.NAMESPACE}",
            now="choose another release (`inv history`)",
            code="record-damaged",
        )


def unprove(ledger: Ledger, history: book.History) -> None:
    """Mark what was verified as superseded: a rollback failed, and what runs now is proven by nobody."""
    for old in history.releases:
        if old.verified:
            ledger.move(old.moved(State.SUPERSEDED))


def repair(ledger: Ledger, history: book.History, clock: Clock, reporter: Reporter) -> book.History:
    """Close what a killed deploy or rollback left unfinished, and say so. Call under the lock: then nobody works on it."""
    for release in history.unfinished:
        now = clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        work = "rollback" if release.rollback_of else "deploy"
        cause = f"its {work} was killed or cut off before it ended; found and closed on {now}"
        state = State.ROLLBACK_FAILED if release.rollback_of else State.FAILED
        ledger.move(release.moved(state, cause=cause, finished_at=now))
        reporter.warn(
            f"{release.name} was left unfinished ({release.state}) by {release.actor}: recorded as {state}, going on from there"
        )
    if history.damaged:
        reporter.warn(f"records that cannot be read: {', '.join(history.damaged)} (namespace {book.NAMESPACE})")
    return ledger.history() if history.unfinished else history
