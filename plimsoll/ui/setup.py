"""What setup will do and did."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.text import Text

from plimsoll.ui.output import console

if TYPE_CHECKING:
    from rich.console import Console

    from plimsoll.domain.tools_setup import SetupPlan, SetupResult


def draw(result: SetupResult, screen: Console) -> None:
    """Print the steps, each with the time it took, or that there was nothing to do."""
    if not result.plan.steps:
        screen.print(Text.assemble(("✔ ", "green"), "everything is there: nothing to do"))
        return
    screen.print(Text("setup would" if result.dry_run else "setup did", style="bold"))
    _steps(result.plan, screen, result)


def _steps(plan: SetupPlan, screen: Console, result: SetupResult | None = None) -> None:
    for step in plan.steps:
        seconds = result.seconds.get(step.title) if result else None
        line = Text.assemble("  • ", step.title, (" (as root)" if step.root else "", "yellow"))
        if seconds is not None:
            line.append(f"  {seconds:.1f} s", style="dim")
        screen.print(line)
        for detail in step.details:
            screen.print(Text(f"      {detail}", style="dim"))


def ask(plan: SetupPlan) -> bool:
    """Show the plan on the terminal and return whether the user agrees; no answer is no."""
    screen = console(stderr=True)
    screen.print(Text("setup will", style="bold"))
    _steps(plan, screen)
    screen.print(Text("go ahead? [y/N] ", style="bold"), end="")
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
