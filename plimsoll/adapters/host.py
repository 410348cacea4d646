"""What the machine is like, and the few things that setup changes about it (port Host)."""

from __future__ import annotations

import getpass
import grp
import json
import os
import platform
import shutil
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from plimsoll.domain.tools_machine import LIMITS, Machine
from plimsoll.domain.tools_setup import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plimsoll.adapters.administrator import Administrator
    from plimsoll.domain.tools_setup import Step

ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
# There while systemd runs the machine (sd_booted(3)); /run/systemd alone also exists in containers without it.
BOOTED = Path("/run/systemd/system")
MODULES = Path("/lib/modules")
ENGINE_SETTINGS = Path("/etc/docker/daemon.json")


class ThisMachine:
    """The computer that we run on; `folders` are those whose free space matters."""

    def __init__(self, administrator: Administrator, *, environ: Mapping[str, str], folders: Sequence[Path] = ()) -> None:
        """Look at this machine through `environ`; changes are made by `administrator`."""
        self._administrator = administrator
        self._environ = environ
        self._folders = folders

    def facts(self) -> Machine:
        """Return what the machine is like."""
        distribution, release = read_release(Path("/etc/os-release"))
        return Machine(
            platform=this_platform(),
            distribution=distribution,
            release=release,
            root=os.geteuid() == 0,
            user=getpass.getuser(),
            engine_group=_in_engine_group(),
            terminal=sys.stdin.isatty() and sys.stderr.isatty(),
            automatic=self._environ.get("CI", "").lower() in {"true", "1"},
            systemd=BOOTED.is_dir(),
            python=platform.python_version(),
            venv=find_spec("venv") is not None and find_spec("ensurepip") is not None,
            limits={name: _kernel(name) for name in LIMITS} if sys.platform == "linux" else {},
            modules_folder=MODULES.is_dir() or sys.platform != "linux",
            free=_free(self._folders),
        )

    def require_administrator(self) -> None:
        """Raise EnvironmentLacks, naming the command to run instead, when steps that need root cannot be done."""
        self._administrator.require("./inv setup")

    def change(self, step: Step) -> None:
        """Do a step that changes a kernel limit, a folder, a group or the engine's settings file."""
        if step.kind is Kind.KERNEL_LIMIT:
            self._do(("sysctl", "-q", "-w", f"{step.setting}={step.value}"), step)
        elif step.kind is Kind.MODULES_FOLDER:
            self._do(("mkdir", "-p", str(MODULES)), step)
        elif step.kind is Kind.ENGINE_GROUP:
            self._do(("usermod", "-aG", "docker", getpass.getuser()), step)
        elif step.kind is Kind.ENGINE_SETTINGS and not ENGINE_SETTINGS.exists():
            with tempfile.NamedTemporaryFile("w", suffix=".json") as settings:
                json.dump({"features": {"containerd-snapshotter": True}}, settings)
                settings.flush()
                self._do(("install", "-D", "-m", "0644", settings.name, str(ENGINE_SETTINGS)), step)

    def _do(self, argv: Sequence[str], step: Step) -> None:
        self._administrator.run(argv, timeout=30, title=step.title)


def this_platform() -> str:
    """Return the platform as versions.toml names it, such as `linux-amd64`."""
    machine = platform.machine().lower()
    return f"{sys.platform}-{ARCHITECTURES.get(machine, machine)}"


def read_release(os_release: Path) -> tuple[str, str]:
    """Return distribution and code name, such as `debian` and `bookworm`; derivatives count as what they are like."""
    try:
        lines = os_release.read_text(encoding="utf-8").splitlines()
    except OSError:
        return (sys.platform, "")
    values = {name: value.strip("\"'") for name, _, value in (line.partition("=") for line in lines)}
    name = values.get("ID", "linux")
    if name not in {"debian", "ubuntu"}:
        like = values.get("ID_LIKE", "").split()
        name = next((each for each in ("ubuntu", "debian") if each in like), name)
    release = values.get("UBUNTU_CODENAME") or values.get("DEBIAN_CODENAME") or values.get("VERSION_CODENAME", "")
    return (name, release)


def _in_engine_group() -> bool:
    try:
        return getpass.getuser() in grp.getgrnam("docker").gr_mem
    except KeyError:
        return False


def _kernel(name: str) -> int:
    try:
        return int(Path("/proc/sys", *name.split(".")).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0


def _free(folders: Sequence[Path]) -> Mapping[str, int]:
    """Return the bytes free at each folder (or its nearest parent that exists), each file system once."""
    found: dict[int, tuple[str, int]] = {}
    for folder in folders:
        there = next(each for each in (folder, *folder.parents) if each.exists())
        found.setdefault(there.stat().st_dev, (str(folder), shutil.disk_usage(there).free))
    return dict(found.values())
