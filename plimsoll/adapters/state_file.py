"""Small files in the state folder, readable by their owner only and never half written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


class RememberedText:
    """One short text in a file (port Memory)."""

    def __init__(self, path: Path) -> None:
        """Keep it at `path`."""
        self._path = path

    def recall(self) -> str | None:
        """Return the text, None when there is none."""
        try:
            return self._path.read_text(encoding="utf-8").strip() or None
        except OSError:
            return None

    def keep(self, text: str) -> None:
        """Keep the text from now on."""
        write_private(self._path, f"{text}\n")


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
