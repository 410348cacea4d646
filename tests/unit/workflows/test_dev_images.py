"""Which images the development stack makes: real sources in a real git repository, a builder and an engine that remember."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plimsoll.adapters.git import Git
from plimsoll.adapters.work_tree import FileTree
from plimsoll.config import load
from plimsoll.domain.bases import BaseImage
from plimsoll.domain.build import Built
from plimsoll.domain.images import Image, digest
from plimsoll.workflows.build_plan import Workshop
from plimsoll.workflows.dev import ensure_images
from tests.fakes import FakeClock, FakeReporter
from tests.needs import need_program

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plimsoll.domain.bases import BaseState
    from plimsoll.domain.build import BuildPlan
    from plimsoll.domain.dev import DevSettings

DIGEST = digest(f"sha256:{'a' * 64}")
SETTINGS = f"""
[project]
name = "shop"
source = "https://example.com/shop"
[registry]
repository = "registry.example.com/shop"
local = false
[bases.node-build]
suite = "trixie"
kind = "builder"
packages = ["nodejs"]
pull = "node@{DIGEST}"
[bases.nginx]
suite = "trixie"
kind = "runtime"
packages = ["nginx"]
pull = "nginx@{DIGEST}"
[services.api]
dockerfile = "api.Dockerfile"
context = "api"
bases = ["nginx"]
[services.page]
dockerfile = "page.Dockerfile"
context = "page"
bases = ["node-build", "nginx"]
[environments.staging]
namespace = "shop-staging"
overlay = "k8s/staging"
[dev]
compose = "compose.yaml"
[dev.images.api]
remake_on = ["lock"]
[dev.images.page]
stage = "deps"
remake_on = ["package.json"]
"""
FILES = {
    "plimsoll.toml": SETTINGS,
    "api.Dockerfile": "FROM nginx\nCOPY . .\n",
    "api/lock": "1",
    "api/main.py": "1",
    "page.Dockerfile": "FROM node-build AS deps\nCOPY package.json .\nFROM nginx\nCOPY . .\n",
    "page/package.json": "{}",
    "page/main.ts": "1",
}


@dataclass
class Machine:
    """What a machine has and does: base images, built images, images in the engine (four ports, as far as they are used)."""

    bases: list[str] = field(default_factory=list)
    built: dict[str, Built] = field(default_factory=dict)
    loaded: list[str] = field(default_factory=list)
    made: list[tuple[str, str]] = field(default_factory=list)

    def require(self) -> None:
        """Something can be built."""

    def stop(self) -> None:
        """Nothing is under way."""

    def build(self, plan: BuildPlan, _bases: object, *, cache: bool) -> Built:
        assert cache
        name = plan.service.name
        image = Image(service=name, repository=plan.repository, tag=plan.tag, digest=DIGEST, unpacked_bytes=1, labels={})
        self.built[name] = Built(image=image, layers=(), origin="built")
        return self.built[name]

    def folder(self, image: Image) -> Path:
        return Path(image.service)

    def reference(self, service: str, tag: str) -> str:
        return f"shop-dev/{service}:{tag}"

    def has(self, name: str) -> bool:
        return name in self.loaded

    def load(self, layout: Path, name: str) -> None:
        assert name.startswith(f"shop-dev/{layout}:")
        self.loaded.append(name)

    def make(self, plan: BuildPlan, bases: Mapping[str, BaseImage], stage: str, name: str) -> None:
        self.loaded.append(name)
        self.made.append((plan.service.name, f"{stage} on {', '.join(bases)}"))


class Bases:
    """Bases that were pulled before (port BaseStore); which were asked for is remembered."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def find(self, state: BaseState) -> BaseImage:
        self._machine.bases.append(state.base.name)
        return BaseImage(name=state.base.name, digest=DIGEST, context="docker-image://", layers={})

    def taken(self) -> dict[str, Mapping[str, object]]:
        return {}


class Images:
    """No image was built before the first one is (port ImageStore)."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def find(self, _service: str, _tag: str) -> None:
        return None

    def folder(self, image: Image) -> Path:
        return self._machine.folder(image)


class Registry:
    """A registry that holds nothing."""

    def find(self, _service: str, _tagged: str) -> None:
        return None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A committed repository with a service that is mounted over its image, and one that runs on a stage."""
    need_program("git")
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    who = ("-c", "user.name=Test", "-c", "user.email=test@example.invalid")
    for words in (("init", "--quiet"), ("add", "."), (*who, "commit", "--quiet", "--message", "All of it")):
        subprocess.run(("git", *words), cwd=tmp_path, check=True, timeout=30)
    return tmp_path


def ensure(folder: Path, machine: Machine) -> tuple[dict[str, str], tuple[str, ...]]:
    settings = load(folder)
    shop = Workshop(
        project=settings.project,
        source=Git(folder),
        tree=FileTree(folder),
        images=Images(machine),
        bases=Bases(machine),
        mirror=None,
        registry=Registry,
        builder=machine,
        clock=FakeClock(),
        reporter=FakeReporter(),
    )
    dev: DevSettings | None = settings.dev
    assert dev is not None
    return ensure_images(dev, shop, machine)


def test_the_first_time_a_whole_image_is_built_and_loaded_and_a_stage_is_built_on_its_own_base(folder: Path) -> None:
    machine = Machine()
    names, made = ensure(folder, machine)
    assert set(made) == {"api", "page"}
    assert set(machine.built) == {"api"}
    assert machine.made == [("page", "deps on node-build")]
    assert sorted(machine.loaded) == sorted(names.values())


def test_the_second_time_nothing_is_made(folder: Path) -> None:
    machine = Machine()
    first, _ = ensure(folder, machine)
    machine.bases.clear()
    assert ensure(folder, machine) == (first, ())
    assert machine.bases == []


@pytest.mark.parametrize(
    ("file", "made"),
    [("api/main.py", ()), ("page/main.ts", ()), ("api/lock", ("api",)), ("page/package.json", ("page",))],
)
def test_only_what_decides_makes_an_image_anew(folder: Path, file: str, made: tuple[str, ...]) -> None:
    machine = Machine()
    ensure(folder, machine)
    (folder / file).write_text("2")
    assert ensure(folder, machine)[1] == made
