"""Images, bases and pushes as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from plimsoll.domain.bases import STALE_AFTER, UPDATE
from plimsoll.domain.build import instruction
from plimsoll.domain.project import MEGABYTE

if TYPE_CHECKING:
    from rich.console import Console

    from plimsoll.domain.bases import BasesReport
    from plimsoll.domain.build import BuildPreview, BuildResult
    from plimsoll.domain.build_compare import Reproduction
    from plimsoll.domain.image_facts import ImageFacts
    from plimsoll.domain.publish import Publication

ORIGINS = {"built": "built", "kept": "unchanged", "registry": "unchanged (in the registry)"}
# Share of the budget from which a size is worth a look.
NEAR = 0.9
DIGEST = 19
# Packages that a line about an update names; the file's diff has them all.
NAMED_MOVES = 6


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, justify="right" if column in {"size", "budget", "seconds", "packages"} else "left")
    return table


def _size(size: int, budget: int | None = None) -> Text:
    style = "" if budget is None or size < budget * NEAR else "red" if size > budget else "yellow"
    return Text(f"{size / MEGABYTE:.1f} MB", style=style)


def draw_build(result: BuildResult, console: Console) -> None:
    """Print one line per image: tag, size against its budget, digest, and whether anything had to be built."""
    table = _table("service", "tag", "size", "budget", "digest", "", "seconds")
    for service, built in result.images.items():
        image, budget = built.image, result.budgets[service]
        table.add_row(
            service,
            image.tag,
            _size(image.unpacked_bytes, budget),
            f"{budget / MEGABYTE:.0f} MB",
            image.digest[:DIGEST],
            Text(ORIGINS[built.origin], style="green" if built.origin == "built" else "dim"),
            f"{built.seconds:.1f}" if built.origin == "built" else "",
        )
    console.print(table)
    if all(built.origin != "built" for built in result.images.values()):
        console.print(Text(f"Nothing to build: the sources are unchanged ({result.seconds:.2f} s).", style="dim"))


def draw_preview(preview: BuildPreview, console: Console) -> None:
    """Print what a build would do, and why a tag is a dirty one."""
    table = _table("service", "tag", "would")
    for plan in preview.plans:
        stands = plan.service.name in preview.standing
        table.add_row(plan.service.name, plan.tag, Text("do nothing" if stands else "build it", style="dim" if stands else ""))
    console.print(table)
    if preview.bases:
        console.print(f"Base images to make first: {', '.join(preview.bases)}")
    for plan in preview.plans:
        if plan.dirty:
            console.print(Text(f"{plan.service.name}: uncommitted: {', '.join(plan.dirty)}", style="yellow"))


def draw_reproduction(result: Reproduction, console: Console) -> None:
    """Print both digests of every image."""
    for service, pair in result.digests.items():
        same = pair[0] == pair[1]
        verdict = Text("equal" if same else "different", style="green" if same else "bold red")
        console.print(Text.assemble((service, "bold"), "  ", verdict))
        for digest in pair:
            console.print(f"  {digest}")


def draw_bases(report: BasesReport, console: Console) -> None:
    """Print what is recorded, how old it is, and what moved."""
    table = _table("base", "kind", "suite", "packages", "state")
    for state in report.states:
        count = "" if state.base.pull else str(len(state.recorded.packages))
        told = f"pulled: {state.base.pull}" if state.base.pull else "as recorded"
        if state.moved:
            told = f"this machine's own: {', '.join(map(str, state.moved))}"
        table.add_row(
            state.base.name, state.base.kind, state.base.suite, count, Text(told, style="yellow" if state.moved else "")
        )
    console.print(table)
    for name, moves in (report.updated or {}).items():
        more = f" and {len(moves) - NAMED_MOVES} more" if len(moves) > NAMED_MOVES else ""
        console.print(f"{name}: {', '.join(map(str, moves[:NAMED_MOVES])) or 'nothing moved'}{more}")
    if report.recorded:
        console.print(Text(f"Recorded on {report.recorded} ({report.age} days ago).", style="dim"))
    if report.age is not None and report.age > STALE_AFTER:
        console.print(Text(f"! that is older than {STALE_AFTER} days: {UPDATE}", style="yellow"))


def draw_push(result: Publication, console: Console) -> None:
    """Print what a push moved."""
    table = _table("service", "reference", "size", "")
    for service, image in result.images.items():
        moved = result.results[service]
        told = Text("pushed", style="green") if moved.pushed else Text("was there", style="dim")
        table.add_row(service, image.tagged, _size(moved.bytes_moved) if moved.pushed else "", told)
    console.print(table)


def draw_labels(facts: ImageFacts, console: Console) -> None:
    """Print every label of every image."""
    for service, built in facts.images.items():
        console.print(Text(f"{service}  {built.image.tagged}", style="bold"))
        table = _table("", "")
        table.show_header = False
        for key, value in sorted(built.image.labels.items()):
            table.add_row(f"  {key}", value)
        console.print(table)


def draw_sizes(facts: ImageFacts, console: Console) -> None:
    """Print the layers of every image, largest first."""
    for service, built in facts.images.items():
        budget = facts.budgets[service]
        size = _size(built.image.unpacked_bytes, budget)
        console.print(Text.assemble((service, "bold"), "  ", size, f" of {budget / MEGABYTE:.0f} MB"))
        table = _table("size", "")
        table.show_header = False
        for layer in built.largest(len(built.layers)):
            table.add_row(_size(layer.unpacked), instruction(layer.created_by))
        console.print(table)


def draw_presence(facts: ImageFacts, console: Console) -> None:
    """Print which images the registry has."""
    table = _table("service", "reference", "registry")
    for service, built in facts.images.items():
        there = service not in facts.absent
        table.add_row(service, built.image.reference, Text("has it" if there else "does not", style="green" if there else "red"))
    console.print(table)
