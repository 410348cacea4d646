"""A machine that exists only in a test: tools, engine, packages and itself (ports Toolbox, Engine, Packages, Host)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from plimsoll.adapters.downloads import SourceFailed
from plimsoll.domain.tools import Denied, Found, Need, Source, Tool
from plimsoll.domain.tools_machine import LIMITS, EngineFacts, Machine
from plimsoll.domain.tools_setup import Candidate
from plimsoll.errors import EnvironmentLacks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plimsoll.domain.tools_setup import Kind, PackageChoice, Step
    from plimsoll.ports import Reporter

HASH = "sha256:" + "0" * 64
RELEASE = Source(
    kind="download",
    version="2.0",
    program="tool",
    origin={"linux-amd64": "https://example.org/2.0"},
    hashes={"linux-amd64": HASH},
)
WHEEL = Source(
    kind="python",
    version="2.0.1",
    provides="2.0",
    program="bin/tool",
    origin={"any": "tool-bin"},
    hashes={"linux-amd64": HASH},
    note="a third party's repackaging",
)
BUILT = Source(kind="build", version="2.0", program="bin/tool")
SCANNER = Tool(
    name="scanner",
    why="judges images",
    needed=Need.RELEASE,
    program="scanner",
    at_least="1.5",
    below="3",
    path=True,
    says="Version: ",
    denied=(Denied(version="1.9.4", reason="a malicious release"),),
    sources=(RELEASE, WHEEL),
)
LINTER = replace(SCANNER, name="linter", why="checks files", needed=Need.TESTS, path=False, denied=())
DOCKER = Tool(
    name="docker",
    why="builds images",
    needed=Need.RELEASE,
    program="docker",
    at_least="26.1",
    path=True,
    sources=(
        Source(kind="debian", version="", debian=("docker.io", "docker-cli", "iptables"), ubuntu=("docker.io", "iptables")),
    ),
)
BUILDX = replace(
    DOCKER,
    name="buildx",
    at_least="0.13",
    plugin=True,
    sources=(Source(kind="debian", version="", debian=("docker-buildx",), ubuntu=("docker-buildx",)),),
)
DATABASE = replace(
    DOCKER,
    name="database",
    needed=Need.TESTS,
    at_least="15",
    sources=(Source(kind="debian", version="", debian=("db",), ubuntu=("db",), note="its package starts a service"),),
)

RUNNING = EngineFacts(
    address="unix:///var/run/docker.sock",
    client="28.2.2",
    daemon=True,
    running=True,
    version="26.1.5+dfsg1",
    containerd_store=True,
    root="/var/lib/docker",
    buildx="0.13.1",
    compose="2.26.1",
)
ABSENT = EngineFacts(address="unix:///var/run/docker.sock")
ASLEEP = replace(RUNNING, running=False, version=None, containerd_store=False)
BOOKWORM = Machine(
    platform="linux-amd64",
    distribution="debian",
    release="bookworm",
    root=True,
    user="root",
    python="3.11.2",
    limits=dict(LIMITS),
    free={"/var": 100_000_000_000},
)
OFFERED: Mapping[str, Sequence[Candidate]] = {
    "docker.io": (Candidate(version="26.1.5", suite="trixie"), Candidate(version="20.10.24", suite="bookworm")),
    "docker-cli": (Candidate(version="26.1.5", suite="trixie"),),
    "iptables": (Candidate(version="1.8.11", suite="trixie"), Candidate(version="1.8.9", suite="bookworm")),
    "docker-buildx": (Candidate(version="0.13.1", suite="trixie"),),
    "db": (Candidate(version="17", suite="trixie-updates"), Candidate(version="15.8", suite="bookworm-security")),
}


class FakeToolbox:
    """Tools as they are told; sources that are told to fail do (port Toolbox)."""

    def __init__(self, *found: tuple[str, Found], failing: Mapping[str, str] | None = None, gone: bool = False) -> None:
        self.here: dict[str, list[Found]] = {}
        for name, each in found:
            self.here.setdefault(name, []).append(each)
        self.failing = failing or {}
        self.gone = gone
        self.asked: list[str] = []

    def found(self, tool: Tool) -> tuple[Found, ...]:
        return tuple(self.here.get(tool.name, ()))

    def install(self, tool: Tool, source: Source, *, reporter: Reporter) -> Found:
        reporter.detail(f"{tool.name} from {source.label}")
        self.asked.append(source.kind)
        if source.kind in self.failing:
            raise SourceFailed(self.failing[source.kind], gone=self.gone)
        found = Found(path=f"/tools/{tool.name}", version=source.offers, where="installed", source=source)
        self.here[tool.name] = [found]
        return found


class FakeEngine:
    """An engine that wakes up when it is started (port Engine)."""

    def __init__(self, facts: EngineFacts = RUNNING) -> None:
        self.now = facts
        self.started: list[bool] = []

    def facts(self) -> EngineFacts:
        return self.now

    def start(self, *, systemd: bool) -> None:
        self.started.append(systemd)
        self.now = RUNNING


class FakePackages:
    """A mirror with what it is told to offer (port Packages)."""

    def __init__(self, offered: Mapping[str, Sequence[Candidate]] = OFFERED) -> None:
        self.offered = offered
        self.asked: list[str] = []
        self.installed: list[str] = []

    def candidates(self, names: Sequence[str]) -> Mapping[str, Sequence[Candidate]]:
        self.asked += names
        return self.offered

    def install(self, packages: Sequence[PackageChoice], *, reporter: Reporter) -> None:
        self.installed += [each.argument for each in packages]
        reporter.detail("Setting up")


class FakeHost:
    """A machine that remembers what was changed about it (port Host)."""

    def __init__(self, machine: Machine = BOOKWORM, *, administrator: bool = True) -> None:
        self.machine = machine
        self.changed: list[Kind] = []
        self._administrator = administrator

    def facts(self) -> Machine:
        return self.machine

    def change(self, step: Step) -> None:
        self.changed.append(step.kind)

    def require_administrator(self) -> None:
        if not self._administrator:
            raise EnvironmentLacks("this needs root", now="run `./inv setup` as root", code="not-root")


def installed(source: Source = RELEASE, *, intact: bool = True) -> Found:
    """Return a tool as it was installed from `source`."""
    return Found(path="/tools/it", version=source.offers, where="installed", source=source, intact=intact)


def on_path(version: str | None) -> Found:
    """Return a tool that lies on PATH."""
    return Found(path="/usr/bin/it", version=version, where="PATH")
