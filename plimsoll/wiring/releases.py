"""Composition of plan, deploy, rollback, status and history."""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from plimsoll import wiring
from plimsoll.domain.gate import reason_problem
from plimsoll.domain.lock import DEFAULT_WAIT
from plimsoll.domain.promotion import proving_environment, refuse
from plimsoll.errors import Misconfigured
from plimsoll.wiring import approval, candidates, notify, plans
from plimsoll.wiring import gate as gates
from plimsoll.workflows.site import Actor, Site

if TYPE_CHECKING:
    from plimsoll.domain.ledger import History
    from plimsoll.domain.outcome import DeployResult, HistoryResult, RollbackResult, StatusResult
    from plimsoll.domain.plan_file import SavedPlan
    from plimsoll.domain.plan_report import PlanResult
    from plimsoll.domain.project import Environment
    from plimsoll.ports import Http, Reporter
    from plimsoll.workflows.deploy_plan import DeployRequest


@dataclass(frozen=True, kw_only=True)
class Options:
    """The flags of `inv deploy` and `inv plan`. `plan` and `approval` are files, `break_glass` is a reason."""

    version: str | None = None
    dry_run: bool = False
    yes: bool = False
    take_over: bool = False
    allow_data_loss: bool = False
    wait_lock: int = DEFAULT_WAIT
    plan: str | None = None
    approval: str | None = None
    break_glass: str | None = None

    def __post_init__(self) -> None:
        """Refuse flags that contradict each other."""
        if self.approval and not self.plan:
            raise Misconfigured("an approval is of a saved plan", where="--approval", now="name it with --plan", code="flags")
        if self.break_glass is not None and (problem := reason_problem(self.break_glass)):
            raise Misconfigured(problem, where="--break-glass", now="the reason stands in the record for good", code="flags")
        if self.plan and (self.version or self.take_over or self.allow_data_loss):
            raise Misconfigured(
                "the plan says itself what is released and how",
                where="--plan",
                now="leave out --version, --take-over and --allow-data-loss, or make another plan with them",
                code="flags",
            )


def site(environment: Environment, reporter: Reporter) -> Site:
    """Return one environment with its cluster and all that releasing to it needs; nothing is asked of the cluster yet."""
    from plimsoll.adapters.kube_clock import server_time
    from plimsoll.adapters.kube_logs import KubePodLogs
    from plimsoll.adapters.kube_service import ServiceHttp
    from plimsoll.adapters.signals import SignalStop
    from plimsoll.wiring import cluster as clusters

    connected = clusters.connect(environment, reporter)
    return Site(
        project=wiring.project(),
        environment=environment,
        cluster=connected.cluster,
        guard=connected.guard,
        server_time=lambda: server_time(connected.cluster.connection),
        logs=KubePodLogs(connected.cluster),
        http=http() if environment.address else ServiceHttp(connected.cluster, environment.namespace),
        clock=wiring.clock(),
        reporter=reporter,
        stop=SignalStop(reporter),
        actor=actor(),
    )


def actor() -> Actor:
    """Return who is at work here: as git or the CI system knows them, with this process."""
    from plimsoll.adapters.git import Git

    name = Git(wiring.root()).actor()
    return Actor(name=name, host=socket.gethostname(), pid=os.getpid(), token=secrets.token_hex(4), run=_run())


def deploy(name: str | None, options: Options, reporter: Reporter) -> DeployResult:
    """Deploy the images of the present source, of a recorded release, or a saved plan exactly as it is.

    `name` is the environment's (default: that of the plan, otherwise `local`).
    """
    from plimsoll.workflows.deploy import deploy as workflow

    saved = plans.read(options.plan, name) if options.plan else None
    environment = wiring.environment(saved.environment if saved else name or "local")
    there = site(environment, reporter)
    request = _request(environment, options, reporter, saved)
    taking = gates.opened(environment, options.break_glass)
    parts = candidates.supply(taking, reporter, recorded=bool(saved.version if saved else options.version))
    approve = approval.of_deploy(environment, there.actor, saved=saved, file=options.approval, yes=options.yes)
    run = partial(workflow, request, there, parts, approve=approve)
    return notify.telling("deploy", environment, there.actor, reporter, run)


def plan(name: str, options: Options, reporter: Reporter, *, save: str | None, lasts: str) -> PlanResult:
    """Return what a deploy to the environment called `name` would do; write it into the file `save`, where one is named.

    `lasts` says how long the file holds (`24h`).
    """
    from plimsoll.workflows.deploy_plan import show_plan

    environment = wiring.environment(name)
    there = site(environment, reporter)
    request = _request(environment, options, reporter, None)
    parts = candidates.supply(environment, reporter, recorded=bool(options.version))
    result = show_plan(request, there, parts)
    if save is None:
        return result
    flags = {"take_over": options.take_over, "data_loss": options.allow_data_loss}
    return plans.save(
        result, save, lasts=lasts, version=options.version, options=flags, actor=there.actor.name, reporter=reporter
    )


def require_accepted(result: PlanResult) -> None:
    """Raise what a deploy would end with, when it would refuse this plan."""
    refuse(result.plan.refusals, report=result)


def _request(environment: Environment, options: Options, reporter: Reporter, saved: SavedPlan | None) -> DeployRequest:
    from plimsoll.workflows.deploy_plan import DeployRequest

    proving = proving_environment(wiring.project(), environment)

    def history_of(place: Environment) -> History:
        found = site(place, reporter)
        found.guard()
        return found.ledger.history()

    if saved is not None:
        candidate = saved.candidate
    elif options.version:
        candidate = candidates.recorded(options.version, environment, history_of)
    else:
        candidate = candidates.present(environment, reporter)
    return DeployRequest(
        candidate=candidate,
        proven=None if proving is None else history_of(proving),
        terms=gates.terms(environment, candidate, broken=options.break_glass),
        saved=saved,
        attested=options.approval is not None,
        dry_run=options.dry_run,
        take_over=saved.options.get("take_over", False) if saved else options.take_over,
        data_loss=saved.options.get("data_loss", False) if saved else options.allow_data_loss,
        wait_lock=options.wait_lock,
    )


def rollback(name: str, to: str | None, reporter: Reporter, *, yes: bool, wait_lock: int) -> RollbackResult:
    """Bring back a verified release of the environment called `name`."""
    from plimsoll.workflows.rollback import RollbackRequest
    from plimsoll.workflows.rollback import rollback as workflow

    environment = wiring.environment(name)
    request = RollbackRequest(to=to, wait_lock=wait_lock)
    approve = approval.of_rollback(environment, yes=yes)
    there = site(environment, reporter)
    run = partial(workflow, request, there, approve=approve)
    return notify.telling("rollback", environment, there.actor, reporter, run)


def status(name: str, reporter: Reporter) -> StatusResult:
    """Return the release of the environment called `name`."""
    from plimsoll.workflows.status import status as workflow

    return workflow(site(wiring.environment(name), reporter))


def history(name: str, reporter: Reporter) -> HistoryResult:
    """Return the releases of the environment called `name`."""
    from plimsoll.workflows.status import history as workflow

    return workflow(site(wiring.environment(name), reporter))


def http() -> Http:
    """Return what asks an address over HTTP."""
    from plimsoll.adapters.http import UrllibHttp

    return UrllibHttp()


def _run() -> str | None:
    """Return the URL of the CI run we are in, None outside one."""
    server, repository, run = (os.environ.get(name) for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID"))
    return f"{server}/{repository}/actions/runs/{run}" if server and repository and run else os.environ.get("CI_JOB_URL")
