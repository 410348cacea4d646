"""The container engine by its command line, with its complaints in our words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from plimsoll.adapters import process
from plimsoll.errors import EnvironmentLacks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# Seconds for what the engine answers from memory; a machine under full load needs several.
QUICK = 60.0
GONE = ("Cannot connect to the Docker daemon", "Is the docker daemon running", "error during connect", "permission denied")


def docker(
    *words: str | Path, timeout: float = QUICK, stdin: str | bytes | None = None, check: bool = True, title: str = ""
) -> process.Finished:
    """Run `docker` and return what it printed; raise EnvironmentLacks when the engine does not answer, else as `process.run`."""
    done = process.run(("docker", *words), timeout=timeout, stdin=stdin, check=False, title=title)
    if done.code != 0:
        if any(sign in done.stderr for sign in GONE):
            raise engine_gone(done.stderr)
        if "no space left on device" in done.stderr:
            raise disk_full(done.stderr)
        if check:
            raise process.CommandFailed(done, title)
    return done


def inspect(kind: str, names: Sequence[str]) -> tuple[dict[str, Any], ...]:
    """Return what the engine knows of containers, images, networks or volumes; those that are not there are left out."""
    if not names:
        return ()
    found = json.loads(docker("inspect", "--type", kind, "--", *names, check=False).stdout or "[]")
    return tuple(each for each in found if isinstance(each, dict))


def engine_gone(said: str) -> EnvironmentLacks:
    """Return the error for an engine that does not answer."""
    lines = said.strip().splitlines()
    return EnvironmentLacks(
        "the container engine does not answer",
        where=lines[-1] if lines else "docker",
        now="run `./inv setup`, which starts it",
        code="no-engine",
    )


def disk_full(said: str) -> EnvironmentLacks:
    """Return the error for an engine whose disk is full."""
    return EnvironmentLacks(
        "the container engine's disk is full",
        where=said.strip().splitlines()[-1],
        now="free some space, for example with `docker buildx prune`, then try again",
        code="disk-full",
    )
