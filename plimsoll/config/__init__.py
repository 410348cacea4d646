"""plimsoll.toml -> domain.Project: every problem at once, each with its path and a suggestion."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from plimsoll.config.sections import built, read_check, read_dev, read_project, read_suite
from plimsoll.domain.table import Table
from plimsoll.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from plimsoll.domain.checks import Check, Suite
    from plimsoll.domain.dev import DevSettings
    from plimsoll.domain.project import Project

FILE = "plimsoll.toml"
LOCAL_FILE = "plimsoll.local.toml"


@dataclass(frozen=True, kw_only=True)
class ScanException:
    """Leave to deploy to `environment` although the scanner could not run, until the end of `until`, for `reason`."""

    environment: str
    reason: str
    until: date


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The parsed settings: the project, the repository's root, and what holds in this clone only."""

    project: Project
    root: Path
    exceptions: tuple[ScanException, ...] = ()
    tools: Mapping[str, str] = field(default_factory=dict)
    checks: Mapping[str, Check] = field(default_factory=dict)
    suites: Mapping[str, Suite] = field(default_factory=dict)
    dev: DevSettings | None = None


def unknown(what: str, name: str, known: Iterable[str], *, where: str) -> Misconfigured:
    """Return the error for a name that does not exist, with the nearest one that does."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    now = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names) or 'none'}"
    return Misconfigured(f"there is no {what} {name!r}", where=where, now=now, code=f"unknown-{what}")


def load(root: Path) -> Settings:
    """Read plimsoll.toml (and plimsoll.local.toml, where there is one) of the repository at `root`.

    Raise Misconfigured naming every problem, each with its path in the file.
    """
    shared = Table("", "", _parse(root / FILE), [])
    local = Table(LOCAL_FILE, "", _parse(root / LOCAL_FILE) if (root / LOCAL_FILE).exists() else {}, shared.problems)
    checks, suites = built(shared, "checks", read_check), built(shared, "suites", read_suite)
    dev = read_dev(shared.table("dev"), local.table("dev"))
    project = read_project(shared)
    for name in dev.images if dev and project else ():
        if project and name not in project.services:
            shared.problem(f"dev.images.{name}", f"there is no service {name!r}")
    exceptions = tuple(_exception(table, project) for table in local.tables("scan_exceptions"))
    tools = local.strings("tools")
    local.finish()
    if shared.problems or project is None:
        problems = "\n".join(f"  - {problem}" for problem in shared.problems)
        count = len(shared.problems)
        raise Misconfigured(
            f"the settings have {count} problem{'s' if count != 1 else ''}:\n{problems}",
            where=FILE,
            now="correct them; the commented plimsoll.toml of Plimsoll itself explains every key",
            code="settings",
        )
    return Settings(
        project=project,
        root=root,
        exceptions=tuple(each for each in exceptions if each is not None),
        tools=tools,
        checks=checks,
        suites=suites,
        dev=dev,
    )


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(
            f"{path.name} is not valid TOML: {error}", where=str(path), now="correct it", code="settings"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path.name} cannot be read: {error}", where=str(path), code="settings") from error


def _exception(table: Table, project: Project | None) -> ScanException | None:
    environment, reason = table.text("environment"), table.text("reason")
    until = table.take("until", date, "a date such as 2026-12-31", ...)
    if project and environment not in project.environments:
        table.problem("environment", f"there is no environment {environment!r}")
    return table.build(lambda: ScanException(environment=environment, reason=reason, until=until))
