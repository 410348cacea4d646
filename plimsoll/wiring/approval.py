"""Who lets something happen to a protected environment: an approver's signature, a review of the run, or who sits here."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from plimsoll import wiring
from plimsoll.domain.approval import NOT_APPROVED, TYPED, WAYS, Approval
from plimsoll.domain.secret import SecretText
from plimsoll.errors import Misconfigured
from plimsoll.wiring import plans

if TYPE_CHECKING:
    from collections.abc import Callable

    from plimsoll.domain.plan import DeployPlan
    from plimsoll.domain.plan_file import SavedPlan
    from plimsoll.domain.project import Environment
    from plimsoll.domain.release import Release
    from plimsoll.workflows.site import Actor


def of_deploy(
    environment: Environment, actor: Actor, *, saved: SavedPlan | None = None, file: str | None = None, yes: bool = False
) -> Callable[[DeployPlan], Approval]:
    """Return what asks for the approval of a plan: in `file`, of the run's reviewers, or of who sits at the terminal.

    `yes` (`--yes`) is none of these; whoever relied on it is told so.
    """

    def approve(plan: DeployPlan) -> Approval:
        if saved is not None and file is not None:
            return _signed(saved, file)
        if os.environ.get("GITHUB_ACTIONS") == "true":
            return _reviewed(environment.name)
        return _typed(environment.name, actor, plan, yes=yes)

    return approve


def _signed(saved: SavedPlan, file: str) -> Approval:
    from plimsoll.adapters.git import Git
    from plimsoll.adapters.plan_files import read_approval
    from plimsoll.adapters.ssh_signatures import SshSignatures
    from plimsoll.workflows.approval import signed

    git = Git(wiring.root())
    if git.changed((wiring.SETTINGS_FILE,)):
        raise Misconfigured(
            f"{wiring.SETTINGS_FILE} has uncommitted changes, and it says who may approve",
            where=wiring.SETTINGS_FILE,
            now="commit them, so that they are reviewed, or take them back",
            code="dirty",
        )
    return signed(
        read_approval(Path(file)),
        saved,
        approvers=wiring.project().approvers,
        signatures=SshSignatures(),
        now=plans.now(),
        deployers=git.identities(),
    )


def _reviewed(environment: str) -> Approval:
    """Return the approval by the review of this run's environment, as GitHub tells it to the job's token."""
    from plimsoll.adapters.github_run import GithubRun
    from plimsoll.workflows.approval import reviewed

    repository, run, token = (os.environ.get(name) for name in ("GITHUB_REPOSITORY", "GITHUB_RUN_ID", "GITHUB_TOKEN"))
    if not repository or not run or not token:
        raise Misconfigured(
            f"{environment} is protected, and the job does not say who reviewed it: GITHUB_TOKEN is not set",
            where="the job's environment",
            now="give the step `env: {GITHUB_TOKEN: ${{ github.token }}}` and the job `permissions: {actions: read}`",
            code=NOT_APPROVED,
        )
    api = os.environ.get("GITHUB_API_URL") or "https://api.github.com"
    there = GithubRun(api=api, repository=repository, run=run, token=SecretText(token))
    starters = [os.environ.get(name, "") for name in ("GITHUB_ACTOR", "GITHUB_TRIGGERING_ACTOR")]
    return reviewed(environment, there, starters=starters, now=plans.now())


def _typed(environment: str, actor: Actor, plan: DeployPlan, *, yes: bool) -> Approval:
    """Return the approval by who types the environment's name after the plan was shown."""
    if not sys.stdin.isatty():
        raise Misconfigured(
            f"{environment} is protected, and nobody has approved: deploy {plan.release}",
            where=environment,
            now=f"{WAYS}{'. --yes is none of them' if yes else ''}",
            code=NOT_APPROVED,
        )
    from plimsoll.ui.output import console
    from plimsoll.ui.plan import draw_plan

    draw_plan(plan, console(stderr=True))
    _confirm(environment, f"deploy {plan.release}", yes=False)
    return Approval(kind=TYPED, by=actor.name, at=plans.now())


def of_rollback(environment: Environment, *, yes: bool) -> Callable[[Release, Release | None], None]:
    """Return what has a rollback confirmed; `yes` stands for the typed name."""

    def approve(target: Release, left: Release | None) -> None:
        _confirm(environment.name, f"go back from {left.name if left else 'nothing'} to {target.name}", yes=yes)

    return approve


def _confirm(environment: str, what: str, *, yes: bool) -> None:
    """Return when the environment's name is typed, or `--yes` stands for it. Raise Misconfigured otherwise."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Misconfigured(
            f"{environment} is protected, and nobody is here to confirm: {what}",
            where=environment,
            now="look at the plan with --dry-run, then repeat with --yes",
            code="not-confirmed",
        )
    from plimsoll.ui.confirm import ask

    if ask(f"{what}? Type the name of the environment to go on: ") != environment:
        raise Misconfigured(
            "not confirmed: nothing was changed", where=environment, now="repeat when you are sure", code="not-confirmed"
        )


def of_removal(cluster: str, *, yes: bool) -> None:
    """Return when the removal of a cluster with its releases and data is confirmed; raise Misconfigured otherwise."""
    if yes:
        return
    what = f"remove the cluster {cluster} with its releases and data"
    if not sys.stdin.isatty():
        raise Misconfigured(f"nobody is here to confirm: {what}", where=cluster, now="repeat with --yes", code="not-confirmed")
    from plimsoll.ui.confirm import ask

    if ask(f"{what}? [y/N] ").lower() not in {"y", "yes"}:
        raise Misconfigured(
            "not confirmed: nothing was removed", where=cluster, now="repeat when you are sure", code="not-confirmed"
        )
