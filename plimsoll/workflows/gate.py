"""The pre-production gate of an environment: what `inv release.gate` shows, and what a deploy records with its release."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from plimsoll.domain.gate import GateReport
from plimsoll.domain.gate_rules import approval_evidence, assess
from plimsoll.domain.promotion import facts_of, gate_of, of_gate, refuse
from plimsoll.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plimsoll.domain.approval import Approval
    from plimsoll.domain.gate import Gate, Terms
    from plimsoll.domain.images import Image
    from plimsoll.domain.ledger import History
    from plimsoll.domain.project import Environment
    from plimsoll.domain.promotion import Candidate
    from plimsoll.workflows.deploy_plan import DeployRequest
    from plimsoll.workflows.site import Site


def require_gate(environment: Environment) -> None:
    """Raise Misconfigured for an environment that has no gate."""
    if not environment.protected:
        raise Misconfigured(
            f"{environment.name} has no gate: it is not protected",
            where=f"plimsoll.toml, [environments.{environment.name}]",
            now="name a protected environment, such as production",
            code="no-gate",
        )


def report(environment: Environment, candidate: Candidate, *, proven: History | None, terms: Terms, now: str) -> GateReport:
    """Return the gate of a protected environment for a candidate."""
    gate = assess(facts_of(candidate, proven=proven, terms=terms, at=now))
    return GateReport(environment=environment.name, git_revision=candidate.git_revision, images=candidate.images, gate=gate)


def require_passed(found: GateReport) -> None:
    """Raise what a deploy would end with when it does not pass the gate, with the report in it."""
    refuse(of_gate(found.environment, found.gate), report=found)


def stood(request: DeployRequest, site: Site, images: Mapping[str, Image], approval: Approval | None) -> Gate | None:
    """Return the gate as it stands when the record is written, approval included; None where there is none.

    A release that passes it by broken glass is told what it passes.
    """
    known = {**request.terms.known, **({"approval": approval_evidence(approval)} if approval else {})}
    terms = replace(request.terms, known=known)
    gate = gate_of(site.environment, replace(request.candidate, images=images), proven=request.proven, terms=terms, at=site.now())
    if gate is not None and gate.broken is not None:
        passed = ", ".join(item.title for item in gate.refusing) or "nothing that refuses"
        site.reporter.warn(f"the glass of the gate is broken ({gate.broken}): passing {passed}")
    return gate
