"""Holding an environment: acquire, release, break, and refuse those who would release to it meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.domain import hold as rules
from plimsoll.domain import hold_record as record
from plimsoll.domain.ledger import NAMESPACE
from plimsoll.domain.lock import LockHeld
from plimsoll.errors import Failed
from plimsoll.workflows.lock import ensure_namespace, holder_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from typing import Any

    from plimsoll.domain.hold import Hold, HoldBook, LockReport
    from plimsoll.ports import Cluster
    from plimsoll.workflows.site import Site

CONFIG_MAP = "v1/ConfigMap"
# Who loses against another writer reads again and judges anew; more often than this is no coincidence.
ATTEMPTS = 5


class Holds:
    """The hold of one environment. `server_time` returns the present time by the API server's clock."""

    def __init__(self, cluster: Cluster, server_time: Callable[[], datetime], application: str, environment: str) -> None:
        self._cluster = cluster
        self._server_time = server_time
        self._application = application
        self._environment = environment

    def refuse(self) -> None:
        """Return when nobody holds the environment; raise LockHeld naming actor, reason and end otherwise."""
        book = record.read_book(self._found())
        if book.damaged:
            raise rules.unreadable(self._environment)
        if book.hold is not None and book.hold.active(self._server_time()):
            raise rules.held(book.hold, self._environment)

    def current(self) -> Hold | None:
        """Return the hold that is in force, None without one."""
        book = record.read_book(self._found())
        return None if book.hold is None else book.current(self._server_time())

    def report(self, task: str) -> LockReport:
        """Return hold, events, and who works in the environment now."""
        return self._report(task, record.read_book(self._found()), self._server_time())

    def acquire(self, actor: str, reason: str, duration: str) -> LockReport:
        """Hold the environment. Of several who try at once exactly one does; the others get LockHeld.

        A release that is under way already goes on, and stands in the report.
        """
        rules.wanted(actor, reason, duration, self._server_time())
        ensure_namespace(self._cluster)
        return self._change(
            "acquire", lambda book, now: book.acquired(rules.wanted(actor, reason, duration, now), self._environment)
        )

    def release(self, actor: str) -> LockReport:
        """End the hold of `actor`. Raise Failed without one, Misconfigured when it is somebody else's."""
        return self._change("release", lambda book, now: book.released(actor, now, self._environment))

    def end(self, actor: str, reason: str) -> LockReport:
        """End the hold whoever's it is, in the name of `actor`. Raise Failed when there is none."""
        told = rules.checked_reason(reason)
        return self._change("break", lambda book, now: book.broken(actor, told, now, self._environment))

    def _change(self, task: str, change: Callable[[HoldBook, datetime], HoldBook]) -> LockReport:
        for _ in range(ATTEMPTS):
            found = self._found()
            now = self._server_time()
            book = change(record.read_book(found), now)
            manifest = record.book_object(book, self._application, self._environment, replaced=found)
            if self._cluster.write(manifest, create=found is None) is not None:
                return self._report(task, book, now)
        raise Failed(
            f"the hold of {self._environment} could not be written: somebody else keeps changing it",
            where=f"ConfigMap {record.name_of(self._application, self._environment)} in the namespace {NAMESPACE}",
            now=f"look at `inv lock.status --env {self._environment}` and try again",
            code="hold-contested",
        )

    def _report(self, task: str, book: HoldBook, now: datetime) -> LockReport:
        holder = holder_of(self._cluster, self._application, self._environment)
        return rules.LockReport(task=task, environment=self._environment, now=now, book=book, under_way=holder)

    def _found(self) -> dict[str, Any] | None:
        return self._cluster.get(CONFIG_MAP, record.name_of(self._application, self._environment), NAMESPACE)


def remark(site: Site) -> tuple[str, ...]:
    """Return what `status` says about a hold: nothing, or one line."""
    try:
        site.holds.refuse()
    except LockHeld as held:
        return (held.what,)
    except Failed as damaged:
        return (f"{damaged.what}; {damaged.now}",)
    return ()
