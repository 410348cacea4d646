"""Composition of the rights that releasing takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll import wiring
from plimsoll.wiring import cluster as clusters
from plimsoll.wiring import render as rendering
from plimsoll.workflows import rights as workflow

if TYPE_CHECKING:
    from plimsoll.domain.ledger import History
    from plimsoll.domain.project import Environment
    from plimsoll.domain.rbac import Right
    from plimsoll.domain.rbac_objects import DeployerRights
    from plimsoll.domain.tools_verdict import Check
    from plimsoll.ports import Reporter


def render(name: str, account: str, reporter: Reporter, *, with_recorded: bool) -> DeployerRights:
    """Return the objects that let a service account release to the environment called `name`.

    The cluster is asked only for what its recorded releases still have.
    """
    from plimsoll.domain.rbac_objects import Account

    environment, who = wiring.environment(name), Account.parse(account)
    history = None
    if with_recorded:
        connected = clusters.connect(environment, reporter)
        connected.guard()
        history = _history(environment, connected)
    return workflow.render_rights(wiring.project(), environment, who, renderer=rendering.renderer(), history=history)


def check(environment: Environment, reporter: Reporter, *, needed: bool) -> Check:
    """Return the doctor's line about our rights in an environment; nothing is installed for it."""
    from plimsoll.adapters.kube_rights import may
    from plimsoll.domain.rbac_check import rights_unknown
    from plimsoll.errors import PlimsollError

    try:
        connected = clusters.connect(environment, reporter)
    except PlimsollError as error:
        return rights_unknown(environment.name, error, needed=needed)
    return workflow.check_rights(
        environment.name,
        rights=lambda: _rights(environment, connected),
        guard=connected.guard,
        may=lambda right: may(connected.cluster.connection, right),
        needed_here=needed,
    )


def _rights(environment: Environment, connected: clusters.Connected) -> frozenset[Right]:
    from plimsoll.errors import EnvironmentLacks, PlimsollError
    from plimsoll.wiring import tools

    if not tools.present("kubectl"):
        raise EnvironmentLacks("kubectl, which renders the overlay, is not there", where="this machine", now="run `./inv setup`")
    try:
        history = _history(environment, connected)
    except PlimsollError:
        # The right to read records is among those that are missing, and is told with them.
        history = None
    return workflow.rights_of(wiring.project(), environment, rendering.renderer(), history=history)


def _history(environment: Environment, connected: clusters.Connected) -> History:
    from plimsoll.workflows.ledger import Ledger

    return Ledger(connected.cluster, wiring.project().name, environment.name).history()
