"""The end of `inv up` and of `inv down`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

    from plimsoll.domain.journey import DownResult, UpResult


def draw_up(result: UpResult, console: Console) -> None:
    """Print what runs, where it is, and what comes next."""
    deployed = result.deployed
    release = deployed.release.name if deployed.release else ""
    what = "runs already, nothing has changed" if deployed.outcome == "unchanged" else "is verified"
    console.print(Text.assemble(("✔ ", "green"), (release, "bold"), f" {what}", (f"  {result.seconds:.1f} s", "dim")))
    console.print(Text.assemble("\n  open      ", (deployed.url or "", "bold cyan")))
    console.print("  change    edit backend/ or frontend/, then: ./inv build deploy")
    console.print("  look      ./inv status | history | logs")
    console.print("  promote   ./inv build deploy --env staging")
    console.print("  remove    ./inv down")


def draw_down(result: DownResult, console: Console) -> None:
    """Print what is gone and what stays."""
    for title, words, style in (("removed", result.cluster.removed, "green"), ("kept", result.cluster.kept, "dim")):
        for word in words or (("nothing",) if title == "removed" else ()):
            console.print(Text.assemble((f"{title:<8} ", style), word))
