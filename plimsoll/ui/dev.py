"""The development stack for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

    from plimsoll.domain.dev import DevDown, DevLogs, DevUp


def draw_up(result: DevUp, console: Console) -> None:
    """Print where the stack is, and how to live with it."""
    services = ", ".join(each.service for each in result.containers if not each.once)
    console.print(
        Text.assemble(("✔ ", "green"), ("development stack", "bold"), f" is up: {services}", (f"  {result.seconds:.1f} s", "dim"))
    )
    console.print()
    for name, address in result.addresses.items():
        console.print(Text.assemble(f"  {name:<9} ", (address, "bold cyan")))
    console.print("  change    edit the sources: what serves them reloads")
    console.print("  renew     after a new migration or package, the same command again: ./inv dev.up")
    console.print("  look      ./inv dev.logs --follow")
    console.print("  remove    ./inv dev.down")


def draw_down(result: DevDown, console: Console) -> None:
    """Print what is gone and what stays."""
    for title, words, style in (("removed", result.removed or ("nothing",), "green"), ("kept", result.kept, "dim")):
        for word in words:
            console.print(Text.assemble((f"{title:<8} ", style), word), soft_wrap=True)
    if result.kept:
        console.print(Text("./inv dev.down --purge removes these, too", style="dim"))


def draw_logs(result: DevLogs, console: Console) -> None:
    """Print lines with the service that said them."""
    for service, line in result.lines:
        console.print(Text.assemble((f"{service} ", "cyan"), line), soft_wrap=True)
