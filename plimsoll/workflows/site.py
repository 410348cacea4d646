"""One environment, and all that releasing to it needs from the world."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from plimsoll.domain.lock import Holder
from plimsoll.errors import Misconfigured
from plimsoll.workflows.hold import Holds
from plimsoll.workflows.ledger import Ledger
from plimsoll.workflows.lock import DeployLock, Fenced

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from plimsoll.domain.project import Environment, Project
    from plimsoll.ports import Clock, Cluster, Http, PodLogs, Reporter, Stop


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who releases, and from where: `run` is the URL of a CI run, `token` makes this process different from all others."""

    name: str
    host: str
    pid: int
    token: str
    run: str | None = None

    def holder(self, purpose: str) -> Holder:
        """Return the holder of a lock for `purpose`."""
        return Holder(actor=self.name, host=self.host, pid=self.pid, token=self.token, purpose=purpose, run=self.run or "")


@dataclass(frozen=True, kw_only=True)
class Site:
    """An environment of a project with its cluster, and what the release engine works with there.

    `guard` raises Misconfigured when the cluster is not the one that the environment means. `server_time` returns the present
    time by the API server's clock.
    """

    project: Project
    environment: Environment
    cluster: Cluster
    guard: Callable[[], None]
    server_time: Callable[[], datetime]
    logs: PodLogs
    http: Http
    clock: Clock
    reporter: Reporter
    stop: Stop
    actor: Actor

    @property
    def ledger(self) -> Ledger:
        """The records of this environment."""
        return Ledger(self.cluster, self.project.name, self.environment.name)

    @property
    def holds(self) -> Holds:
        """The hold of this environment."""
        return Holds(self.cluster, self.server_time, self.project.name, self.environment.name)

    def refuse_hold(self) -> None:
        """Raise LockHeld while somebody holds the environment, before anything is built, scanned, pushed or asked for it."""
        self.guard()
        self.holds.refuse()

    @property
    def smoke_url(self) -> str:
        """Where the smoke test asks: the environment's address, otherwise its Service through the API server."""
        return self.environment.address or f"service://{self.environment.namespace}"

    def lock(self, purpose: str) -> DeployLock:
        """Return the environment's lock, not yet taken."""
        holder, names = self.actor.holder(purpose), (self.project.name, self.environment.name)
        return DeployLock(self.cluster, self.clock, holder, *names, refuse=self.holds.refuse)

    def under(self, lock: DeployLock) -> Site:
        """Return the site with a cluster that writes only while `lock` is held, and never again once the guard has refused it."""

        def guard() -> None:
            try:
                self.guard()
            except Misconfigured as refused:
                lock.forbid(refused.what)
                raise

        return replace(self, cluster=Fenced(self.cluster, lock, self.stop), guard=guard)

    def now(self) -> str:
        """Return the present time as records keep it: RFC 3339, UTC, whole seconds."""
        return self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
