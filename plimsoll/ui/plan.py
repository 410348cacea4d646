"""A plan as people read it, before they approve it: what is new, what changes field by field, what goes, what is waited for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.text import Text

from plimsoll.domain.diff import in_texts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from plimsoll.domain.plan import DeployPlan
    from plimsoll.domain.plan_file import SavedPlan
    from plimsoll.domain.plan_report import ApprovedPlan, PlanResult

# A value longer than this is cut; the JSON of the plan has all of it.
VALUE = 100
REVISION = 12
MEGABYTE = 1_000_000


def draw_plan(plan: DeployPlan, console: Console) -> None:
    """Print the whole plan; nothing in it is secret."""
    _draw(plan.environment, plan.to_json(), console)


def draw_saved(saved: SavedPlan, console: Console) -> None:
    """Print the plan of a file, who made it, and its digest."""
    _draw(saved.environment, saved.plan, console)
    commit = f"{saved.candidate.git_revision[:REVISION]}{' with uncommitted changes' if saved.candidate.dirty else ''}"
    told = f"  of {saved.version or commit}, made by {saved.made_by} at {saved.made_at}, holds until {saved.expires_at}"
    console.print(Text(visible(told), style="dim"), soft_wrap=True)
    console.print(Text(f"  {saved.digest}", style="dim"))


def draw_result(result: PlanResult, console: Console) -> None:
    """Print what `inv plan` found, what a release still needs, and where the plan was saved."""
    draw_plan(result.plan, console)
    if result.protected and not result.plan.nothing_to_do:
        console.print(Text.assemble(("  needs an approval: ", "cyan"), f"{result.plan.environment} is protected"))
    for remark in result.remarks:
        console.print(Text(f"! {remark}", style="yellow"), soft_wrap=True)
    if result.saved is not None:
        console.print(Text.assemble(("✔ ", "green"), f"saved in {result.file}, holds until {result.saved.expires_at}"))
        console.print(Text(f"  {result.saved.digest}", style="dim"))


def draw_approved(result: ApprovedPlan, console: Console) -> None:
    """Print what was approved, by whom and until when."""
    release, place = result.saved.plan["release"], result.saved.environment
    console.print(
        Text.assemble(("✔ ", "green"), f"{release} to {place} is approved by {result.approver} until {result.expires_at}")
    )
    console.print(Text(f"  {result.file}"), soft_wrap=True)


def visible(text: str) -> str:
    """Return a text whose control characters are spelled out: nobody approves what a terminal was told to hide."""
    return "".join(char if char.isprintable() or char in "\n\t" else f"\\u{ord(char):04x}" for char in text)


def _draw(environment: str, told: Mapping[str, Any], console: Console) -> None:
    plan = in_texts(dict(told), visible)
    live = f", {plan['live']} runs now" if plan["live"] else ", nothing runs there yet"
    console.print(Text.assemble("plan for ", (environment, "bold"), f": {plan['release']}{live}"))
    if plan["nothing_to_do"]:
        console.print(Text("  nothing to do: the verified release is this very content", style="green"))
    for note in plan["notes"]:
        console.print(Text(f"  {note}", style="dim"))
    _listed("images", [f"{service}: {reference}" for service, reference in sorted(plan["images"].items())], console)
    _listed("create", plan["creates"], console, mark="+", style="green")
    for change in plan["changes"]:
        console.print(Text(f"  ~ {change['object']}", style="yellow"))
        for field in change["fields"]:
            before, after = (_value(field["before"]), "red"), (_value(field["after"]), "green")
            console.print(Text.assemble(f"      {field['path']}: ", before, " → ", after), soft_wrap=True)
    _listed("generate secrets", plan["secrets"], console, mark="+", style="green")
    _listed("prune once it is verified", plan["prunes"], console, mark="-", style="red")
    _listed("roll", plan["rolled"], console)
    verb = "run" if plan["migration"]["run"] else "do not run"
    console.print(Text.assemble(("  migrations: ", "cyan"), f"{verb}, {plan['migration']['why']}"), soft_wrap=True)
    waits = [f"{wave['name']}: {', '.join(wave['waits'])}" for wave in plan["waves"] if wave["waits"]]
    _listed("wait for", waits, console)
    console.print(Text(f"  {plan['unchanged']} objects stay as they are", style="dim"))
    for refusal in plan["refusals"]:
        console.print(Text(f"✘ refused: {refusal['what']}", style="red"), soft_wrap=True)
        console.print(Text(f"  now: {refusal['now']}"), soft_wrap=True)


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
    return brief(value if isinstance(value, str) else visible(json.dumps(value, ensure_ascii=False)), VALUE)
