"""Finds binaries and says which version each is; keeps the pinned ones in a folder of their own (port Toolbox)."""

from __future__ import annotations

import mmap
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from plimsoll.adapters import process
from plimsoll.domain.tools import Found, parse_version
from plimsoll.errors import PlimsollError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plimsoll.adapters.tool_folder import ToolFolder
    from plimsoll.domain.tools import Source, Tool
    from plimsoll.ports import Reporter

# Seconds that a program gets to say its version.
PATIENCE = 10.0


class InstalledTools:
    """What is on this machine: named by the user, on PATH, or installed by us."""

    def __init__(self, folder: ToolFolder, *, named: Mapping[str, str], environ: Mapping[str, str]) -> None:
        """Look into `folder`, at the paths that the settings name, and at PATH and PLIMSOLL_* of `environ`."""
        self._folder = folder
        self._named = named
        self._environ = environ

    def found(self, tool: Tool) -> tuple[Found, ...]:
        """Return every binary that could serve, the user's own first."""
        variable = f"PLIMSOLL_{tool.name.upper()}"
        if variable in self._environ:
            return (self._own(tool, self._environ[variable], "environment"),)
        if tool.name in self._named:
            return (self._own(tool, self._named[tool.name], "settings"),)
        return (*self._on_path(tool), *self._folder.installed(tool))

    def install(self, tool: Tool, source: Source, *, reporter: Reporter) -> Found:
        """Install a tool from one source into its folder; see ToolFolder."""
        return self._folder.install(tool, source, reporter=reporter)

    def _own(self, tool: Tool, named: str, where: str) -> Found:
        path = shutil.which(str(Path(named).expanduser()), path=self._environ.get("PATH"))
        if path is None:
            return Found(path=named, version=None, where=where, intact=False)
        return Found(path=path, version=version_of(tool, path), where=where)

    def _on_path(self, tool: Tool) -> tuple[Found, ...]:
        if not tool.path:
            return ()
        search = [self._environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"]
        # Newest first: `/usr/lib/postgresql/17/bin` before `/usr/lib/postgresql/15/bin`.
        search += sorted((each for pattern in tool.folders for each in _folders(pattern)), key=_numbers, reverse=True)
        path = shutil.which(tool.program, path=os.pathsep.join(search))
        if path is None or any(shutil.which(each, path=os.pathsep.join(search)) is None for each in tool.companions):
            return ()
        return (Found(path=path, version=version_of(tool, path), where="PATH"),)


def _folders(pattern: str) -> tuple[str, ...]:
    return tuple(str(path) for path in Path("/").glob(pattern.removeprefix("/")))


def _numbers(path: str) -> tuple[int, ...]:
    try:
        return parse_version(path)
    except ValueError:
        return ()


def version_of(tool: Tool, path: str) -> str | None:
    """Return the version that a binary states, or None where it states none.

    A Go binary that carries the tool's module is read, not run: a known-bad release must not get to run to be found out.
    """
    stated = built_from(Path(path), tool.go_module) if tool.go_module else None
    if stated:
        return stated
    try:
        said = process.run((path, *tool.version_arguments), timeout=PATIENCE, check=False)
        # Another program of the same name has a version, too, but says so in other words.
        _, stated_so, rest = (said.stdout + said.stderr).partition(tool.says)
        numbers = parse_version(rest) if stated_so else ()
    except (PlimsollError, ValueError):
        return None
    if not numbers:
        return None
    return ".".join(str(number) for number in numbers)


def built_from(path: Path, module: str) -> str | None:
    """Return the version of the main module in a Go binary's build information, or None."""
    wanted = re.compile(rb"mod\t" + re.escape(module.encode()) + rb"\tv(\d[^\t\n]*)[\t\n]")
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            match = wanted.search(content)
            return match[1].decode(errors="replace") if match else None
    except (OSError, ValueError):  # unreadable, or empty: it will say so itself when it is run
        return None
