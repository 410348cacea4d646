"""Composition of lint, format and test."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from plimsoll import wiring
from plimsoll.config import unknown
from plimsoll.domain.checks import ChecksResult
from plimsoll.workflows import checks as workflow

if TYPE_CHECKING:
    from plimsoll.domain.checks import Suite
    from plimsoll.ports import Commands, Reporter


def _commands() -> Commands:
    from plimsoll.adapters.commands import ProjectCommands
    from plimsoll.wiring.tools import ensure_tool

    return ProjectCommands(wiring.root(), ensure_tool)


def lint(reporter: Reporter) -> ChecksResult:
    """Run every check of plimsoll.toml."""
    commands = _commands()
    checks = tuple(wiring.settings().checks.values())
    return workflow.lint(checks, commands=commands, tracked=commands.tracked(), jobs=os.cpu_count() or 1, reporter=reporter)


def fix(reporter: Reporter) -> ChecksResult:
    """Run every check's `fix` commands."""
    commands = _commands()
    return workflow.fix(
        tuple(wiring.settings().checks.values()), commands=commands, tracked=commands.tracked(), reporter=reporter
    )


def test(suite: str | None, reporter: Reporter) -> ChecksResult:
    """Run one suite, or lint and every suite that is not marked as extra."""
    suites = wiring.settings().suites
    if suite is not None and suite not in suites:
        raise unknown("suite", suite, suites, where="plimsoll.toml, [suites]")
    commands = _commands()
    first = lint(reporter) if suite is None else ChecksResult(verb="test", results=())
    chosen = (suites[suite],) if suite else tuple(each for each in suites.values() if not each.extra)
    rest = workflow.test(chosen, commands=commands, tracked=commands.tracked(), prepare=_prepare(reporter), reporter=reporter)
    return ChecksResult(verb="test", results=(*first.results, *rest.results))


class _prepare:  # noqa: N801 -- a function with a memory
    """Installs and starts what suites need, each thing once."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._ready: set[str] = set()

    def __call__(self, suite: Suite) -> None:
        from plimsoll.wiring import tools

        for need in suite.needs:
            if need in self._ready:
                continue
            if need == "engine":
                tools.ensure_engine(self._reporter)
            elif need == "node-image":
                from plimsoll.wiring import cluster

                cluster.node_image(None, self._reporter)
            else:
                tools.ensure_tool(need)
            self._ready.add(need)
