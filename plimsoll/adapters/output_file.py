"""Files that a task writes where the user asks for them: whole or not at all, and never over something else."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from plimsoll.errors import Misconfigured


def write_new(path: Path, content: bytes) -> None:
    """Write a file. One with the same content may be there already; raise Misconfigured for any other, and where none can be."""
    try:
        if path.exists():
            _require_same(path, content)
            return
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(name).chmod(0o644)
            _place(Path(name), path)
        finally:
            Path(name).unlink(missing_ok=True)
    except FileExistsError:
        _require_same(path, content)
    except OSError as error:
        raise Misconfigured(
            f"{path} cannot be written: {error.strerror}",
            where="--out",
            now="name a file in a folder that can be written",
            code="out",
        ) from error


def _place(file: Path, path: Path) -> None:
    """Give a finished file its name. A link does not replace what somebody else wrote meanwhile; not every disk has links."""
    try:
        os.link(file, path)
    except FileExistsError:
        raise
    except OSError:
        file.replace(path)


def _require_same(path: Path, content: bytes) -> None:
    if not path.is_file() or path.read_bytes() != content:
        raise Misconfigured(
            f"{path} is there already and holds something else",
            where="--out",
            now="name another file, or remove that one first",
            code="out-exists",
        )
