"""The files of the repository as they lie there now (port WorkTree), and a build context made of them."""

from __future__ import annotations

import hashlib
import os
import stat
from typing import TYPE_CHECKING

from plimsoll.domain.build import ContextFile
from plimsoll.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class FileTree:
    """The work tree whose top is `root`."""

    def __init__(self, root: Path) -> None:
        """Look below `root`."""
        self._root = root

    def text(self, path: str) -> str | None:
        """Return a file's text, None when it is not there."""
        try:
            return (self._root / path).read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def write(self, path: str, text: str) -> None:
        """Write a file, whole or not at all."""
        target = self._root / path
        partial = target.with_name(f".{target.name}.new")
        partial.write_text(text, encoding="utf-8")
        partial.replace(target)

    def context(self, folder: str, paths: Sequence[str]) -> tuple[ContextFile, ...]:
        """Return those of `paths` that are files or links, by their paths inside `folder`, with the hashes of their contents."""
        prefix = "" if folder in {".", ""} else f"{folder}/"
        found = (_look(self._root / path, path.removeprefix(prefix)) for path in paths)
        return tuple(each for each in found if each is not None)

    def stage(self, folder: str, files: Sequence[ContextFile], target: Path) -> None:
        """Copy `files` to `target`, readable by all and with no other rights: a clone's umask must not show in an image.

        Raise Failed when a file is no longer what it was when its hash was taken.
        """
        for file in files:
            source, copy = self._root / folder / file.path, target / file.path
            copy.parent.mkdir(parents=True, exist_ok=True)
            if _look(source, file.path) != file:
                raise Failed(f"{file.path} changed while the image was being built", where=str(source), now="build again")
            if file.link:
                copy.symlink_to(os.readlink(source))  # noqa: PTH115 -- Path.readlink would normalise the target
            else:
                copy.write_bytes(source.read_bytes())
                copy.chmod(0o755 if file.executable else 0o644)
        for parent in [target, *(path for path in target.rglob("*") if path.is_dir() and not path.is_symlink())]:
            parent.chmod(0o755)


def _look(path: Path, name: str) -> ContextFile | None:
    try:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            return ContextFile(path=name, sha256=hashlib.sha256(os.fsencode(os.readlink(path))).hexdigest(), link=True)  # noqa: PTH115 -- as above
        if not stat.S_ISREG(mode):
            return None
        body = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return ContextFile(path=name, sha256=hashlib.sha256(body).hexdigest(), executable=bool(mode & stat.S_IXUSR))
