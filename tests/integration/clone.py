"""A clone of this repository with a project, cluster, registry and ports of its own, used through the front door."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PROJECT = "check-in-test"
# Each stands once in plimsoll.toml; the clone says something else, so that nothing of the user's is touched.
OWN = {
    'name = "check-in"  ': f'name = "{PROJECT}"  ',
    'name = "check-in"\nnodes': f'name = "{PROJECT}"\nnodes',
    "localhost:5001/check-in": f"localhost:5091/{PROJECT}",
    "port = 5001": "port = 5091",
    "port = 8080": "port = 18080",
    "port = 8081": "port = 18081",
    "port = 8082": "port = 18082",
}


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a command answered."""

    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def json(self) -> Any:  # noqa: ANN401 -- whatever the contract says
        return json.loads(self.stdout)


@dataclass(kw_only=True)
class Clone:
    """The clone, and how a user works in it."""

    folder: Path
    edits: dict[Path, str] = field(default_factory=dict)

    def inv(self, *words: str, timeout: float = 600) -> Said:
        """Run `inv` in the clone and return what it said; its exit code is the caller's to judge."""
        started = time.monotonic()
        done = subprocess.run(
            self.command(*words), cwd=self.folder, env=environment(), capture_output=True, text=True, check=False, timeout=timeout
        )
        seconds = time.monotonic() - started
        print(f"$ inv {' '.join(words)}\n{done.stdout}{done.stderr}[exit code {done.returncode}, {seconds:.1f} s]")  # noqa: T201 -- shown when a test fails
        return Said(code=done.returncode, stdout=done.stdout, stderr=done.stderr, seconds=seconds)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start `inv` without waiting."""
        return subprocess.Popen(
            self.command(*words), cwd=self.folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def command(self, *words: str) -> list[str]:
        """Return the command line that `./inv` runs."""
        return [sys.executable, "-m", "plimsoll.tasks", *words]

    def ok(self, *words: str, timeout: float = 600) -> Said:
        """Run `inv` and expect success."""
        said = self.inv(*words, timeout=timeout)
        assert said.code == 0, said.stderr
        return said

    def edit(self, path: str, old: str, new: str) -> None:
        """Change one place of a file and commit it."""
        file = self.folder / path
        text = file.read_text()
        assert old in text, f"{path} no longer holds {old!r}"
        self.write(path, text.replace(old, new, 1))

    def write(self, path: str, text: str) -> None:
        """Write a file and commit it; `restore` takes it back."""
        file = self.folder / path
        self.edits.setdefault(file, file.read_text() if file.exists() else "")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        commit(self.folder, f"Change {path}")

    def restore(self) -> None:
        """Take every edit back, in one commit."""
        for file, text in self.edits.items():
            if text:
                file.write_text(text)
            else:
                file.unlink(missing_ok=True)
        if self.edits:
            commit(self.folder, "Take the changes back")
        self.edits.clear()

    def status(self, environment_name: str = "staging") -> Any:  # noqa: ANN401 -- the status contract
        """Return `inv status --json`."""
        return self.ok("status", "--env", environment_name, "--json").json

    def history(self, environment_name: str = "staging") -> Any:  # noqa: ANN401 -- the history contract
        """Return the releases of `inv history --json`, newest first."""
        return self.ok("history", "--env", environment_name, "--json").json["releases"]


def environment() -> dict[str, str]:
    """Return the environment of a command: this repository's code (not the clone's copy of it), measured where coverage runs."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1", "GITHUB_ACTIONS": "", "COLUMNS": "140"}


def git(folder: Path, *words: str) -> str:
    """Run git as somebody who never configured it."""
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.invalid")
    done = subprocess.run(("git", *identity, *words), cwd=folder, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout


def commit(folder: Path, message: str) -> None:
    """Commit everything."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message)


def make(folder: Path) -> Clone:
    """Clone this repository as it stands, uncommitted files included, and give it names and ports of its own."""
    git(folder.parent, "clone", "--quiet", "--no-hardlinks", str(ROOT), str(folder))
    listed = git(ROOT, "ls-files", "-z", "--modified", "--others", "--exclude-standard").split("\0")
    for name in filter(None, listed):
        target = folder / name
        if (ROOT / name).exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
    settings = folder / "plimsoll.toml"
    text = settings.read_text()
    for old, new in OWN.items():
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in plimsoll.toml"
        text = text.replace(old, new)
    settings.write_text(text)
    commit(folder, "Use names and ports of its own")
    return Clone(folder=folder)
