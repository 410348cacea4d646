"""Judge built images: database, scan (or an earlier one), waivers, verdict."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from plimsoll.domain.scan import ScanResult, database_problem, judge, unused
from plimsoll.errors import EnvironmentLacks, Failed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from plimsoll.domain.images import Image
    from plimsoll.domain.project import ScanPolicy
    from plimsoll.domain.scan import Database, Judgement, ScanReport, Waiver
    from plimsoll.ports import Clock, Reporter, ScanMemory, Scanner


def scan(
    images: Sequence[Image],
    *,
    layout: Callable[[Image], str],
    policy: ScanPolicy,
    waivers: Sequence[Waiver],
    scanner: Scanner,
    memory: ScanMemory,
    clock: Clock,
    reporter: Reporter,
) -> ScanResult:
    """Judge each image, several at a time; `layout` returns the path of its OCI layout, and is asked only when it is scanned.

    Never raises for what a scanner cannot do: that is a verdict.
    """
    with reporter.step("vulnerability database"):
        database = scanner.database()
    usable = not database_problem(database, max_age=policy.database_max_age, now=clock.now())

    def one(image: Image) -> Judgement:
        report, failure = None, ""
        if usable:
            report, failure = _report(image, layout, database, scanner=scanner, memory=memory, reporter=reporter)
        return judge(
            image.service,
            image.digest,
            report,
            database=database,
            waivers=waivers,
            policy=policy,
            now=clock.now(),
            failure=failure,
        )

    with ThreadPoolExecutor(max_workers=4) as pool:
        judgements = tuple(pool.map(one, images))
    stale = unused(waivers, judgements)
    for waiver in stale:
        reporter.warn(f"the waiver of {waiver.id} covers nothing any more: remove it")
    return ScanResult(judgements=judgements, unused=stale)


def _report(
    image: Image, layout: Callable[[Image], str], database: Database, *, scanner: Scanner, memory: ScanMemory, reporter: Reporter
) -> tuple[ScanReport | None, str]:
    known = memory.recall(image.digest, database)
    if known is not None:
        return known, ""
    try:
        with reporter.step(f"scan {image.service}"):
            report = scanner.scan(layout(image))
    except EnvironmentLacks as error:
        return None, error.what
    memory.keep(image.digest, database, report)
    return report, ""


def with_summaries(images: Mapping[str, Image], result: ScanResult) -> dict[str, Image]:
    """Return the images with the verdicts over them."""
    summaries = result.summaries()
    return {name: replace(image, scan=summaries.get(name, image.scan)) for name, image in images.items()}


def require(result: ScanResult) -> None:
    """Raise Failed for findings or expired waivers, EnvironmentLacks where the scanner could not run; findings win."""
    bad = [each for each in result.judgements if each.summary.verdict in {"findings", "expired-waiver"}]
    lame = [each for each in result.judgements if each.summary.verdict == "not-run"]
    also = f"; {', '.join(each.service for each in lame)}: not scanned ({lame[0].summary.reason})" if lame else ""
    if bad:
        parts = []
        for each in bad:
            worst = ", ".join(f"{finding.id} in {finding.package} (fixed in {finding.fixed})" for finding in each.blocking[:3])
            expired = f"; expired waiver of {', '.join(waiver.id for waiver in each.expired)}" if each.expired else ""
            parts.append(f"{each.service}: {len(each.blocking)} findings: {worst}{expired}")
        raise Failed(
            "\n  ".join(parts) + also,
            where="the images as built",
            now="update what is named (distribution packages: `inv image.bases --update`), or waive it in .trivyignore.yaml",
            code="scan-findings",
            report=result,
        )
    if lame:
        names = ", ".join(each.service for each in lame)
        raise EnvironmentLacks(
            f"{names}: the scanner could not run: {lame[0].summary.reason}",
            where="scan",
            now="reach one of scan.database_repositories in plimsoll.toml, or name a mirror of your own there",
            code="scan-not-run",
            report=result,
        )
