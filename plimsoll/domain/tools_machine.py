"""What the machine and its container engine are like, and what that means for Plimsoll."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from plimsoll.domain.tools import State, parse_version
from plimsoll.domain.tools_verdict import SETUP, Check

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from plimsoll.domain.tools import Tool
    from plimsoll.errors import PlimsollError

# A kind node's systemd and kubelet watch many files: with the kernel's 128 instances the second node does not start
# (kind, "known issues").
LIMITS = {"fs.inotify.max_user_instances": 512, "fs.inotify.max_user_watches": 524288}
GIGABYTE = 1_000_000_000
# Images, cluster, tools and package lists measured 10 GB, a day's build cache 17 more that can be pruned: less than 15 free is
# worth a word, and with less than 2 no build ends.
DISK_WANTED = 15 * GIGABYTE
DISK_NEEDED = 2 * GIGABYTE
BASES_MAX_AGE = timedelta(days=30)


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The computer and how we run on it.

    `platform` is such as `linux-amd64`; `distribution` and `release` such as `debian` and `bookworm`. `engine_group` means that
    the user is a member of the group docker, `automatic` that CI=true; `limits` are the kernel's present values, `free` the
    bytes free by folder.
    """

    platform: str
    distribution: str
    release: str
    root: bool
    user: str
    engine_group: bool = False
    terminal: bool = False
    automatic: bool = False
    systemd: bool = False
    python: str = ""
    venv: bool = True
    limits: Mapping[str, int] = field(default_factory=dict)
    modules_folder: bool = True
    free: Mapping[str, int] = field(default_factory=dict)

    @property
    def packaged(self) -> bool:
        """Whether setup can install system packages here."""
        return self.distribution in {"debian", "ubuntu"}


@dataclass(frozen=True, kw_only=True)
class EngineFacts:
    """The container engine as its client sees it.

    `chosen` means that the user points somewhere (DOCKER_HOST or a context), so that starting an engine here would be wrong.
    `daemon` says whether an engine is installed here, `refused` that it runs but does not let this user in.
    """

    address: str
    chosen: bool = False
    client: str | None = None
    daemon: bool = False
    running: bool = False
    refused: bool = False
    version: str | None = None
    containerd_store: bool = False
    root: str = ""
    buildx: str | None = None
    compose: str | None = None
    error: str = ""


def engine_checks(tools: Mapping[str, Tool], engine: EngineFacts, machine: Machine) -> tuple[Check, ...]:
    """Return the lines about the engine, its image store and its client's plugins; none where no engine is in scope."""
    if "docker" not in tools:
        return ()
    plugins = [_plugin(tools[name], getattr(engine, name)) for name in ("buildx", "compose") if name in tools]
    line = _engine(tools["docker"], engine, machine)
    return (line, _image_store(engine, machine, line.repair), *plugins)


def _engine(tool: Tool, engine: EngineFacts, machine: Machine) -> Check:
    found = engine.version or engine.client or ""
    if engine.running:
        state = tool.verdict(engine.version)
        stop = "sudo systemctl stop docker docker.socket" if machine.systemd else "sudo kill $(cat /var/run/docker.pid)"
        old = (stop, f"it is running, and a running engine is never touched: stop it, then {SETUP}")
        repair, note = ("", "") if state is State.OK else old
    elif engine.refused or engine.chosen or (engine.client and engine.daemon):
        state = State.NOT_RUNNING
        repair, note = _wake(engine, machine)
    else:
        state = State.MISSING
        repair, note = SETUP, "the client is here, the engine is not" if engine.client else tool.why
    found = "" if state is State.MISSING else found
    return Check(name=tool.name, wanted=tool.wanted, found=found, state=state, repair=repair, source=engine.address, note=note)


def _wake(engine: EngineFacts, machine: Machine) -> tuple[str, str]:
    """Return command and reason for an engine that is there but of no use."""
    if engine.refused and machine.engine_group:
        return "newgrp docker", "this session is older than your membership of the engine's group: log in again"
    if engine.refused:
        return SETUP, "the engine does not let this user in: setup can add you to its group"
    if engine.chosen:
        return "unset DOCKER_HOST DOCKER_CONTEXT", "the engine that you chose does not answer"
    return SETUP, ""


def _image_store(engine: EngineFacts, machine: Machine, wake: str) -> Check:
    found = "" if not engine.running else "containerd" if engine.containerd_store else "the engine's own"
    state = State.OK if engine.containerd_store else State.MISSING if engine.running else State.NOT_RUNNING
    note = repair = ""
    if state is State.MISSING:
        restart = " and run `sudo systemctl restart docker`" if machine.systemd else " and restart the engine"
        repair = "set features.containerd-snapshotter to true in /etc/docker/daemon.json" + restart
        note = "without it images cannot be kept as OCI layouts; a running engine is never reconfigured by Plimsoll"
    elif state is State.NOT_RUNNING:
        repair = wake
    return Check(name="image-store", wanted="containerd", found=found, state=state, repair=repair, note=note)


def _plugin(tool: Tool, version: str | None) -> Check:
    state = tool.verdict(version) if version else State.MISSING
    repair = "" if state is State.OK else SETUP
    note = "" if state is State.OK else tool.why
    found = version or ""
    return Check(name=tool.name, wanted=tool.wanted, found=found, state=state, repair=repair, note=note, source="docker plugin")


def machine_checks(machine: Machine) -> tuple[Check, ...]:
    """Return the lines about Python, the kernel's limits and disk space."""
    return (_python(machine), *_limits(machine), *(_disk(folder, free) for folder, free in machine.free.items()))


def _python(machine: Machine) -> Check:
    # Older ones do not get this far: `./inv` looks for a newer one and says so.
    state = State.OK if parse_version(machine.python) >= (3, 11) and machine.venv else State.MISSING
    repair = "" if state is State.OK else "apt-get install python3-venv"
    return Check(name="python", wanted=">= 3.11 with venv", found=machine.python, state=state, repair=repair)


def _limits(machine: Machine) -> Sequence[Check]:
    if not machine.platform.startswith("linux"):
        return ()
    checks = []
    for name, wanted in LIMITS.items():
        value = machine.limits.get(name, 0)
        state = State.OK if value >= wanted else State.TOO_LITTLE
        note = "" if state is State.OK else "a kind node needs more; the kernel forgets it at the next boot"
        repair = "" if state is State.OK else SETUP
        checks.append(Check(name=name, wanted=f">= {wanted}", found=str(value), state=state, repair=repair, note=note))
    return checks


def _disk(folder: str, free: int) -> Check:
    state = State.OK if free >= DISK_WANTED else State.TOO_LITTLE
    return Check(
        name="disk",
        wanted=f">= {DISK_WANTED // GIGABYTE} GB",
        found=f"{free / GIGABYTE:.1f} GB",
        state=state,
        repair="" if state is State.OK else "docker buildx prune",
        needed=free < DISK_NEEDED,
        source=folder,
        note="" if state is State.OK else "images, cluster and tools take about 10 GB, build caches as much again",
    )


def bases_check(recorded: date | None, today: date) -> Check:
    """Return the line about the recorded state of the base images; `recorded` is None where nothing is recorded yet."""
    update = "./inv image.bases --update"
    wanted = f"at most {BASES_MAX_AGE.days} days old"
    if recorded is None:
        return Check(name="bases", wanted=wanted, found="", state=State.OPTIONAL, repair=update, needed=False)
    age = (today - recorded).days
    found = f"{age} day{'' if age == 1 else 's'} old"
    if age <= BASES_MAX_AGE.days:
        return Check(name="bases", wanted=wanted, found=found, state=State.OK, needed=False)
    note = "fixes that Debian published since then are not in the images"
    return Check(name="bases", wanted=wanted, found=found, state=State.TOO_OLD, repair=update, needed=False, note=note)


def registry_check(repository: str, problem: PlimsollError | None) -> Check:
    """Return the line about pull and push rights at a registry; `problem` is what the attempt to use them met."""
    wanted = "pull and push"
    if problem is None:
        return Check(name="registry", wanted=wanted, found=wanted, state=State.OK, source=repository)
    host = repository.partition("/")[0]
    if problem.code == "registry-login":
        repair = f"docker login {host}"
        return Check(
            name="registry", wanted=wanted, found="", state=State.DENIED, repair=repair, source=repository, note=problem.what
        )
    return Check(name="registry", wanted=wanted, found="", state=State.NOT_RUNNING, source=repository, note=problem.what)
