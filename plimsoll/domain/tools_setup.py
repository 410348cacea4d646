"""What `inv setup` will do, as data: decided from what was found, printed, and only then done."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from plimsoll.domain.tools import State, parse_version
from plimsoll.domain.tools_machine import LIMITS
from plimsoll.errors import EnvironmentLacks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plimsoll.domain.tools import Source, Tool
    from plimsoll.domain.tools_machine import EngineFacts, Machine
    from plimsoll.domain.tools_verdict import Check

# What `docker info` tells about: never looked for as programs.
ENGINE_TOOLS = frozenset({"docker", "buildx", "compose"})


class Kind(StrEnum):
    """The kinds of steps, in the order in which they are done."""

    ENGINE_SETTINGS = "engine-settings"
    PACKAGES = "packages"
    START_ENGINE = "start-engine"
    KERNEL_LIMIT = "kernel-limit"
    MODULES_FOLDER = "modules-folder"
    ENGINE_GROUP = "engine-group"
    TOOL = "tool"


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A version of a package that a suite offers."""

    version: str
    suite: str


@dataclass(frozen=True, kw_only=True)
class PackageChoice:
    """A package to install; `suite` is empty where the machine's own release has what is needed."""

    name: str
    version: str
    suite: str = ""

    def __str__(self) -> str:
        """Return name, version, and where it is not the machine's own release, the suite."""
        return f"{self.name} {self.version}" + (f" from {self.suite}" if self.suite else "")

    @property
    def argument(self) -> str:
        """The package as apt-get takes it."""
        return f"{self.name}/{self.suite}" if self.suite else self.name


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that setup does. `root` says whether it needs the administrator's rights."""

    kind: Kind
    title: str
    root: bool = False
    packages: tuple[PackageChoice, ...] = ()
    tool: str = ""
    setting: str = ""
    value: int = 0
    notes: tuple[str, ...] = ()

    @property
    def details(self) -> tuple[str, ...]:
        """What the title leaves out, a line each."""
        borrowed = any(each.suite for each in self.packages)
        said = ("where the release's own are too old; its sources in /etc/apt stay as they are",) if borrowed else ()
        return (*map(str, self.packages), *said, *self.notes)


@dataclass(frozen=True, kw_only=True)
class SetupPlan:
    """The steps of a setup, none where everything is there."""

    steps: tuple[Step, ...] = ()

    @property
    def root(self) -> bool:
        """Whether any step needs the administrator's rights."""
        return any(step.root for step in self.steps)


@dataclass(frozen=True, kw_only=True)
class SetupResult:
    """What a setup did, or with `dry_run` would do; `seconds` by step title."""

    plan: SetupPlan
    dry_run: bool = False
    seconds: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the published JSON object."""
        return {
            "schema": "plimsoll.setup/1",
            "dry_run": self.dry_run,
            "changed": bool(self.plan.steps) and not self.dry_run,
            "steps": [
                {
                    "kind": step.kind.value,
                    "title": step.title,
                    "root": step.root,
                    "packages": [str(each) for each in step.packages],
                    "seconds": round(self.seconds[step.title], 1) if step.title in self.seconds else None,
                }
                for step in self.plan.steps
            ],
        }


class Consent(StrEnum):
    """Whether setup may go ahead."""

    GO = "go"
    GO_AS_ROOT = "go-as-root"
    ASK = "ask"
    REFUSE = "refuse"


def consent(machine: Machine, *, yes: bool) -> Consent:
    """Decide who is asked: a user at a terminal, unless `--yes` or CI=true; without a terminal, only root goes ahead."""
    if yes or machine.automatic:
        return Consent.GO
    if machine.terminal:
        return Consent.ASK
    return Consent.GO_AS_ROOT if machine.root else Consent.REFUSE


def missing_packages(tools: Sequence[Tool], checks: Sequence[Check], engine: EngineFacts) -> tuple[Tool, ...]:
    """Return the tools whose packages must be installed. Nothing of an engine that runs is touched."""
    wrong = {check.name for check in checks if check.state not in {State.OK, State.NOT_RUNNING}}
    alive = engine.running or engine.refused or engine.chosen
    return tuple(tool for tool in tools if tool.system and tool.name in wrong and not (tool.name == "docker" and alive))


def packages_of(tool: Tool, machine: Machine) -> tuple[str, ...]:
    """Return the names of a tool's packages on this machine's distribution."""
    source = _packages_source(tool)
    return source.ubuntu if machine.distribution == "ubuntu" else source.debian


def _packages_source(tool: Tool) -> Source:
    return next(source for source in tool.sources if source.kind == "debian")


def choose(
    tool: Tool, machine: Machine, candidates: Mapping[str, Sequence[Candidate]], next_release: str | None
) -> tuple[PackageChoice, ...]:
    """Return a tool's packages, from the machine's own release where that is new enough, otherwise from the next one.

    Only the first package, which carries the tool, is held to `at_least`. Raise EnvironmentLacks when no suite offers it.
    """
    chosen = []
    for index, name in enumerate(packages_of(tool, machine)):
        lowest = tool.at_least if index == 0 else "0"
        offered = [each for each in candidates.get(name, ()) if parse_version(each.version) >= parse_version(lowest)]
        own = [each for each in offered if not _of_release(each, next_release)]
        later = [each for each in offered if _of_release(each, next_release)]
        if own:
            chosen.append(PackageChoice(name=name, version=own[0].version))
        elif later and next_release:
            chosen.append(PackageChoice(name=name, version=later[0].version, suite=next_release))
        else:
            best = ", ".join(f"{each.version} in {each.suite}" for each in candidates.get(name, ())) or "none"
            raise EnvironmentLacks(
                f"no package {name} >= {lowest} is offered for {machine.distribution} {machine.release}; offered: {best}",
                where=f"infrastructure/versions.toml, [tools.{tool.name}]",
                now=f"change at_least or the package names there, or install {tool.program} {tool.range} yourself",
                code="pin-vanished",
            )
    return tuple(chosen)


def _of_release(candidate: Candidate, release: str | None) -> bool:
    return release is not None and candidate.suite.partition("-")[0] == release


def plan(
    tools: Sequence[Tool],
    checks: Sequence[Check],
    *,
    machine: Machine,
    engine: EngineFacts,
    packages: Sequence[PackageChoice],
) -> SetupPlan:
    """Return the steps that repair `checks`, as far as setup may.

    `tools` are those in scope, `packages` what was chosen for the ones that `missing_packages` named.
    """
    state = {check.name: check for check in checks}
    wants_engine = any(tool.name == "docker" for tool in tools)
    steps = []
    if packages:
        title = "install packages: " + ", ".join(each.name for each in packages)
        names = {each.name for each in packages}
        bringing = [tool for tool in tools if tool.system and packages_of(tool, machine)[0] in names]
        notes = tuple(f"{tool.name}: {note}" for tool in bringing if (note := _packages_source(tool).note))
        steps.append(Step(kind=Kind.PACKAGES, title=title, root=True, packages=tuple(packages), notes=notes))
    if wants_engine:
        steps += _engine_steps(machine, engine, fresh=any(each.name == "docker.io" for each in packages))
        steps += _kernel_steps(machine, state)
    for tool in tools:
        check = state.get(tool.name)
        if not tool.system and check is not None and check.state in {State.MISSING, State.OPTIONAL, State.WRONG_HASH}:
            title = f"install {tool.name} {tool.wanted}: {tool.why}"
            steps.append(Step(kind=Kind.TOOL, title=title, tool=tool.name))
    order = list(Kind)
    return SetupPlan(steps=tuple(sorted(steps, key=lambda step: order.index(step.kind))))


def _engine_steps(machine: Machine, engine: EngineFacts, *, fresh: bool) -> list[Step]:
    title = f"let {machine.user} use the engine: join the group docker, which is as powerful as root"
    group = [] if machine.root or machine.engine_group else [Step(kind=Kind.ENGINE_GROUP, title=title, root=True)]
    if engine.refused:
        return group
    if engine.running or engine.chosen:
        return []
    steps = []
    if fresh and machine.systemd:
        # Debian starts a new engine at once, so what it is to be like must stand there before.
        title = "let the new engine use the containerd image store: /etc/docker/daemon.json, unless there is one"
        steps.append(Step(kind=Kind.ENGINE_SETTINGS, title=title, root=True))
    how = "with systemctl" if machine.systemd else "as a process of its own, with the containerd image store"
    steps.append(Step(kind=Kind.START_ENGINE, title=f"start the container engine {how}", root=True))
    return steps + group


def _kernel_steps(machine: Machine, state: Mapping[str, Check]) -> list[Step]:
    steps = []
    for name, wanted in LIMITS.items():
        if name in state and state[name].state is not State.OK:
            title = f"raise {name} to {wanted} until the next boot"
            steps.append(Step(kind=Kind.KERNEL_LIMIT, title=title, root=True, setting=name, value=wanted))
    if not machine.modules_folder:
        steps.append(Step(kind=Kind.MODULES_FOLDER, title="make /lib/modules, which kind mounts", root=True))
    return steps
