"""The deploy: lock, guard, plan, record, apply in waves, watch, smoke, mark verified, prune, unlock; and back when it fails.

Whatever happens, the environment is left in a state that the next deploy or rollback understands.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from plimsoll.domain.failure import Failure
from plimsoll.domain.manifests import marks, ref
from plimsoll.domain.outcome import PLANNED, RELEASED, UNCHANGED, BrokenRelease, DeployResult
from plimsoll.domain.plan_drift import moved, stale
from plimsoll.domain.promotion import judge, lacking, refuse
from plimsoll.domain.release import Release, State
from plimsoll.errors import Failed
from plimsoll.workflows.deploy_plan import absent, make_plan, require_current
from plimsoll.workflows.deploy_recovery import recover
from plimsoll.workflows.deploy_rollout import Rollout
from plimsoll.workflows.gate import stood
from plimsoll.workflows.ledger import repair
from plimsoll.workflows.lock import locked
from plimsoll.workflows.rollback import revive

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from plimsoll.domain.approval import Approval
    from plimsoll.domain.images import Image
    from plimsoll.domain.ledger import History
    from plimsoll.domain.plan import DeployPlan
    from plimsoll.ports import ImageRegistry, Reporter
    from plimsoll.workflows.deploy_plan import DeployRequest, Supply
    from plimsoll.workflows.site import Site


def deploy(request: DeployRequest, site: Site, supply: Supply, *, approve: Callable[[DeployPlan], Approval]) -> DeployResult:
    """Bring the candidate's images to the environment and prove them there; bring the last verified release back when that fails.

    `approve` is asked for protected environments and raises when it is refused. A saved plan is carried out as it is, or refused
    when the cluster or the ledger has moved since. A dry run neither publishes nor writes, and looks at an approval that is
    handed over. Raise Misconfigured for what is refused before the first write, and the failure's own error otherwise, with a
    `BrokenRelease` as its report.
    """
    environment = site.environment
    if request.dry_run:
        site.guard()
        plan, history = make_plan(request, site, request.candidate.images, supply)
        require_current(request, site, plan, history)
        if request.attested:
            approve(plan)
        return DeployResult(
            environment=environment.name, outcome=PLANNED, plan=plan, release=history.verified, url=environment.address
        )
    refuse(judge(environment, request.candidate, proven=request.proven, terms=request.terms))
    site.refuse_hold()
    begun = site.clock.monotonic()
    images = supply.publish(request.candidate.images)
    require_images(images, supply.registry, site.reporter)
    timings = {"publish": site.clock.monotonic() - begun}
    agreed = _agreed(request, site, supply, images, approve=approve)
    started = site.clock.monotonic()
    lock = site.lock(f"deploy to {environment.name}")
    with locked(lock, cluster=site.cluster, wait=request.wait_lock, reporter=site.reporter, stop=site.stop):
        timings["lock"] = site.clock.monotonic() - started
        fenced = site.under(lock)
        fenced.guard()
        mended = repair(fenced.ledger, fenced.ledger.history(), site.clock, site.reporter)
        if request.saved is None:
            # A saved plan says itself what becomes of a namespace that is gone, and is carried out as it is.
            revive(fenced, mended)
        with site.reporter.step("planning"):
            plan, history = make_plan(request, fenced, images, supply)
        timings["plan"] = site.clock.monotonic() - started - timings["lock"]
        require_current(request, fenced, plan, history)
        refuse(plan.refusals)
        if plan.nothing_to_do:
            live, outcome = _confirmed(fenced, plan, history), UNCHANGED
        else:
            approval = _approval(request, site, plan, history, agreed=agreed, approve=approve)
            gate = stood(request, site, images, approval)
            record = replace(_record(request, site, plan, history, images), approval=approval, gate=gate, timings=timings)
            live, outcome = _released(request, fenced, plan, history, record), RELEASED
    return DeployResult(
        environment=environment.name,
        outcome=outcome,
        plan=plan,
        release=live,
        url=environment.address,
        seconds=site.clock.monotonic() - started,
    )


def require_images(images: Mapping[str, Image], registry: ImageRegistry, reporter: Reporter) -> None:
    """Raise Failed naming every image that the registry does not have: no pod could start with it."""
    with reporter.step("looking for the images in the registry"):
        gone = absent(images, registry)
    if gone:
        raise lacking(gone).error()


@dataclass(frozen=True)
class _Agreed:
    """The plan that was looked at before the lock was taken, and what somebody said to it; it is made anew under the lock."""

    plan: DeployPlan
    history: History
    approval: Approval


def _agreed(
    request: DeployRequest, site: Site, supply: Supply, images: Mapping[str, Image], *, approve: Callable[[DeployPlan], Approval]
) -> _Agreed | None:
    """Return what was approved before the lock, None where nobody has to or there is nothing to approve yet."""
    if not (_asks(request, site) or request.saved):
        return None
    site.guard()
    plan, history = make_plan(request, site, images, supply)
    require_current(request, site, plan, history)
    refuse(plan.refusals)
    if plan.nothing_to_do or history.unfinished or _deleted(plan, history) or not _asks(request, site):
        # Nothing to approve; or the plan will be another one once the traces of a killed deploy are repaired.
        return None
    return _Agreed(plan, history, approve(plan))


def _approval(
    request: DeployRequest,
    site: Site,
    plan: DeployPlan,
    history: History,
    *,
    agreed: _Agreed | None,
    approve: Callable[[DeployPlan], Approval],
) -> Approval | None:
    """Return who approved this very plan, where that is needed; ask now when nothing was there to ask before the lock."""
    if not _asks(request, site):
        return None
    if agreed is None:
        return approve(plan)
    if agreed.plan.digest != plan.digest:
        number = agreed.history.next_number
        raise stale(moved(agreed.plan.to_json(), plan.to_json(), history, number=number), plan.environment)
    return agreed.approval


def _deleted(plan: DeployPlan, history: History) -> bool:
    """Tell whether the namespace was deleted under a release: it is brought back first, and then the plan is another one."""
    return history.standing is not None and any(each.kind == "Namespace" for each in plan.creates)


def _asks(request: DeployRequest, site: Site) -> bool:
    return site.environment.protected or request.attested


def _released(request: DeployRequest, site: Site, plan: DeployPlan, history: History, record: Release) -> Release:
    rollout = Rollout(
        site,
        record,
        plan.objects,
        waves=plan.waves,
        migration=plan.migration,
        take_over=request.take_over,
        budget=site.project.rollout.timeout,
        pruning=request.pruning(site.project.rollout),
    )
    rollout.begin()
    try:
        rollout.run()
        rollout.verify(history, old_state=State.SUPERSEDED)
    except Exception as error:
        raise recover(site, rollout, error) from error
    rollout.tidy()
    return rollout.release


def _confirmed(site: Site, plan: DeployPlan, history: History) -> Release | None:
    """Return the verified release that runs already, once it has shown that it still serves; raise Failed when it does not."""
    live = history.verified
    if live is None:
        return None
    budget = site.project.rollout.timeout
    rollout = Rollout(site, live, plan.objects, waves=plan.waves, migration=plan.migration, take_over=False, budget=budget)
    try:
        with site.reporter.step(f"looking whether {live.name} still serves"):
            rollout.confirm()
    except Failed as error:
        failure = error.report if isinstance(error.report, Failure) else None
        error.report = BrokenRelease(environment=live.environment, release=live, failure=failure)
        error.what = f"{live.name} runs unchanged and does not serve: {error.what}"
        error.now = f"nothing was changed. {error.now}".strip()
        raise
    return live


def _record(request: DeployRequest, site: Site, plan: DeployPlan, history: History, images: Mapping[str, Image]) -> Release:
    return Release(
        name=plan.release,
        environment=plan.environment,
        number=history.next_number,
        state=State.PENDING,
        git_revision=request.candidate.git_revision,
        dirty=request.candidate.dirty,
        images=images,
        content=plan.content,
        actor=site.actor.name,
        started_at=site.now(),
        schema=plan.schema,
        workloads=marks(plan.objects),
        inventory=tuple(str(each) for each in (*map(ref, plan.objects), *plan.spared)),
        ci=site.actor.run,
    )
