"""Composition of the scan gate: scanner, waivers, exceptions of this clone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING

from plimsoll import wiring
from plimsoll.domain.scan import excepted, read_waivers
from plimsoll.errors import Misconfigured
from plimsoll.workflows import scan as workflow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from plimsoll.config import ScanException
    from plimsoll.domain.images import Image
    from plimsoll.domain.project import Environment
    from plimsoll.domain.publish import Publication
    from plimsoll.domain.scan import ScanResult, Waiver
    from plimsoll.ports import Reporter, Scanner


def scan(names: Sequence[str], reporter: Reporter) -> ScanResult:
    """Judge the images of the present sources."""
    from plimsoll.wiring import images

    return _scan(images.images(reporter, names), reporter)


def push(name: str | None, reporter: Reporter) -> Publication:
    """Push the present images as the gate of the environment called `name` allows; without one the gate blocks."""
    from plimsoll.wiring import images

    environment = wiring.environment(name) if name else None
    return images.publish(environment, judged(environment, images.images(reporter), reporter), reporter)


def judged(environment: Environment | None, found: Mapping[str, Image], reporter: Reporter) -> dict[str, Image]:
    """Return the images with the verdicts that hold in `environment`, an exception of this clone included."""
    images = workflow.with_summaries(found, _scan(found, reporter))
    latest = _exception(environment)
    if latest is None:
        return images
    return {
        name: replace(image, scan=excepted(image.scan, until=latest.until, reason=latest.reason, today=today()))
        if image.scan
        else image
        for name, image in images.items()
    }


def _exception(environment: Environment | None) -> ScanException | None:
    """Return the exception of this clone that holds longest in `environment`; never one for a protected environment."""
    if environment is None or environment.protected or environment.remote:
        return None
    own = [each for each in wiring.settings().exceptions if each.environment == environment.name]
    return max(own, key=lambda each: each.until, default=None)


def today() -> date:
    """Return the date that waivers and exceptions are measured by (UTC)."""
    return wiring.clock().now().astimezone(UTC).date()


def waivers() -> tuple[Waiver, ...]:
    """Return the waivers of this repository; raise Misconfigured with every problem of the file at once."""
    from plimsoll.adapters.waiver_file import read

    name = wiring.project().scan.ignore_file
    found, problems = read_waivers(read(wiring.root() / name), today=today())
    if problems:
        told = "\n".join(f"  - {problem}" for problem in problems)
        raise Misconfigured(f"the waivers have problems:\n{told}", where=name, now="correct them", code="waivers")
    return found


def _scan(found: Mapping[str, Image], reporter: Reporter) -> ScanResult:
    from plimsoll.adapters.scan_memory import ScanFiles
    from plimsoll.wiring import images

    return workflow.scan(
        tuple(found.values()),
        layout=lambda image: str(images.layout(image, reporter)),
        policy=wiring.project().scan,
        waivers=waivers(),
        scanner=_scanner(reporter),
        memory=ScanFiles(wiring.state() / "scans"),
        clock=wiring.clock(),
        reporter=reporter,
    )


def _scanner(reporter: Reporter) -> Scanner:
    from plimsoll.adapters.trivy import Trivy
    from plimsoll.wiring import tools

    repositories = wiring.project().scan.database_repositories
    return Trivy(tools.ensure_tool("trivy", reporter), wiring.cache_folder() / "trivy", repositories, wiring.clock())
