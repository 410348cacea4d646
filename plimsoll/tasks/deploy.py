"""`inv deploy`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from plimsoll import wiring

if TYPE_CHECKING:
    from invoke.context import Context


@task(
    help={
        "env": "environment to deploy to (default: the plan's with --plan, otherwise local)",
        "version": "a recorded release of any environment (staging-12): its images are taken as they are, nothing is built",
        "plan": "a file of `inv plan --save`: do exactly that, or refuse and name what has moved since",
        "approval": "a file of `inv plan.approve`: the approval of that plan, by somebody else than who deploys",
        "dry-run": "print the plan and change nothing",
        "yes": "answer questions with yes; it is no approval: protected environments take none but a real one",
        "break-glass": "pass the gate of a protected environment for this reason, which is recorded and shown in red",
        "take-over": "take back fields that somebody else has changed in the cluster",
        "allow-data-loss": "prune claims, namespaces and definitions too that are no part of the release any more",
        "wait-lock": "seconds to wait for a deploy that is under way (default: 30)",
        "json": "print one JSON object to stdout and nothing else",
    }
)
def deploy(  # noqa: PLR0917 -- invoke reads flags from parameters
    _c: Context,
    env: str | None = None,
    version: str | None = None,
    plan: str | None = None,
    approval: str | None = None,
    dry_run: bool = False,
    yes: bool = False,
    break_glass: str | None = None,
    take_over: bool = False,
    allow_data_loss: bool = False,
    wait_lock: int = 30,
    json: bool = False,
) -> None:
    """Release the built images to an environment: apply, wait, smoke-test, record; or bring the last verified release back."""
    from plimsoll.ui.releases import draw_deploy
    from plimsoll.wiring import releases

    output = wiring.output(json=json)
    options = releases.Options(
        break_glass=break_glass,
        version=version,
        plan=plan,
        approval=approval,
        dry_run=dry_run,
        yes=yes,
        take_over=take_over,
        allow_data_loss=allow_data_loss,
        wait_lock=wait_lock,
    )
    output.result(releases.deploy(env, options, output.reporter), draw_deploy)
