"""Recorded releases as people read them: one with all that is known of it, two against each other, one as a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.text import Text

from plimsoll.ui.plan import brief
from plimsoll.ui.releases import BROKEN, COLOURS, REVISION, draw_checks, images_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from plimsoll.domain.gate import Gate, GateReport
    from plimsoll.domain.release_diff import ObjectDifference, ReleaseDiff
    from plimsoll.domain.release_report import Exported, ReleaseReport

# A value longer than this is cut; the JSON of the comparison has all of it.
VALUE = 200
# The steps of a deploy in their order: the ledger keeps them by name.
STEPS = ("publish", "lock", "plan", "foundation", "data", "migration", "workloads", "smoke")
MARKS = {"met": ("✔", "green"), "not met": ("✘", "red"), "not provided": ("?", "yellow")}
STYLES = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}


def draw_release(report: ReleaseReport, console: Console) -> None:
    """Print everything that is recorded of a release."""
    release = report.release
    state = release.state.value
    console.print(Text.assemble((release.name, "bold"), " ", (state, COLOURS.get(state, ""))))
    for label, text in _rows(report):
        if text:
            console.print(Text.assemble((f"  {label:<11}", "cyan"), text), soft_wrap=True)
    if release.gate:
        draw_items(release.gate, console)
    console.print(images_table(release.images))
    for service, image in sorted(release.images.items()):
        console.print(Text(f"  {image.reference}", style="dim"), soft_wrap=True)
        for key, value in sorted(image.labels.items()):
            console.print(Text(f"  {service} {key}={value}", style="dim"), soft_wrap=True)
    draw_checks(release.smoke, console)
    _listed("workloads", [f"{workload} since {since}" for workload, since in sorted(release.workloads.items())], console)
    _listed("secrets (names only)", sorted(release.secrets), console)
    _listed("objects", sorted(release.inventory), console)
    if report.problem:
        console.print(Text(f"! {report.problem}", style="yellow"), soft_wrap=True)


def draw_diff(found: ReleaseDiff, console: Console) -> None:
    """Print what differs, images first."""
    before, after = found.before, found.after
    console.print(Text.assemble("from ", (before.name, "bold"), " to ", (after.name, "bold")))
    if before.git_revision != after.git_revision:
        console.print(
            Text.assemble(("  source     ", "cyan"), f"{before.git_revision[:REVISION]} → {after.git_revision[:REVISION]}")
        )
    if found.same:
        console.print(Text("  nothing differs: the same images, configuration and objects", style="green"))
    for each in found.images:
        old, new = (image.tagged if image else "(none)" for image in (each.before, each.after))
        digests = [image.digest for image in (each.before, each.after) if image]
        console.print(
            Text.assemble((f"  ~ image {each.service}: ", "yellow"), (old, "red"), " → ", (new, "green")), soft_wrap=True
        )
        console.print(Text(f"      {' → '.join(digests)}", style="dim"), soft_wrap=True)
    _objects("configuration", found.configuration, console)
    _objects("objects", found.manifests, console)
    for name, what in found.secrets:
        mark, style = STYLES[what]
        console.print(Text(f"  {mark} secret {name}", style=style))


def draw_gate(report: GateReport, console: Console) -> None:
    """Print the gate of an environment, item by item, and whether a release passes it."""
    console.print(
        Text.assemble("the gate of ", (report.environment, "bold"), f" for {report.git_revision[:REVISION]}, at {report.gate.at}")
    )
    draw_items(report.gate, console)
    if report.gate.passes:
        console.print(Text("✔ a release passes", style="green"))


def draw_items(gate: Gate, console: Console) -> None:
    """Print the items of a gate, and in red the reason for which its glass was broken."""
    if gate.broken is not None:
        console.print(Text(f"! the glass was broken: {gate.broken}", style=BROKEN), soft_wrap=True)
    for item in gate.items:
        mark, style = MARKS[item.standing.value]
        required = " (required)" if item.required else ""
        console.print(
            Text.assemble(
                "  ",
                (mark, style),
                f" {item.title:<24}",
                (f"{item.standing.value}{required}", style),
                f": {item.detail}",
                (f"  {item.at}" if item.at else "", "dim"),
            ),
            soft_wrap=True,
        )


def draw_export(result: Exported, console: Console) -> None:
    """Print the file, its hash, and what was hidden in it."""
    console.print(Text.assemble(("✔ ", "green"), (result.file, "bold"), f"  {result.octets} bytes, {result.objects} objects"))
    console.print(Text(f"  sha256:{result.sha256}", style="dim"), soft_wrap=True)
    for path in result.hidden:
        console.print(Text(f"  hidden: {path}", style="yellow"), soft_wrap=True)


def _rows(report: ReleaseReport) -> list[tuple[str, str]]:
    release = report.release
    dirty = " with uncommitted changes" if release.dirty else ""
    approval = f"{release.approval.by} ({release.approval.kind}, {release.approval.at})" if release.approval else ""
    hidden = f", {len(report.hidden)} secret values hidden" if report.hidden else ""
    return [
        ("source", f"{release.git_revision}{dirty}"),
        ("by", release.actor),
        ("approved by", approval),
        ("run", release.ci or ""),
        ("started", release.started_at),
        ("finished", release.finished_at or "(not finished)"),
        ("took", ", ".join(f"{step} {release.timings[step]:.1f} s" for step in sorted(release.timings, key=_order))),
        ("content", release.content),
        ("content of", release.content_note),
        ("cause", release.cause or ""),
        ("schema", f"{release.schema or ''}{' (no way back over its migration)' if release.one_way else ''}"),
        ("manifests", f"{len(report.manifests)} objects, whole{hidden}" if not report.problem else "not kept"),
    ]


def _order(step: str) -> int:
    return STEPS.index(step) if step in STEPS else len(STEPS)


def _objects(title: str, found: Sequence[ObjectDifference], console: Console) -> None:
    if found:
        console.print(Text(f"  {title}", style="cyan"))
    for each in found:
        mark, style = STYLES[each.what]
        console.print(Text(f"    {mark} {each.name}", style=style))
        for field in each.fields:
            arrow = Text.assemble(f"        {field.path}: ", (_value(field.before), "red"), " → ", (_value(field.after), "green"))
            console.print(arrow, soft_wrap=True)


def _listed(title: str, entries: Sequence[str], console: Console) -> None:
    if entries:
        console.print(Text(f"  {title}", style="cyan"))
    for entry in entries:
        console.print(Text(f"    {entry}"), soft_wrap=True)


def _value(value: Any) -> str:  # noqa: ANN401 -- any JSON value
    if value is None:
        return "(none)"
    return brief(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), VALUE)
