"""A plan as people read it, before they approve it: what is new, what changes field by field, what goes, what is waited for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from plimsoll.domain.plan import DeployPlan

# A value longer than this is cut; the JSON of the plan has all of it.
VALUE = 100
MEGABYTE = 1_000_000


def draw_plan(plan: DeployPlan, console: Console) -> None:
    """Print the whole plan; nothing in it is secret."""
    live = f", {plan.live} runs now" if plan.live else ", nothing runs there yet"
    console.print(Text.assemble("plan for ", (plan.environment, "bold"), f": {plan.release}{live}"))
    if plan.nothing_to_do:
        console.print(Text("  nothing to do: the verified release is this very content", style="green"))
    for note in plan.notes:
        console.print(Text(f"  {note}", style="dim"))
    _listed("images", [f"{service}: {reference}" for service, reference in sorted(plan.images.items())], console)
    _listed("create", [each.short for each in plan.creates], console, mark="+", style="green")
    for change in plan.changes:
        console.print(Text(f"  ~ {change.ref.short}", style="yellow"))
        for field in change.fields:
            arrow = Text.assemble(f"      {field.path}: ", (_value(field.before), "red"), " → ", (_value(field.after), "green"))
            console.print(arrow, soft_wrap=True)
    _listed("generate secrets", list(plan.secrets), console, mark="+", style="green")
    _listed("prune once it is verified", [each.short for each in plan.prunes], console, mark="-", style="red")
    _listed("roll", list(plan.rolled), console)
    verb = "run" if plan.migration.run else "do not run"
    console.print(Text.assemble(("  migrations: ", "cyan"), f"{verb}, {plan.migration.why}"), soft_wrap=True)
    waits = [f"{wave.name}: {', '.join(each.short for each in wave.waits)}" for wave in plan.waves if wave.waits]
    _listed("wait for", waits, console)
    console.print(Text(f"  {plan.unchanged} objects stay as they are", style="dim"))
    for refusal in plan.refusals:
        console.print(Text(f"✘ refused: {refusal.what}", style="red"), soft_wrap=True)
        console.print(Text(f"  now: {refusal.now}"), soft_wrap=True)


def size(octets: int) -> str:
    """Return bytes as people compare them, in decimal megabytes."""
    return f"{octets / MEGABYTE:.1f} MB"


def brief(text: str, length: int) -> str:
    """Return a text on one line, cut where it is longer than `length`."""
    line = " ⏎ ".join(text.splitlines())
    return line if len(line) <= length else f"{line[: length - 1]}…"


def _listed(title: str, entries: Sequence[str], console: Console, *, mark: str = " ", style: str = "") -> None:
    if entries:
        console.print(Text(f"  {title}", style="cyan"))
    for entry in entries:
        console.print(Text(f"    {mark} {entry}".rstrip(), style=style), soft_wrap=True)


def _value(value: Any) -> str:  # noqa: ANN401 -- any JSON value
    if value is None:
        return "(none)"
    return brief(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), VALUE)
