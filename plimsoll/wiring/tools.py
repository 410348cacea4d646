"""Composition of doctor, setup and the pinned tools."""

from __future__ import annotations

import os
import tomllib
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import plimsoll
from plimsoll import wiring
from plimsoll.config import LOCAL_FILE, unknown
from plimsoll.domain.tools import Need
from plimsoll.domain.tools_setup import ENGINE_TOOLS, Kind, SetupPlan, SetupResult
from plimsoll.domain.tools_versions import FILE, parse
from plimsoll.errors import Misconfigured, PlimsollError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plimsoll.adapters.engine import DockerEngine
    from plimsoll.adapters.tool_folder import Fetcher, ToolFolder
    from plimsoll.domain.tools import Tool
    from plimsoll.domain.tools_verdict import Check, Diagnosis
    from plimsoll.domain.tools_versions import Versions
    from plimsoll.ports import Host, Reporter, Toolbox
    from plimsoll.workflows.setup import Workbench

# What a kind node needs of the kernel; the engine alone does not.
NODE_STEPS = frozenset({Kind.KERNEL_LIMIT, Kind.MODULES_FOLDER})


@cache
def versions() -> Versions:
    """Return the pinned versions: the repository's own file, otherwise the one that came with Plimsoll."""
    own = wiring.root() / FILE
    path = own if own.is_file() else Path(plimsoll.__file__).with_name("versions.toml")
    try:
        return parse(tomllib.loads(path.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"{path.name} is not valid TOML: {error}", where=FILE, now="correct it", code="versions") from error


def folder() -> Path:
    """Return the folder of pinned tools."""
    return wiring.cache_folder() / "tools"


def machine_state() -> Path:
    """Return the folder for what belongs to the machine, not to a project: the engine's settings and log, apt's lists."""
    return wiring.state().parent / "machine"


@cache
def _fetcher(kind: str) -> Fetcher:
    if kind == "download":
        from plimsoll.adapters.downloads import Downloads

        return Downloads()
    if kind == "python":
        from plimsoll.adapters.python_packages import PythonPackages

        return PythonPackages()
    from plimsoll.adapters.go_modules import GoModules

    return GoModules(wiring.cache_folder() / "go", lambda: ensure_tool("go"))


@cache
def _tool_folder() -> ToolFolder:
    from plimsoll.adapters.host import this_platform
    from plimsoll.adapters.tool_folder import ToolFolder

    return ToolFolder(folder(), platform=this_platform(), fetcher=_fetcher)


def _toolbox() -> Toolbox:
    from plimsoll.adapters.tools import InstalledTools

    named = wiring.settings().tools
    for name in named:
        if name not in versions().tools:
            raise unknown("tool", name, versions().tools, where=f"{LOCAL_FILE}, [tools]")
    # A path counts from the repository's root, wherever in it the command was typed; a bare name is looked for on PATH.
    paths = {name: str(wiring.root() / Path(value).expanduser()) if os.sep in value else value for name, value in named.items()}
    return InstalledTools(_tool_folder(), named=paths, environ=os.environ)


@cache
def engine() -> DockerEngine:
    """Return the machine's container engine."""
    from plimsoll.adapters.administrator import Administrator
    from plimsoll.adapters.dockerd import EngineHome, EngineStarter
    from plimsoll.adapters.engine import DockerEngine

    home = EngineHome(folder=machine_state() / "engine")
    return DockerEngine(EngineStarter(home, Administrator()), environ=os.environ)


def _host() -> Host:
    from plimsoll.adapters.administrator import Administrator
    from plimsoll.adapters.host import ThisMachine

    folders = (wiring.cache_folder(), wiring.state(), Path("/var/lib/docker"))
    return ThisMachine(Administrator(), environ=os.environ, folders=folders)


def _bench(reporter: Reporter) -> Workbench:
    from plimsoll.adapters.administrator import Administrator
    from plimsoll.adapters.apt import AptPackages
    from plimsoll.workflows.setup import Workbench

    host = _host()
    machine = host.facts()
    later = versions().next_release
    packages = AptPackages(machine_state() / "apt", Administrator(), machine=machine, next_release=later.get(machine.release))
    return Workbench(toolbox=_toolbox(), engine=engine(), host=host, packages=packages, reporter=reporter, next_release=later)


def _tool(name: str) -> Tool:
    found = versions().tools.get(name)
    if found is None:
        raise unknown("tool", name, versions().tools, where=f"{FILE}, [tools]")
    return found


def doctor(name: str | None, reporter: Reporter) -> Diagnosis:
    """Look at everything that Plimsoll stands on, and at our rights in remote clusters and in the environment called `name`."""
    from plimsoll.wiring import rights
    from plimsoll.workflows.doctor import diagnose

    named = wiring.environment(name) if name else None
    asked = [each for each in wiring.project().environments.values() if each.remote or each is named]
    checks = [partial(rights.check, each, reporter, needed=each is named) for each in asked]
    return diagnose(versions().tools, toolbox=_toolbox(), engine=engine(), host=_host(), more=(_bases, _registry, *checks))


def present(name: str) -> bool:
    """Tell whether a tool of versions.toml is there and will do; nothing is installed."""
    from plimsoll.domain.tools_verdict import judge

    tool = _tool(name)
    return bool(judge(tool, _toolbox().found(tool)).path)


def bases_warning() -> str | None:
    """Return one line when the base images' recorded state is older than 30 days, for tasks that build."""
    from plimsoll.domain.tools import State

    check = _bases()
    return (
        f"the base images' packages are {check.found}: run `{check.repair}`" if check and check.state is State.TOO_OLD else None
    )


def _bases() -> Check | None:
    from plimsoll.domain.bases import LOCK, loads
    from plimsoll.domain.tools_machine import bases_check

    lock = wiring.root() / LOCK
    recorded = loads(lock.read_text(encoding="utf-8")).recorded if lock.is_file() else None
    return bases_check(recorded, wiring.clock().now().date())


def _registry() -> Check | None:
    registry = wiring.project().registry
    if registry.local:
        return None
    from plimsoll.adapters.registry import OciRegistry
    from plimsoll.domain.tools_machine import registry_check

    problem = None
    try:
        OciRegistry(ca=registry.ca, private_host=registry.host).require_rights(registry.repository)
    except PlimsollError as error:
        problem = error
    return registry_check(registry.repository, problem)


def setup(reporter: Reporter, *, tests: bool = False, yes: bool = False, dry_run: bool = False) -> SetupResult:
    """Install and start what releases need, with `tests` also what checks and tests need.

    With `dry_run` only say what that would be. Raise EnvironmentLacks when the machine cannot be made ready.
    """
    from plimsoll.workflows import setup as workflow

    needs = {Need.RELEASE, *((Need.TESTS,) if tests else ())}
    tools = [tool for tool in versions().tools.values() if tool.needed in needs]
    bench = _bench(reporter)
    plan = workflow.prepare(tools, bench)
    if dry_run:
        return SetupResult(plan=plan, dry_run=True)
    result = _carry_out(plan, tools, bench, yes=yes)
    workflow.require_engine(tools, bench)
    return result


def _carry_out(plan: SetupPlan, tools: Sequence[Tool], bench: Workbench, *, yes: bool) -> SetupResult:
    from plimsoll.ui.setup import ask
    from plimsoll.workflows import setup as workflow

    return workflow.carry_out(plan, tools, bench, yes=yes, ask=ask)


def ensure_engine(reporter: Reporter) -> None:
    """Return when a container engine answers, installing and starting one where there is none.

    One that runs is left as it is. Raise EnvironmentLacks when it is none that Plimsoll can use.
    """
    from plimsoll.workflows import setup as workflow

    tools = [versions().tools[name] for name in sorted(ENGINE_TOOLS)]
    bench = _bench(reporter)
    plan = workflow.prepare(tools, bench)
    steps = tuple(step for step in plan.steps if step.kind not in NODE_STEPS)
    _carry_out(SetupPlan(steps=steps), tools, bench, yes=False)
    workflow.require_engine(tools, bench)


def ensure_node_limits(reporter: Reporter) -> None:
    """Raise the kernel's limits that a kind node needs and make /lib/modules; the kernel forgets the limits at every boot."""
    from plimsoll.workflows import setup as workflow

    bench = _bench(reporter)
    plan = workflow.prepare([versions().tools["docker"]], bench)
    _carry_out(SetupPlan(steps=tuple(step for step in plan.steps if step.kind in NODE_STEPS)), (), bench, yes=False)


def ensure_tool(name: str, reporter: Reporter | None = None) -> Path:
    """Return the path of a tool of versions.toml, installing it where it is missing.

    Raise EnvironmentLacks when it cannot be had, naming the setting to change.
    """
    from plimsoll.adapters.host import this_platform
    from plimsoll.domain.tools_verdict import judge
    from plimsoll.workflows import setup as workflow
    from plimsoll.workflows import tools as tools_workflow

    tool = _tool(name)
    report = reporter or wiring.output().reporter
    if tool.system and not judge(tool, _toolbox().found(tool)).path:
        bench = _bench(report)
        _carry_out(workflow.prepare([tool], bench), [tool], bench, yes=False)
    return tools_workflow.ensure(tool, toolbox=_toolbox(), platform=this_platform(), reporter=report)


def adopted(name: str) -> bool:
    """Tell whether the program of this name that was built on this machine is among the pinned tools, unchanged."""
    return any(found.source and found.source.kind == "build" and found.intact for found in _tool_folder().installed(_tool(name)))


def adopt(name: str, program: Path, reporter: Reporter) -> Path:
    """Take a program that was built on this machine (a source of kind `build`) among the pinned tools."""
    tool = _tool(name)
    source = next(each for each in tool.sources if each.kind == "build")
    return Path(_tool_folder().adopt(tool, source, program, reporter=reporter).path)
