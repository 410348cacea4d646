"""Install and start what is missing: decide, print, ask, do."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plimsoll.domain.tools import State
from plimsoll.domain.tools_machine import engine_checks, machine_checks
from plimsoll.domain.tools_setup import (
    ENGINE_TOOLS,
    Consent,
    Kind,
    SetupResult,
    choose,
    consent,
    missing_packages,
    packages_of,
    plan,
)
from plimsoll.domain.tools_verdict import judge
from plimsoll.errors import EnvironmentLacks, Interrupted
from plimsoll.workflows import tools as tools_workflow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from plimsoll.domain.tools import Tool
    from plimsoll.domain.tools_machine import EngineFacts, Machine
    from plimsoll.domain.tools_setup import SetupPlan, Step
    from plimsoll.domain.tools_verdict import Check
    from plimsoll.ports import Engine, Host, Packages, Reporter, Toolbox


@dataclass(frozen=True, kw_only=True)
class Workbench:
    """The collaborators of a setup. `next_release` maps a Debian release to the one with newer packages."""

    toolbox: Toolbox
    engine: Engine
    host: Host
    packages: Packages
    reporter: Reporter
    next_release: Mapping[str, str]


def prepare(tools: Sequence[Tool], bench: Workbench) -> SetupPlan:
    """Return what has to be done so that `tools` serve. Nothing of the machine changes; the mirror is asked where needed.

    Raise EnvironmentLacks where a tool is refused, or where its packages cannot be installed here.
    """
    machine, facts = bench.host.facts(), bench.engine.facts()
    tools = [tool for tool in tools if machine.packaged or not tool.debian_only]
    checks = _checks(tools, bench, machine, facts)
    for check in checks:
        if any(tool.name == check.name and not tool.system for tool in tools) and check.state in tools_workflow.REFUSED:
            raise tools_workflow.refusal(check)
    lacking = missing_packages(tools, checks, facts)
    if lacking and not machine.packaged:
        raise _install_yourself(lacking, machine)
    chosen = []
    if lacking:
        release = bench.next_release.get(machine.release)
        with bench.reporter.step("asking the package mirror what it has"):
            offered = bench.packages.candidates([name for tool in lacking for name in packages_of(tool, machine)])
        chosen = [each for tool in lacking for each in choose(tool, machine, offered, release)]
    distinct = tuple({each.name: each for each in chosen}.values())
    return plan(tools, checks, machine=machine, engine=facts, packages=distinct)


def _checks(tools: Sequence[Tool], bench: Workbench, machine: Machine, facts: EngineFacts) -> list[Check]:
    found = [judge(tool, bench.toolbox.found(tool)) for tool in tools if tool.name not in ENGINE_TOOLS]
    engine = engine_checks({tool.name: tool for tool in tools}, facts, machine)
    return [*engine, *found, *machine_checks(machine)]


def require_engine(tools: Sequence[Tool], bench: Workbench) -> None:
    """Raise EnvironmentLacks when the engine that answers now is none that Plimsoll can use."""
    checks = engine_checks({tool.name: tool for tool in tools}, bench.engine.facts(), bench.host.facts())
    for check in checks:
        if check.state is not State.OK:
            raise tools_workflow.refusal(check)


def _install_yourself(lacking: Sequence[Tool], machine: Machine) -> EnvironmentLacks:
    names = ", ".join(f"{tool.program} {tool.range}" for tool in lacking)
    return EnvironmentLacks(
        f"setup installs system packages on Debian and Ubuntu only; install yourself: {names}",
        where=f"{machine.distribution} {machine.release}".strip(),
        now="install them, start the engine, then run `./inv doctor`",
        code="not-debian",
    )


def carry_out(
    wanted: SetupPlan, tools: Sequence[Tool], bench: Workbench, *, yes: bool, ask: Callable[[SetupPlan], bool]
) -> SetupResult:
    """Do a plan's steps in order, after asking where that is due; each is safe to repeat.

    Raise EnvironmentLacks when nobody can be asked or a step fails, Interrupted when the user says no.
    """
    if not wanted.steps:
        return SetupResult(plan=wanted)
    machine, reporter = bench.host.facts(), bench.reporter
    _agree(consent(machine, yes=yes), wanted, reporter, ask)
    if wanted.root:
        bench.host.require_administrator()
    by_name = {tool.name: tool for tool in tools}
    seconds = {}
    for step in wanted.steps:
        started = time.monotonic()
        with reporter.step(step.title):
            _do(step, by_name, bench, machine)
        seconds[step.title] = time.monotonic() - started
    return SetupResult(plan=wanted, seconds=seconds)


def _agree(answer: Consent, wanted: SetupPlan, reporter: Reporter, ask: Callable[[SetupPlan], bool]) -> None:
    if answer is Consent.REFUSE:
        raise EnvironmentLacks(
            "setup would change this machine, and there is no terminal to ask at",
            where="; ".join(step.title for step in wanted.steps),
            now="run `./inv setup --yes`",
            code="not-confirmed",
        )
    if answer is Consent.ASK:
        if not ask(wanted):
            raise Interrupted("nothing was changed", now="run `./inv setup` when you are ready")
        return
    for step in wanted.steps:
        reporter.info(f"will {step.title}")
        for detail in step.details:
            reporter.info(f"  {detail}")
    if answer is Consent.GO_AS_ROOT:
        reporter.info("no terminal to ask at, and root may: going ahead")


def _do(step: Step, tools: Mapping[str, Tool], bench: Workbench, machine: Machine) -> None:
    if step.kind is Kind.PACKAGES:
        bench.packages.install(step.packages, reporter=bench.reporter)
    elif step.kind is Kind.START_ENGINE:
        bench.engine.start(systemd=machine.systemd)
    elif step.kind is Kind.TOOL:
        tool = tools[step.tool]
        tools_workflow.install(tool, toolbox=bench.toolbox, platform=machine.platform, reporter=bench.reporter)
    else:
        bench.host.change(step)
