"""The only composition point: settings -> adapters (imported inside the functions) -> workflows.

One module per subject (`wiring/images.py`, `wiring/releases.py`, ...); what all of them need stands here.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from plimsoll.errors import Misconfigured

if TYPE_CHECKING:
    from plimsoll.config import Settings
    from plimsoll.domain.project import Environment, Project
    from plimsoll.ports import Clock
    from plimsoll.ui.output import Output

SETTINGS_FILE = "plimsoll.toml"


@cache
def root() -> Path:
    """Return the repository's root: the nearest folder upwards that holds plimsoll.toml. Raise Misconfigured without one."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / SETTINGS_FILE).is_file():
            return folder
    raise Misconfigured(
        f"there is no {SETTINGS_FILE}", where=f"{here} and above", now="change into a repository that uses Plimsoll"
    )


@cache
def settings() -> Settings:
    """Return the parsed settings of this repository; raise Misconfigured with every problem at once."""
    from plimsoll.config import load

    return load(root())


def project() -> Project:
    """Return what plimsoll.toml says."""
    return settings().project


def environment(name: str) -> Environment:
    """Return the environment called `name`; raise Misconfigured with a suggestion when there is none."""
    from plimsoll.config import unknown

    found = project().environments.get(name)
    if found is None:
        raise unknown("environment", name, project().environments, where=f"{SETTINGS_FILE}, [environments]")
    return found


def state() -> Path:
    """Return the state folder of this user and project; it is made, private to the user, when it is not there."""
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    folder = Path(home) / "plimsoll" / project().name
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def cache_folder() -> Path:
    """Return the folder for what can be made again and is named by its content (tools, base images): shared by projects."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(home) / "plimsoll"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def output(*, json: bool = False) -> Output:
    """Return where progress and results go: a terminal, GitHub's log, plain lines, or one JSON object."""
    from plimsoll.ui.output import Output

    return Output(json=json)


@cache
def clock() -> Clock:
    """Return the machine's clock."""
    from plimsoll.adapters.system import SystemClock

    return SystemClock()
