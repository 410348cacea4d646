"""A real git repository in a folder of its own, for tests of what is read from git."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Repository:
    """A git repository in a folder of its own, whose commits are a day apart."""

    root: Path
    commits: list[str] = field(default_factory=list)

    def git(self, *words: str) -> str:
        day = f"2030-01-{len(self.commits) + 1:02}T12:00:00+02:00"
        env = {
            **os.environ,
            **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in
               (("NAME", "Ada"), ("EMAIL", "ada@example.org"), ("DATE", day))},
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_SYSTEM": "/dev/null",
        }  # fmt: skip
        return subprocess.run(
            ("git", "-c", "init.defaultBranch=main", *words), cwd=self.root, check=True, capture_output=True, text=True, env=env
        ).stdout.strip()

    def write(self, path: str, text: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def commit(self, **files: str) -> str:
        """Write files (path -> text) and commit everything; return the revision."""
        for path, text in files.items():
            self.write(path, text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "a change")
        self.commits.append(self.git("rev-parse", "HEAD"))
        return self.commits[-1]


def repository(root: Path, files: dict[str, str]) -> Repository:
    """Return a repository with `files` in its first commit."""
    root.mkdir(parents=True)
    made = Repository(root)
    made.git("init", "--quiet", "--template=")
    made.commit(**files)
    return made
