"""Which cluster an environment means, as people read it before they agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from plimsoll.domain.trust import FILE

if TYPE_CHECKING:
    from rich.console import Console

    from plimsoll.domain.trust import Trust


def draw_trust(trust: Trust, console: Console) -> None:
    """Print what was done, or what would be."""
    if not trust.changed:
        console.print(Text.assemble(("✔ ", "green"), f"{FILE} names this cluster for {trust.environment} already"))
        _cluster(trust, console)
        return
    if not trust.written:
        draw_change(trust, console)
        return
    console.print(
        Text.assemble(("✔ ", "green"), f"{trust.environment} means this cluster from now on; have {FILE} reviewed and commit it"),
        soft_wrap=True,
    )


def draw_change(trust: Trust, console: Console) -> None:
    """Print the cluster, and the line before and after."""
    _cluster(trust, console)
    console.print(Text(f"  {FILE}, line {trust.edit.line}:"))
    console.print(Text(f"- {trust.edit.before}", style="red"), soft_wrap=True)
    console.print(Text(f"+ {trust.edit.after}", style="green"), soft_wrap=True)


def _cluster(trust: Trust, console: Console) -> None:
    for label, text in (("context", trust.context), ("server", trust.server), ("UID", trust.uid)):
        console.print(Text.assemble((f"  {label:<9}", "cyan"), text), soft_wrap=True)
