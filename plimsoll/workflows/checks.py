"""Run checks in parallel and suites in order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from plimsoll.domain.checks import CheckResult, ChecksResult, expand
from plimsoll.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plimsoll.domain.checks import Check, Command, Suite
    from plimsoll.ports import Commands, Reporter


def lint(checks: Sequence[Check], *, commands: Commands, tracked: Sequence[str], jobs: int, reporter: Reporter) -> ChecksResult:
    """Run every check, `jobs` at a time; the order of the results is that of the checks."""

    def one(check: Check) -> CheckResult:
        return _run(check, check.commands, commands=commands, tracked=tracked, reporter=reporter)

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        return ChecksResult(verb="lint", results=tuple(pool.map(one, checks)))


def fix(checks: Sequence[Check], *, commands: Commands, tracked: Sequence[str], reporter: Reporter) -> ChecksResult:
    """Run what corrects files, one after the other because two may touch the same one."""
    results = [_run(check, check.fix, commands=commands, tracked=tracked, reporter=reporter) for check in checks if check.fix]
    return ChecksResult(verb="format", results=tuple(results))


def test(
    suites: Sequence[Suite], *, commands: Commands, tracked: Sequence[str], prepare: Callable[[Suite], None], reporter: Reporter
) -> ChecksResult:
    """Run the suites in order, each shown as it runs; a failed one does not keep the next from running.

    `prepare` installs and starts what a suite needs; what it raises ends the run.
    """
    results = []
    for suite in suites:
        prepare(suite)
        results.append(_run(suite, suite.commands, commands=commands, tracked=tracked, reporter=reporter, attach=True))
    return ChecksResult(verb="test", results=tuple(results))


def require(result: ChecksResult) -> None:
    """Raise Failed when any check failed."""
    if result.failed:
        names = ", ".join(each.name for each in result.failed)
        now = "run `inv format` for what can be corrected by itself" if result.verb == "lint" else "see above"
        raise Failed(
            f"{result.verb}: {len(result.failed)} of {len(result.results)} failed: {names}",
            now=now,
            code=result.verb,
            report=result,
        )


class _Unmet(Exception):
    """Ends the step of a check that failed, so that it is shown as what it is."""


def _run(
    check: Check,
    wanted: Sequence[Command],
    *,
    commands: Commands,
    tracked: Sequence[str],
    reporter: Reporter,
    attach: bool = False,
) -> CheckResult:
    title = f"suite {check.name}" if attach else check.name
    with suppress(_Unmet), reporter.step(title, foreground=attach):
        result = _result(check, wanted, commands=commands, tracked=tracked, attach=attach)
        if not result.passed:
            raise _Unmet
    return result


def _result(check: Check, wanted: Sequence[Command], *, commands: Commands, tracked: Sequence[str], attach: bool) -> CheckResult:
    seconds = 0.0
    for command in wanted:
        words = expand(command, check.files, tracked)
        if words is None:
            continue
        code, output, took = commands.run(words, folder=check.folder, tools=check.tools, timeout=check.timeout, attach=attach)
        seconds += took
        if code != 0:
            return CheckResult(
                name=check.name,
                passed=False,
                seconds=seconds,
                command=" ".join(words),
                output=output,
                code=code,
                folder=check.folder,
            )
    return CheckResult(name=check.name, passed=True, seconds=seconds)
