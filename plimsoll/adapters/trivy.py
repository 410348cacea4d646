"""Trivy as the scanner: its database from a list of mirrors, its report translated once.

Trivy ends with 1 for findings under `--exit-code 1` as well as for every failure, so no exit code of its own is asked for:
the report is read, and any non-zero code is a failure to scan.
"""

from __future__ import annotations

import json
import tempfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plimsoll.adapters import process
from plimsoll.domain.scan import Database, Finding, ScanReport
from plimsoll.errors import EnvironmentLacks, Failed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plimsoll.ports import Clock

# A download of about 100 MB over a slow line; a registry that is not there answers at once.
DOWNLOAD_SECONDS = 300
SCAN_SECONDS = 300
# How long mirrors that did not answer are left alone.
RETRY_SECONDS = 600
QUIET = ("--quiet", "--skip-version-check")


class Trivy:
    """Runs a Trivy binary on OCI layouts (port Scanner)."""

    def __init__(self, binary: Path, cache: Path, repositories: Sequence[str], clock: Clock) -> None:
        """Use `binary` with the database folder `cache`, refreshed from the first of `repositories` that answers."""
        self._binary = binary
        self._cache = cache
        self._repositories = repositories
        self._clock = clock
        self._version = ""

    def database(self) -> Database:
        """Return the newest database that can be had; mirrors are tried in order, because Trivy's own list does not fall back."""
        present = self._present()
        if present.updated_at is not None and self._next_update() > self._clock.now():
            return present
        said = self._unreachable()
        for repository in () if said else self._repositories:
            try:
                self._run(("image", "--download-db-only", "--db-repository", repository), timeout=DOWNLOAD_SECONDS)
            except Failed as error:
                said = f"{repository} does not answer ({_last_line(error).rsplit(': ', 1)[-1].strip()})"
            else:
                return self._present()
        self._remember(said)
        if present.updated_at is not None:
            return present
        reason = f"no vulnerability database: {said}" if said else "no database mirror is configured"
        return Database(reason=reason)

    def scan(self, layout: str) -> ScanReport:
        """Return what Trivy finds in the image of an OCI layout; raise EnvironmentLacks when it cannot run."""
        with tempfile.TemporaryDirectory(prefix="plimsoll-scan-") as folder:
            report = Path(folder) / "report.json"
            # The scan cache is kept in memory: parallel scans share one database folder without locking each other out.
            words = (
                "image",
                "--input",
                layout,
                "--format",
                "json",
                "--output",
                str(report),
                "--list-all-pkgs",
                "--scanners",
                "vuln",
                "--skip-db-update",
                "--skip-java-db-update",
                "--offline-scan",
                "--cache-backend",
                "memory",
                "--ignorefile",
                "/dev/null",
            )  # fmt: skip -- flags with their values, as one would type them
            try:
                self._run(words, timeout=SCAN_SECONDS)
                data = json.loads(report.read_text(encoding="utf-8"))
            except (Failed, OSError, ValueError) as error:
                said = _last_line(error)
                raise EnvironmentLacks(f"Trivy could not scan: {said}", where=layout, code="scanner") from error
        return _report(data, self.version())

    def _unreachable(self) -> str:
        """Return what the last try said when it failed a moment ago: nobody waits for dead mirrors twice in a row."""
        note = self._cache / "unreachable"
        try:
            age = self._clock.now().timestamp() - note.stat().st_mtime
            return note.read_text(encoding="utf-8") if 0 <= age < RETRY_SECONDS else ""
        except OSError:
            return ""

    def _remember(self, said: str) -> None:
        if said and not self._unreachable():
            self._cache.mkdir(parents=True, exist_ok=True)
            (self._cache / "unreachable").write_text(said, encoding="utf-8")

    def version(self) -> str:
        """Return name and version, such as `trivy 0.76.0`."""
        if not self._version:
            said = process.run((self._binary, "--version"), timeout=30).stdout.split()
            self._version = f"trivy {said[1]}" if len(said) > 1 else "trivy"
        return self._version

    def _run(self, words: tuple[str, ...], *, timeout: float) -> None:
        process.run((self._binary, *words, *QUIET, "--cache-dir", self._cache), timeout=timeout, title="trivy")

    def _metadata(self) -> dict[str, Any]:
        try:
            data = json.loads((self._cache / "db" / "metadata.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return data if isinstance(data, dict) and (self._cache / "db" / "trivy.db").exists() else {}

    def _present(self) -> Database:
        try:
            return Database(updated_at=_time(self._metadata()["UpdatedAt"]))
        except (KeyError, ValueError):
            return Database(reason="there is no vulnerability database")

    def _next_update(self) -> datetime:
        return _time(self._metadata()["NextUpdate"])


def _time(text: str) -> datetime:
    # Go writes nanoseconds, Python reads microseconds.
    head, dot, rest = text.partition(".")
    return datetime.fromisoformat(f"{head}{dot}{rest.rstrip('Z')[:6]}+00:00" if dot else head)


def _last_line(error: Exception) -> str:
    if isinstance(error, process.CommandFailed):
        lines = [line for line in (error.finished.stderr or error.finished.stdout).splitlines() if line.strip()]
        return lines[-1].split("\t")[-1] if lines else f"exit code {error.finished.code}"
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _report(data: dict[str, Any], scanner: str) -> ScanReport:
    findings = []
    packages = 0
    for result in data.get("Results") or ():
        if result.get("Class") == "os-pkgs":
            packages += len(result.get("Packages") or ())
        findings += [_finding(each, result) for each in result.get("Vulnerabilities") or ()]
    return ScanReport(findings=tuple(findings), os_packages=packages, scanner=scanner)


def _finding(each: dict[str, Any], result: dict[str, Any]) -> Finding:
    return Finding(
        id=each["VulnerabilityID"],
        package=each["PkgName"],
        installed=each.get("InstalledVersion", ""),
        severity=each.get("Severity", "UNKNOWN"),
        fixed=each.get("FixedVersion", ""),
        title=each.get("Title", ""),
        path=each.get("PkgPath") or ("" if result.get("Class") == "os-pkgs" else result.get("Target", "")),
        purl=(each.get("PkgIdentifier") or {}).get("PURL", ""),
    )
