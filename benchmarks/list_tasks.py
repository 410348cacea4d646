"""Time of `inv --list` against a bare invoke collection of as many tasks, in the same run.

Prints one ratio. Both are started the same way (a new Python process), alternately, so that a busy machine slows both.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROUNDS = 15


def seconds(command: list[str], folder: Path, environment: dict[str, str]) -> float:
    """Return how long one run takes."""
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return time.perf_counter() - started


def main() -> None:
    """Measure both and print the ratio of the medians."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ours = [sys.executable, "-m", "plimsoll.tasks", "--list"]
    listed = subprocess.run(ours, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout
    count = sum(1 for line in listed.splitlines() if line.startswith("  ") and not line.startswith("   "))
    with tempfile.TemporaryDirectory() as name:
        bare = Path(name)
        tasks = "".join(f'@task\ndef task{n}(c):\n    """Do thing {n}."""\n' for n in range(count))
        (bare / "tasks.py").write_text(f"from invoke import task\n{tasks}")
        peer = [sys.executable, "-m", "invoke", "--list"]
        pairs = [(seconds(ours, ROOT, environment), seconds(peer, bare, environment)) for _ in range(ROUNDS + 1)][1:]
    mine, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"inv --list, {count} tasks: {mine * 1000:.0f} ms; bare invoke: {theirs * 1000:.0f} ms; ratio {mine / theirs:.2f}")


if __name__ == "__main__":
    main()
