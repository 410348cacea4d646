"""`inv test`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from plimsoll import wiring

if TYPE_CHECKING:
    from invoke.context import Context


@task(help={"suite": "run this suite only (plimsoll.toml, [suites]); default: lint and all suites"})
def test(_c: Context, suite: str | None = None) -> None:  # noqa: PT028 -- a task, not a test
    """Run lint and every test suite, installing and starting what they need; or one suite."""
    from plimsoll.ui.checks import draw
    from plimsoll.wiring import checks
    from plimsoll.workflows.checks import require

    output = wiring.output()
    output.result(checks.test(suite, output.reporter), draw, require)
