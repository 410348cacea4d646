"""`inv plan` and `inv plan.approve`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from plimsoll import wiring

if TYPE_CHECKING:
    from invoke.context import Context

JSON_HELP = "print one JSON object to stdout and nothing else"


@task(
    default=True,
    help={
        "env": "environment to plan for (default: local)",
        "version": "a recorded release of any environment (staging-12): its images are taken as they are, nothing is built",
        "save": "file to write the plan into, for `inv deploy --plan FILE`; a plan that is refused is not written",
        "expires": "how long the saved plan holds: 30m, 2h, 1d (default: 24h, at most 7d)",
        "take-over": "plan to take back fields that somebody else has changed in the cluster",
        "allow-data-loss": "plan to remove claims, namespaces and definitions too that are no part of the release any more",
        "json": JSON_HELP,
    },
)
def plan(  # noqa: PLR0917 -- invoke reads flags from parameters
    _c: Context,
    env: str = "local",
    version: str | None = None,
    save: str | None = None,
    expires: str = "24h",
    take_over: bool = False,
    allow_data_loss: bool = False,
    json: bool = False,
) -> None:
    """Print what a deploy would do and change nothing; a plan that would be refused says why, and exits as the deploy would."""
    from plimsoll.ui.plan import draw_result
    from plimsoll.wiring import releases

    output = wiring.output(json=json)
    options = releases.Options(version=version, take_over=take_over, allow_data_loss=allow_data_loss)
    output.result(releases.plan(env, options, output.reporter, save=save, lasts=expires), draw_result, releases.require_accepted)


@task(
    help={
        "file": "the saved plan",
        "key": "your SSH key: the private key's file, or the public one of a key that your agent holds",
        "out": "file to write the approval into (default: beside the plan, ending in .approval.json)",
        "expires": "how long the approval holds: 30m, 2h (default: as long as the plan, and never longer)",
        "json": JSON_HELP,
    }
)
def approve(_c: Context, file: str, key: str, out: str | None = None, expires: str | None = None, json: bool = False) -> None:
    """Approve a saved plan: show it and sign its digest, so that somebody else may deploy it with `--plan` and `--approval`."""
    from plimsoll.ui.plan import draw_approved
    from plimsoll.wiring import plans

    wiring.output(json=json).result(plans.approve(file, key, out, expires), draw_approved)
