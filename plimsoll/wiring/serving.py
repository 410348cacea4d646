"""Composition of what is asked of an environment that serves: smoke test, logs and addresses."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from plimsoll import wiring
from plimsoll.domain.outcome import Address, LogLines, SmokeReport
from plimsoll.domain.project import duration_flag
from plimsoll.errors import Misconfigured
from plimsoll.wiring.releases import http, site

if TYPE_CHECKING:
    from plimsoll.domain.project import Environment
    from plimsoll.ports import Reporter


def smoke(name: str | None, url: str | None, reporter: Reporter) -> SmokeReport:
    """Ask the routes of the smoke test at `url`, or at the environment called `name` (default: local)."""
    from plimsoll.adapters.signals import SignalStop
    from plimsoll.workflows.smoke import require_passed
    from plimsoll.workflows.smoke import smoke as workflow

    if name and url:
        raise Misconfigured("--env and --url name two addresses", where="inv smoke", now="give one of them", code="flags")
    project = wiring.project()
    there = None if url else site(wiring.environment(name or "local"), reporter)
    target = there.smoke_url if there else str(url)
    client = there.http if there else http()
    timeout = project.rollout.smoke_timeout
    with reporter.step(f"asking {target}"):
        results = workflow(target, project.smoke, http=client, clock=wiring.clock(), timeout=timeout, stop=SignalStop(reporter))
    report = SmokeReport(url=target, checks=results)
    require_passed(results, target, report=report)
    return report


def logs(name: str, service: str | None, since: str, *, follow: bool) -> LogLines:
    """Return what the pods of an environment say: of one service, or of all."""
    environment = wiring.environment(name)
    project = wiring.project()
    if service is not None and service not in project.services:
        from plimsoll.config import unknown

        raise unknown("service", service, project.services, where=f"{wiring.SETTINGS_FILE}, [services]")
    seconds = duration_flag(since, flag="--since", now="write 10m, 2h or 1d")
    there = site(environment, wiring.output().reporter)
    there.guard()
    # The namespace is the environment's own: without a service, all of its pods are meant.
    labels = f"app.kubernetes.io/name={service}" if service else ""
    lines = there.logs.follow(environment.namespace, labels, since=seconds, follow=follow)
    return LogLines(environment=environment.name, lines=lines)


def address(name: str, *, browse: bool) -> Address:
    """Return where the environment called `name` is reached; with `browse`, tell a browser when a person sits here."""
    environment = wiring.environment(name)
    url = _address(environment)
    return Address(environment=environment.name, url=url, opened=browse and _opened(url))


def _address(environment: Environment) -> str:
    if environment.address is None:
        raise Misconfigured(
            f"{environment.name} has no address",
            where=f"{wiring.SETTINGS_FILE}, [environments.{environment.name}]",
            now="set `url`, or `port` and `node_port` on the local cluster",
            code="no-address",
        )
    return environment.address


def _opened(url: str) -> bool:
    from plimsoll.adapters.browser import show

    return sys.stdout.isatty() and show(url)
