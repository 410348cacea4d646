"""Releases as people read them: what was deployed, what runs, what ran, and what would change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from plimsoll.domain.outcome import PLANNED, UNCHANGED
from plimsoll.ui.plan import brief, draw_plan, size

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from plimsoll.domain.images import Image
    from plimsoll.domain.outcome import (
        Address,
        DeployResult,
        HistoryResult,
        LogLines,
        RollbackResult,
        SmokeReport,
        StatusResult,
    )
    from plimsoll.domain.release import Release, SmokeResult

COLOURS = {"verified": "green", "failed": "red", "rollback-failed": "bold red", "rolled-back": "yellow", "superseded": "dim"}
# A verdict that lets images pass without having looked at them is shown in red wherever it stands.
VERDICTS = {"clean": "green", "findings": "red", "expired-waiver": "red", "not-run": "red", "excepted": "bold red"}
# What went to production without its gate is never overlooked.
BROKEN = "bold red"
REVISION = 12
DIGEST = 19
ACTOR = 24
REASON = 120


def draw_deploy(result: DeployResult, console: Console) -> None:
    """Print what a deploy did, or its plan."""
    if result.outcome == PLANNED:
        draw_plan(result.plan, console)
    elif result.outcome == UNCHANGED:
        name = result.release.name if result.release else ""
        console.print(
            Text.assemble(("✔ ", "green"), f"{result.environment} is unchanged: {name} is verified, nothing was rolled")
        )
    elif result.release is not None:
        rolled = f"; rolled {', '.join(result.plan.rolled)}" if result.plan.rolled else ""
        _headline(f"{result.release.name} is verified in {result.environment}", result.seconds, rolled, console)
        _broken(result.release, console)
        _where(result.url, console)


def draw_rollback(result: RollbackResult, console: Console) -> None:
    """Print what a rollback brought back."""
    release = result.release
    left = f" instead of {release.rollback_of}" if release.rollback_of else ""
    title = f"{release.content_of} runs again in {result.environment}{left}, verified as {release.name}"
    _headline(title, result.seconds, "", console)
    for conflict in result.taken_over:
        console.print(Text(f"  took back {conflict.target}: {', '.join(f'{field} ({by})' for field, by in conflict.fields)}"))
    _where(result.url, console)


def draw_status(result: StatusResult, console: Console) -> None:
    """Print the release of an environment with its images and checks."""
    release = result.release
    console.print(
        Text.assemble(
            f"{result.environment}: ", (release.name, "bold"), " ", (release.state.value, COLOURS.get(release.state, ""))
        )
    )
    dirty = " with uncommitted changes" if release.dirty else ""
    rows = [("source", f"{release.git_revision[:REVISION]}{dirty}"), ("by", release.actor), ("since", _since(release))]
    if release.content_note:
        rows.append(("content of", release.content_note))
    if release.cause:
        rows.append(("cause", release.cause))
    if result.url:
        rows.append(("address", result.url))
    for label, text in rows:
        console.print(Text.assemble((f"  {label:<11}", "cyan"), text), soft_wrap=True)
    console.print(images_table(release.images))
    # One database or one scanner judges all images: the same reason is told once.
    for reason in dict.fromkeys(image.scan.reason for image in release.images.values() if image.scan and image.scan.reason):
        console.print(Text(f"! not scanned: {brief(reason, REASON)}", style="red"), soft_wrap=True)
    draw_checks(release.smoke, console)
    _broken(release, console)
    for fault in result.faults:
        console.print(Text.assemble(("✘ ", "red"), (fault.workload, "bold"), f": {fault.headline}"), soft_wrap=True)
    _broken(release, console)
    for remark in result.remarks:
        console.print(Text(f"! {remark}", style="yellow"), soft_wrap=True)


def draw_history(result: HistoryResult, console: Console) -> None:
    """Print one line a release, newest first."""
    if not result.releases:
        console.print(Text(f"{result.environment} has no release yet"))
    table = Table(box=None, pad_edge=False)
    for title in ("release", "state", "source", "by", "started", "what"):
        width = ACTOR if title == "by" else None
        table.add_column(title, header_style="cyan", no_wrap=title != "what", max_width=width)
    for release in result.releases:
        table.add_row(
            f"{release.name} (line)" if release.compacted else release.name,
            Text(release.state.value, style=COLOURS.get(release.state, "")),
            release.git_revision[:REVISION] + ("+" if release.dirty else ""),
            release.actor,
            release.started_at,
            _story(release),
        )
    if result.releases:
        console.print(table)
    if any(release.compacted for release in result.releases):
        console.print(Text("(line): no more than that is kept; it cannot be gone back to", style="dim"))
    for name in result.damaged:
        console.print(Text(f"! the record {name} cannot be read", style="yellow"))


def draw_smoke(result: SmokeReport, console: Console) -> None:
    """Print one line a check."""
    console.print(Text(result.url))
    draw_checks(result.checks, console)


def draw_logs(result: LogLines, console: Console) -> None:
    """Print lines with the pod that said them."""
    for pod, line in result.lines:
        console.print(Text.assemble((f"{pod} ", "cyan"), line), soft_wrap=True)


def draw_address(result: Address, console: Console) -> None:
    """Print the address, and nothing else: it can be piped."""
    console.print(Text(result.url), soft_wrap=True)


def _headline(title: str, seconds: float, rest: str, console: Console) -> None:
    console.print(Text.assemble(("✔ ", "green"), (title, "bold"), (f"  {seconds:.1f} s", "dim"), rest), soft_wrap=True)


def _broken(release: Release, console: Console) -> None:
    if release.broken_glass:
        console.print(Text(f"! passed its gate by broken glass: {release.broken_glass}", style=BROKEN), soft_wrap=True)


def _where(url: str | None, console: Console) -> None:
    if url:
        console.print(Text.assemble("  ", (url, "underline")))


def _since(release: Release) -> str:
    return release.finished_at or f"{release.started_at} (not finished)"


def images_table(images: Mapping[str, Image]) -> Table:
    """Return the images of a release, one a row, with their verdicts."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("  image", "tag", "digest", "unpacked", "scan"):
        table.add_column(title, header_style="cyan")
    for service, image in sorted(images.items()):
        table.add_row(f"  {service}", image.tag, image.digest[:DIGEST], size(image.unpacked_bytes), _verdict(image))
    return table


def _verdict(image: Image) -> Text:
    if image.scan is None:
        return Text("not scanned", style="red")
    scan = image.scan
    until = f" until {scan.excepted_until}" if scan.excepted_until else ""
    database = f" (database of {scan.database_date[:10]})" if scan.database_date else ""
    return Text(f"{scan.verdict}{until}{database}", style=VERDICTS.get(scan.verdict, ""))


def draw_checks(checks: Sequence[SmokeResult], console: Console) -> None:
    """Print one line a check."""
    for check in checks:
        mark, style = ("✔", "green") if check.passed else ("✘", "red")
        detail = f"  {check.detail}" if check.detail else ""
        console.print(
            Text.assemble("  ", (mark, style), f" {check.name} ", (f"{check.path} {check.status or ''}", "dim"), detail),
            soft_wrap=True,
        )


def _story(release: Release) -> Text:
    told = f"content of {release.content_note}" if release.content_note else ""
    told = told or ((release.cause or "").splitlines() or [""])[0]
    broken = f"glass broken: {release.broken_glass}{'; ' if told else ''}" if release.broken_glass else ""
    return Text.assemble((broken, BROKEN), told)
