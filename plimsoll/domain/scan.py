"""The scan gate: what a scanner found, what is waived, and what that means for an image.

Verdicts: `clean`, `findings`, `expired-waiver`, `not-run` (the scanner could not run, or saw nothing it understands) and
`excepted` (not run, and an exception of this clone covers that). Only `clean` and `excepted` pass a gate that blocks.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from plimsoll.domain.images import ScanSummary
from plimsoll.domain.project import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from plimsoll.domain.project import ScanPolicy

PASSING = frozenset({"clean", "excepted"})
# A waiver is a promise to look again: a quarter of a year is the longest that teams keep one.
LONGEST_WAIVER = timedelta(days=90)
FINDING_ID = re.compile(r"[A-Z][A-Z0-9]*(-[A-Za-z0-9]+)+")
WAIVER_KEYS = frozenset({"id", "paths", "purls", "statement", "owner", "expired_at"})


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One vulnerability in one package of an image. `fixed` is the version that closes it, empty when nobody fixed it yet."""

    id: str
    package: str
    installed: str
    severity: str
    fixed: str = ""
    title: str = ""
    path: str = ""
    purl: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return one entry of `findings`."""
        return {
            "id": self.id,
            "package": self.package,
            "installed": self.installed,
            "severity": self.severity,
            "fixed": self.fixed,
            "title": self.title,
            "path": self.path,
            "purl": self.purl,
        }


@dataclass(frozen=True, kw_only=True)
class ScanReport:
    """What the scanner said of one image. `os_packages` is how many distribution packages it recognised."""

    findings: tuple[Finding, ...]
    os_packages: int
    scanner: str


@dataclass(frozen=True, kw_only=True)
class Database:
    """The vulnerability database: when it was made, and where it came from. `reason` says why there is none."""

    updated_at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Waiver:
    """A finding that the team accepts until a date, with the reason. Without paths and purls it holds everywhere."""

    id: str
    statement: str
    expired_at: date
    paths: tuple[str, ...] = ()
    purls: tuple[str, ...] = ()
    owner: str = ""

    def covers(self, finding: Finding) -> bool:
        """Tell whether the waiver speaks of this finding, whatever the date."""
        if finding.id != self.id:
            return False
        if self.paths and finding.path not in self.paths:
            return False
        return not self.purls or any(finding.purl.startswith(purl) for purl in self.purls)

    def expired(self, today: date) -> bool:
        """Tell whether it no longer holds: the day it names is already too late, as Trivy reads it."""
        return self.expired_at <= today


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The verdict over one image and everything that explains it."""

    service: str
    digest: str
    summary: ScanSummary
    blocking: tuple[Finding, ...] = ()
    waived: tuple[Finding, ...] = ()
    expired: tuple[Waiver, ...] = ()
    findings: tuple[Finding, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return one entry of `images` in `inv scan --json`."""
        return {
            "service": self.service,
            "digest": self.digest,
            **self.summary.to_json(),
            "blocking": [finding.to_json() for finding in self.blocking],
            "waived": [finding.to_json() for finding in self.waived],
            "findings": [finding.to_json() for finding in self.findings],
        }


@dataclass(frozen=True, kw_only=True)
class ScanResult:
    """The verdict over each image, and the waivers that cover nothing any more (JSON: `plimsoll.scan/1`)."""

    judgements: tuple[Judgement, ...]
    unused: tuple[Waiver, ...] = ()

    def summaries(self) -> dict[str, ScanSummary]:
        """Return what a release records, by service."""
        return {each.service: each.summary for each in self.judgements}

    def to_json(self) -> dict[str, Any]:
        """Return the object that `inv scan --json` prints."""
        return {
            "schema": "plimsoll.scan/1",
            "images": {each.service: each.to_json() for each in self.judgements},
            "unused_waivers": [waiver.id for waiver in self.unused],
        }


def database_problem(database: Database, *, max_age: int, now: datetime) -> str:
    """Return why no verdict can stand on this database, or an empty text. `max_age` is in seconds."""
    if database.updated_at is None:
        return database.reason or "there is no vulnerability database"
    age = now - database.updated_at
    if age > timedelta(seconds=max_age):
        return f"the vulnerability database is {age.days} days old; {max_age // 86400} are allowed (scan.database_max_age)"
    return ""


def judge(
    service: str,
    digest: str,
    report: ScanReport | None,
    *,
    database: Database,
    waivers: Sequence[Waiver],
    policy: ScanPolicy,
    now: datetime,
    failure: str = "",
) -> Judgement:
    """Return the verdict over one image. `report` is None when the scanner could not run, `failure` says why."""
    stamp = database.updated_at.strftime("%Y-%m-%dT%H:%M:%SZ") if database.updated_at else None
    problem = database_problem(database, max_age=policy.database_max_age, now=now) or failure
    if not problem and report is not None and report.os_packages == 0:
        problem = "the scanner recognised no distribution package in this image"
    if problem or report is None:
        summary = ScanSummary(verdict="not-run", database_date=stamp, reason=problem or "the scanner did not run")
        return Judgement(service=service, digest=digest, summary=summary)
    today = now.astimezone(UTC).date()
    concerned = [finding for finding in report.findings if _blocks(finding, policy)]
    waived = [f for f in concerned if any(w.covers(f) and not w.expired(today) for w in waivers)]
    blocking = [f for f in concerned if f not in waived]
    expired = tuple(w for w in waivers if w.expired(today) and any(w.covers(f) for f in blocking))
    verdict = "expired-waiver" if expired else "findings" if blocking else "clean"
    counts = Counter(finding.severity for finding in report.findings)
    summary = ScanSummary(
        verdict=verdict,
        database_date=stamp,
        scanner=report.scanner,
        counts={severity: counts[severity] for severity in SEVERITIES if counts[severity]},
        unfixed=sum(1 for finding in report.findings if not finding.fixed),
    )
    return Judgement(
        service=service,
        digest=digest,
        summary=summary,
        blocking=tuple(blocking),
        waived=tuple(waived),
        expired=expired,
        findings=report.findings,
    )


def _blocks(finding: Finding, policy: ScanPolicy) -> bool:
    return finding.severity in policy.severities and (bool(finding.fixed) or policy.block_unfixed)


def unused(waivers: Iterable[Waiver], judgements: Iterable[Judgement]) -> tuple[Waiver, ...]:
    """Return the waivers that cover nothing any more; empty when any image could not be judged."""
    judged = tuple(judgements)
    if any(each.summary.verdict == "not-run" for each in judged):
        return ()
    findings = [finding for each in judged for finding in each.findings]
    return tuple(waiver for waiver in waivers if not any(waiver.covers(finding) for finding in findings))


def excepted(summary: ScanSummary, *, until: date | None, reason: str, today: date) -> ScanSummary:
    """Return the summary under an exception: it turns `not-run` into `excepted` until its date, and nothing else."""
    if summary.verdict != "not-run" or until is None or until < today:
        return summary
    return replace(summary, verdict="excepted", excepted_until=until.isoformat(), reason=f"{summary.reason}; excepted: {reason}")


def passes(summary: ScanSummary | None, gate: str) -> bool:
    """Tell whether an image may go on: `gate` is `block` or `show`."""
    return gate == "show" or (summary is not None and summary.verdict in PASSING)


def read_waivers(data: object, *, today: date) -> tuple[tuple[Waiver, ...], tuple[str, ...]]:
    """Return the waivers of a parsed `.trivyignore.yaml` and every problem with it, each with its path.

    Trivy itself takes a misspelt key for "waived for ever"; here every key is known, and reason and date are demanded.
    """
    if data is None:
        return (), ()
    if not isinstance(data, dict) or set(data) - {"vulnerabilities"}:
        return (), ("the file should hold one key, `vulnerabilities`, with a list",)
    entries = [] if data.get("vulnerabilities") is None else data["vulnerabilities"]
    if not isinstance(entries, list):
        return (), ("vulnerabilities: should be a list",)
    waivers: list[Waiver] = []
    problems: list[str] = []
    for index, entry in enumerate(entries):
        where = f"vulnerabilities[{index}]"
        if not isinstance(entry, dict):
            problems.append(f"{where}: should be a table")
            continue
        own = [f"{where}{text}" for text in _waiver_problems(entry, today)]
        problems += own
        if not own:
            waivers.append(_waiver(entry))
    return tuple(waivers), tuple(problems)


def _waiver(entry: Mapping[str, Any]) -> Waiver:
    return Waiver(
        id=entry["id"],
        statement=entry["statement"],
        expired_at=_date(entry["expired_at"]) or date.min,
        paths=tuple(entry.get("paths", ())),
        purls=tuple(entry.get("purls", ())),
        owner=entry.get("owner", ""),
    )


def _waiver_problems(entry: Mapping[str, Any], today: date) -> list[str]:
    problems = [f".{key}: is not known; a waiver has {', '.join(sorted(WAIVER_KEYS))}" for key in entry if key not in WAIVER_KEYS]
    if not FINDING_ID.fullmatch(str(entry.get("id", ""))):
        problems.append(".id: should name a finding, such as CVE-2026-12345")
    if not str(entry.get("statement") or "").strip():
        problems.append(".statement: is missing; say why the finding is accepted")
    until = _date(entry.get("expired_at"))
    if until is None:
        problems.append(".expired_at: is missing or no date; write YYYY-MM-DD")
    elif until - today > LONGEST_WAIVER:
        problems.append(f".expired_at: {until} is more than {LONGEST_WAIVER.days} days away")
    for key in ("paths", "purls"):
        value = entry.get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            problems.append(f".{key}: should be a list of texts")
    return problems


def _date(value: object) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None
