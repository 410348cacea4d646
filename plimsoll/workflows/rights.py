"""The rights that releasing to an environment takes: rendered for an administrator, and checked for who is at work here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.domain.rbac import needed, recorded
from plimsoll.domain.rbac_check import rights_check, rights_unknown
from plimsoll.domain.rbac_objects import DeployerRights, role_objects
from plimsoll.errors import PlimsollError
from plimsoll.workflows.deploy_observe import in_parallel

if TYPE_CHECKING:
    from collections.abc import Callable

    from plimsoll.domain.ledger import History
    from plimsoll.domain.project import Environment, Project
    from plimsoll.domain.rbac import Right
    from plimsoll.domain.rbac_objects import Account
    from plimsoll.domain.tools_verdict import Check
    from plimsoll.ports import Renderer


def rights_of(
    project: Project, environment: Environment, renderer: Renderer, *, history: History | None = None
) -> frozenset[Right]:
    """Return what releasing the present overlay takes, and with `history` also what its releases left to be looked after.

    Raise Misconfigured when the overlay does not render.
    """
    objects = (*renderer.render(environment, {}), *(recorded(history) if history else ()))
    return needed(objects, application=project.name, environment=environment, secrets=project.secrets)


def render_rights(
    project: Project, environment: Environment, account: Account, *, renderer: Renderer, history: History | None = None
) -> DeployerRights:
    """Return the objects that let `account` release to the environment."""
    rights = rights_of(project, environment, renderer, history=history)
    objects = role_objects(rights, project.name, environment.name, account)
    return DeployerRights(environment=environment.name, account=account, objects=objects)


def check_rights(
    environment: str,
    *,
    rights: Callable[[], frozenset[Right]],
    guard: Callable[[], None],
    may: Callable[[Right], bool],
    needed_here: bool,
) -> Check:
    """Return the doctor's line about the rights in an environment; what keeps it from being known is a line, too.

    `needed_here`: releasing from here is meant, so that a missing right is a failure.
    """
    try:
        guard()
        wanted = sorted(rights())
        allowed = in_parallel(may, wanted)
    except PlimsollError as error:
        return rights_unknown(environment, error, needed=needed_here)
    missing = [right for right, yes in zip(wanted, allowed, strict=True) if not yes]
    return rights_check(environment, len(wanted), missing, needed=needed_here)
