"""The folder of pinned tools: `<name>-<version>/` each, unpacked beside and renamed, with a receipt of what was installed."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import stat
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from plimsoll.domain.tools import Found
from plimsoll.errors import EnvironmentLacks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from plimsoll.domain.tools import Source, Tool
    from plimsoll.ports import Reporter

RECEIPT = "receipt.json"


class Fetcher(Protocol):
    """Brings one kind of source."""

    def fetch(self, source: Source, platform: str, into: Path) -> None:
        """Put the source's verified files into the empty folder `into`. Raise SourceFailed."""


class ToolFolder:
    """Installs, finds and checks tools below one folder, safely beside other processes that do the same."""

    def __init__(self, folder: Path, *, platform: str, fetcher: Callable[[str], Fetcher]) -> None:
        """Keep tools in `folder`; `fetcher` gives the one for a kind of source; `platform` is such as `linux-amd64`."""
        self._folder = folder
        self._platform = platform
        self._fetcher = fetcher

    def installed(self, tool: Tool) -> tuple[Found, ...]:
        """Return what is installed of a tool's present sources, in their order."""
        found = []
        for source in tool.sources:
            home = self._home(tool, source)
            receipt = _read_receipt(home)
            if source.kind == "debian" or not receipt or receipt.get("pin") != (source.hash_for(self._platform) or ""):
                continue
            program = home / source.program
            found.append(
                Found(
                    path=str(program), version=source.offers, where="installed", source=source, intact=_intact(program, receipt)
                )
            )
        return tuple(found)

    def install(self, tool: Tool, source: Source, *, reporter: Reporter) -> Found:
        """Bring a tool from `source`, unless another process just did.

        The files are verified before any of them stands at its place. Raise SourceFailed when the source does not have it.
        """
        home = self._home(tool, source)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(self._folder / f".{tool.name}.lock", tool.name, reporter):
            existing = next((each for each in self.installed(tool) if each.source == source and each.intact), None)
            if existing:
                return existing
            with _beside(home) as fresh:
                self._fetcher(source.kind).fetch(source, self._platform, fresh)
                self._finish(tool, source, fresh)
                _replace(fresh, home)
        return Found(path=str(home / source.program), version=source.offers, where="installed", source=source)

    def adopt(self, tool: Tool, source: Source, program: Path, *, reporter: Reporter) -> Found:
        """Take a program that was built here (a source of kind `build`) into the folder."""
        home = self._home(tool, source)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(self._folder / f".{tool.name}.lock", tool.name, reporter), _beside(home) as fresh:
            target = fresh / source.program
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(program, target)
            self._finish(tool, source, fresh)
            _replace(fresh, home)
        return Found(path=str(home / source.program), version=source.offers, where="installed", source=source)

    def _home(self, tool: Tool, source: Source) -> Path:
        return self._folder / f"{tool.name}-{source.version}{'-built' if source.kind == 'build' else ''}"

    def _finish(self, tool: Tool, source: Source, fresh: Path) -> None:
        for link, target in source.links.items():
            (fresh / link).unlink(missing_ok=True)
            (fresh / link).symlink_to(target)
        program = fresh / source.program
        if not program.is_file():
            raise EnvironmentLacks(
                f"{source.label} holds no {source.program}", where=f"infrastructure/versions.toml, [tools.{tool.name}]"
            )
        program.chmod(program.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        with program.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        receipt = {
            "tool": tool.name,
            "version": source.offers,
            "source": source.label,
            "pin": source.hash_for(self._platform) or "",
            "program": source.program,
            "sha256": digest,
            "mark": _mark(program),
        }
        (fresh / RECEIPT).write_text(json.dumps(receipt, indent=2) + "\n", encoding="utf-8")


def _read_receipt(home: Path) -> dict[str, Any]:
    try:
        receipt = json.loads((home / RECEIPT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return receipt if isinstance(receipt, dict) else {}


def _mark(program: Path) -> list[int]:
    """Return what changes with every change of a file, cheap to look at: a change of content always moves ctime."""
    status = program.stat()
    return [status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _intact(program: Path, receipt: Mapping[str, Any]) -> bool:
    """Tell whether a program is what was installed; it is hashed only where its mark moved, as after a copy."""
    try:
        if _mark(program) == receipt.get("mark"):
            return True
        with program.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == receipt.get("sha256")
    except OSError:
        return False


@contextmanager
def _locked(path: Path, name: str, reporter: Reporter) -> Iterator[None]:
    with path.open("a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            reporter.info(f"waiting for another installation of {name}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _beside(home: Path) -> Iterator[Path]:
    fresh = Path(tempfile.mkdtemp(prefix=f".{home.name}.", dir=home.parent))
    try:
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _replace(fresh: Path, home: Path) -> None:
    """Put a finished folder in its place; a broken one that stands there is moved aside first."""
    old = home.with_name(f".{home.name}.old-{os.getpid()}")
    with suppress(FileNotFoundError):
        home.rename(old)
    fresh.rename(home)
    shutil.rmtree(old, ignore_errors=True)
