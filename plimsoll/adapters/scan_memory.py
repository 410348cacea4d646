"""Earlier scan reports as files, named by digest and database (port ScanMemory)."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from plimsoll.domain.scan import Finding, ScanReport

if TYPE_CHECKING:
    from pathlib import Path

    from plimsoll.domain.scan import Database


class ScanFiles:
    """Reports in a folder of the state folder; one that cannot be read is scanned again."""

    def __init__(self, folder: Path) -> None:
        """Keep reports in `folder`, which is made when the first one comes."""
        self._folder = folder

    def recall(self, digest: str, database: Database) -> ScanReport | None:
        """Return the report of an earlier scan, or None."""
        try:
            data = json.loads(self._path(digest, database).read_text(encoding="utf-8"))
            findings = tuple(Finding(**each) for each in data["findings"])
            return ScanReport(findings=findings, os_packages=data["os_packages"], scanner=data["scanner"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, digest: str, database: Database, report: ScanReport) -> None:
        """Keep a report; whole or not at all."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(digest, database)
        findings = [finding.to_json() for finding in report.findings]
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        fresh.write_text(
            json.dumps({"findings": findings, "os_packages": report.os_packages, "scanner": report.scanner}), encoding="utf-8"
        )
        fresh.replace(path)

    def _path(self, digest: str, database: Database) -> Path:
        stamp = database.updated_at.strftime("%Y%m%dT%H%M%SZ") if database.updated_at else "none"
        return self._folder / f"{digest.removeprefix('sha256:')}-{stamp}.json"
