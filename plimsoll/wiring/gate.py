"""Composition of the pre-production gate: what git, the ledgers and the scanner know of a candidate."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from plimsoll import wiring
from plimsoll.domain.gate import Terms
from plimsoll.domain.gate_rules import branch_evidence
from plimsoll.domain.promotion import proving_environment
from plimsoll.errors import Misconfigured
from plimsoll.workflows import gate as workflow

if TYPE_CHECKING:
    from plimsoll.domain.gate import GateReport
    from plimsoll.domain.ledger import History
    from plimsoll.domain.project import Environment
    from plimsoll.domain.promotion import Candidate
    from plimsoll.ports import Reporter


def terms(environment: Environment, candidate: Candidate, *, broken: str | None = None) -> Terms:
    """Return what the gate of `environment` is judged by; git is asked for protected environments only.

    Raise Misconfigured for glass that is not there to be broken.
    """
    if not environment.protected:
        if broken is not None:
            raise Misconfigured(
                f"{environment.name} has no gate to pass: it is not protected",
                where="--break-glass",
                now="leave the flag out",
                code="flags",
            )
        return Terms()
    from plimsoll.adapters.git import Git

    settings, git = wiring.project().gate, Git(wiring.root())
    # The images come from one commit and the overlay from the present one: both go to production.
    seen = {each: git.branches(settings.release_branch, each) for each in (candidate.git_revision, git.head().revision)}
    evidence = branch_evidence(settings.release_branch, seen, _now())
    # An environment that images without a good verdict are not pushed for asks for that verdict.
    required = {*settings.require, *({"scanned"} if environment.gate == "block" else ())}
    return Terms(known={"branch": evidence}, required=frozenset(required), broken=broken)


def opened(environment: Environment, broken: str | None) -> Environment:
    """Return the environment as a deploy takes it that broke the glass: a verdict of the scanner is shown and does not block."""
    return environment if broken is None else replace(environment, gate="show")


def report(name: str, version: str | None, reporter: Reporter) -> GateReport:
    """Return the gate of the environment called `name` for the present images, or those of the recorded release `version`."""
    from plimsoll.wiring import candidates, releases, scan

    environment = wiring.environment(name)
    workflow.require_gate(environment)

    def history_of(place: Environment) -> History:
        site = releases.site(place, reporter)
        site.guard()
        return site.ledger.history()

    candidate = candidates.recorded(version, environment, history_of) if version else candidates.present(environment, reporter)
    found = terms(environment, candidate)
    proving = proving_environment(wiring.project(), environment)
    return workflow.report(
        environment,
        replace(candidate, images=scan.judged(environment, candidate.images, reporter)),
        proven=None if proving is None else history_of(proving),
        terms=found,
        now=_now(),
    )


def require_passed(found: GateReport) -> None:
    """Raise what a deploy would end with when it does not pass."""
    workflow.require_passed(found)


def _now() -> str:
    return wiring.clock().now().strftime("%Y-%m-%dT%H:%M:%SZ")
