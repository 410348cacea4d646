"""Reading and writing the ledger of an environment."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from plimsoll.domain import ledger as book
from plimsoll.domain.ledger_lines import LINES_KEY, UNREADABLE, merged, page_of
from plimsoll.domain.ledger_manifests import RELEASE_LABEL, chunk_count, chunk_object, pack, unpack
from plimsoll.domain.release import State
from plimsoll.domain.release_moves import rewrite_problem
from plimsoll.errors import EnvironmentLacks, Failed

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
        pieces, digest = pack(manifests)
        for index, piece in enumerate(pieces):
            chunk = chunk_object(release, self._application, index, piece)
            if not self._written(chunk, create=True):
                # A deploy that was killed before it wrote its record left this piece behind; no record speaks of it.
                self._cluster.delete(CONFIG_MAP, chunk["metadata"]["name"], book.NAMESPACE)
                self._created(chunk)
        self._created(book.record_object(release, self._application, chunks=len(pieces), digest=digest))

    def move(self, release: Release) -> None:
        """Write the record's next state, and what its deploy found out.

        Raise Failed for what a record does not become any more (`release_moves`), and when somebody else wrote it meanwhile.
        """
        found = self._record(release)
        try:
            problem = rewrite_problem(book.read_record(found), release)
        except UNREADABLE as error:
            raise self._unreadable(release, str(error)) from error
        if problem:
            raise self._closed(release, problem)
        body = json.loads(found["data"][book.RECORD_KEY])
        found["data"][book.RECORD_KEY] = json.dumps({**body, **release.to_record()}, sort_keys=True, ensure_ascii=False)
        if not self._written(found):
            raise self._unreadable(release, "somebody else wrote it at the same time")

    def manifests(self, release: Release) -> tuple[Manifest, ...]:
        """Return what a release applied; raise Failed when that is no longer whole."""
        if release.compacted:
            raise self._unreadable(release, "only a line of it is kept, for it is older than those that are kept whole")
        record = self._record(release)
        try:
            count = chunk_count(record)
            names = [f"{self._application}-{release.name}.{index}" for index in range(count)]
            return unpack(record, [self._cluster.get(CONFIG_MAP, name, book.NAMESPACE) for name in names])
        except (KeyError, ValueError, OSError, EOFError) as error:
            raise self._unreadable(release, str(error)) from error

    def trim(self, history: book.History, keep: int) -> None:
        """Keep whole what may be gone back to: the newest `keep` releases that were verified, and the newest `keep` of all.

        Of the others a line stays, written before the record goes: whenever this is cut off, the next time goes on.
        """
        outdated = history.outdated(keep)
        for page in sorted({page_of(release) for release in outdated}):
            self._write_lines(page, [release for release in outdated if page_of(release) == page])
        for release in outdated:
            self._cluster.delete(CONFIG_MAP, f"{self._application}-{release.name}", book.NAMESPACE)
        gone = {release.name for release in outdated}
        kept = {release.name for release in history.releases if not release.compacted and release.name not in gone}
        kept |= {name.removeprefix(f"{self._application}-") for name in history.damaged}
        labels = book.selector(self._application, self._environment, "manifests")
        for chunk in self._cluster.list(CONFIG_MAP, book.NAMESPACE, labels=labels):
            if chunk["metadata"]["labels"].get(RELEASE_LABEL) not in kept:
                self._cluster.delete(CONFIG_MAP, chunk["metadata"]["name"], book.NAMESPACE)

    def _write_lines(self, page: int, releases: Sequence[Release]) -> None:
        found = self._cluster.get(CONFIG_MAP, book.page_name(self._application, self._environment, page), book.NAMESPACE)
        present = str(((found or {}).get("data") or {}).get(LINES_KEY) or "")
        wanted = book.page_object(self._application, self._environment, page, merged(present.splitlines(), releases))
        if found is not None:
            wanted["metadata"] |= {name: found["metadata"][name] for name in ("resourceVersion", "uid")}
        if not self._written(wanted, create=found is None):
            raise self._closed(releases[0], "somebody else writes the lines of old releases at the same time")

    def _record(self, release: Release) -> dict[str, Any]:
        found = self._cluster.get(CONFIG_MAP, f"{self._application}-{release.name}", book.NAMESPACE)
        if found is None:
            raise self._unreadable(release, "it is gone")
        return found

    def _written(self, manifest: Manifest, *, create: bool = False) -> bool:
        """Write an object, and tell whether it stands; False when somebody else was first."""
        try:
            return self._cluster.write(manifest, create=create) is not None
        except EnvironmentLacks:
            # The answer is lost, the write may not be: under the lock nobody else writes this very content.
            found = self._cluster.get(CONFIG_MAP, manifest["metadata"]["name"], book.NAMESPACE)
            if found is None or any(found.get(part) != manifest.get(part) for part in ("data", "binaryData")):
                raise
            return True

    def _created(self, manifest: Manifest) -> None:
        if not self._written(manifest, create=True):
            raise Failed(
                f"the ledger has a record {manifest['metadata']['name']} already",
                where=f"namespace {book.NAMESPACE}",
                now="another deploy or another application wrote it; look with `inv history`, then deploy again",
                code="ledger-taken",
            )

    def _closed(self, release: Release, why: str) -> Failed:
        return Failed(
            f"the record of {release.name} stays as it is: {why}",
            where=f"ConfigMap {self._application}-{release.name} in the namespace {book.NAMESPACE}",
            now="look with `inv history` what happened there, then deploy again",
            code="record-closed",
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
    """Close what a killed deploy or rollback left unfinished, and say so. Call under the lock: then nobody works on it.

    One that had passed its smoke test, and stands in the cluster, gets the verdict that it earned; any other one has failed.
    """
    for release in history.unfinished:
        now = clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        work = "rollback" if release.rollback_of else "deploy"
        if release.state is State.APPLIED and release.proven and release == history.standing:
            prove(ledger, history, release, finished_at=release.finished_at or now)
            reporter.warn(f"{release.name} had passed its smoke test when its {work} was cut off: recorded as verified")
            continue
        cause = f"its {work} was killed or cut off before it ended; found and closed on {now}"
        state = State.ROLLBACK_FAILED if release.rollback_of else State.FAILED
        ledger.move(release.moved(state, cause=cause, finished_at=now))
        reporter.warn(
            f"{release.name} was left unfinished ({release.state}) by {release.actor}: recorded as {state}, going on from there"
        )
    if history.damaged:
        reporter.warn(f"records that cannot be read: {', '.join(history.damaged)} (namespace {book.NAMESPACE})")
    return ledger.history() if history.unfinished else history


def prove(
    ledger: Ledger, history: book.History, release: Release, *, finished_at: str, old_state: State | None = None
) -> Release:
    """Mark a release that has passed its smoke test as verified, and return it; what was verified before becomes `old_state`.

    Three writes, in this order: that it has passed; the old record, so that at no instant two are verified; the verdict. Whoever
    is killed in between leaves a record that says how to go on (`repair`). Without `old_state` it follows from the record.
    """
    if not release.proven:
        release = replace(release, proven=True, finished_at=finished_at)
        ledger.move(release)
    for old in history.releases:
        if old.verified:
            left = State.ROLLED_BACK if release.rollback_of == old.name else State.SUPERSEDED
            ledger.move(old.moved(old_state or left))
    verified = release.moved(State.VERIFIED, finished_at=finished_at)
    ledger.move(verified)
    return verified
