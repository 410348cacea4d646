"""The settings file as text, byte for byte: for the few changes that Plimsoll makes in it."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from plimsoll.errors import Failed, Misconfigured

if TYPE_CHECKING:
    from pathlib import Path


class SettingsFile:
    """The file at `path`; a link is followed, so that it stays one."""

    def __init__(self, path: Path) -> None:
        self._path = path.resolve()

    def read(self) -> str:
        """Return the text with its line endings as they are. Raise Misconfigured when it cannot be read."""
        try:
            return self._path.read_bytes().decode()
        except (OSError, UnicodeDecodeError) as error:
            raise Misconfigured(f"the settings cannot be read: {error}", where=str(self._path), now="see to the file") from error

    def write(self, before: str, after: str) -> None:
        """Replace the text `before` by `after`, whole or not at all, with its rights. Raise Failed when another one is there."""
        if self.read() != before:
            raise Failed(
                "the settings were changed while you were asked, and are left alone",
                where=str(self._path),
                now="run the same command again",
                code="settings-moved",
            )
        fresh = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            fresh.write_bytes(after.encode())
            shutil.copymode(self._path, fresh)
            fresh.replace(self._path)
        except OSError as error:
            fresh.unlink(missing_ok=True)
            raise Misconfigured(
                f"the settings cannot be written: {error}", where=str(self._path), now="see to the file's rights and the disk"
            ) from error
