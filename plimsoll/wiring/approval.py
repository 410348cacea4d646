"""Asking before something happens to a protected environment."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from plimsoll.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Callable

    from plimsoll.domain.plan import DeployPlan
    from plimsoll.domain.project import Environment
    from plimsoll.domain.release import Release


def of_deploy(environment: Environment, *, yes: bool) -> Callable[[DeployPlan], None]:
    """Return what shows a plan and has it confirmed; `yes` stands for the typed name."""

    def approve(plan: DeployPlan) -> None:
        from plimsoll.ui.output import console
        from plimsoll.ui.plan import draw_plan

        if not yes:
            draw_plan(plan, console(stderr=True))
        _confirm(environment.name, f"deploy {plan.release}", yes=yes)

    return approve


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
