"""`inv kube.render`, `inv kube.validate` and `inv kube.rbac`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from plimsoll import wiring

if TYPE_CHECKING:
    from invoke.context import Context

JSON_HELP = "print one JSON object to stdout and nothing else"


@task(
    help={
        "env": "environment to render (default: local)",
        "overlay-only": "leave out the components and the node port that plimsoll.toml adds",
        "json": JSON_HELP,
    }
)
def render(_c: Context, env: str = "local", overlay_only: bool = False, json: bool = False) -> None:
    """Print the Kubernetes objects of an environment."""
    from plimsoll.ui.render import draw_rendering
    from plimsoll.wiring import render as rendering

    wiring.output(json=json).result(rendering.render(env, overlay_only=overlay_only), draw_rendering)


@task(help={"env": "environment to judge (default: all)", "json": JSON_HELP})
def validate(_c: Context, env: str | None = None, json: bool = False) -> None:
    """Hold the manifests to the Kubernetes schemas and to the policies of this repository."""
    from plimsoll.ui.render import draw_validation
    from plimsoll.wiring import render as rendering

    output = wiring.output(json=json)
    output.result(rendering.validate(env, output.reporter), draw_validation)


@task(
    help={
        "env": "environment to release to (default: local)",
        "recorded": "also for kinds that only recorded releases have; the cluster is asked for them",
        "service-account": "who releases: NAME (in the namespace plimsoll) or NAMESPACE/NAME (default: plimsoll-deployer)",
        "json": JSON_HELP,
    }
)
def rbac(
    _c: Context, env: str = "local", service_account: str = "plimsoll-deployer", recorded: bool = False, json: bool = False
) -> None:
    """Print the least rights that releasing to an environment takes, for an administrator to apply."""
    from plimsoll.ui.render import draw_rendering
    from plimsoll.wiring import rights

    output = wiring.output(json=json)
    output.result(rights.render(env, service_account, output.reporter, with_recorded=recorded), draw_rendering)
