"""A workshop for building images: repository, engine, mirror and registry are fakes, the store of images is the real one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from plimsoll.adapters.image_store import StateImages
from plimsoll.config import load
from plimsoll.domain.bases import BaseImage, BasesLock, Recorded
from plimsoll.domain.build import Built, ContextFile, Layer
from plimsoll.domain.images import Digest, Image
from plimsoll.domain.publish import PushResult
from plimsoll.domain.source import Change, Commit
from plimsoll.errors import EnvironmentLacks
from plimsoll.workflows.build_plan import Workshop
from tests.fakes import START, FakeClock, FakeReporter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from plimsoll.domain.bases import BaseState
    from plimsoll.domain.build import BuildPlan
    from plimsoll.domain.project import Base
    from plimsoll.errors import PlimsollError
    from plimsoll.ports import Reporter

SETTINGS = """
[project]
name = "shop"
source = "https://example.org/shop"
[registry]
repository = "localhost:5001/shop"
[cluster]
[bases.runtime]
suite = "trixie"
kind = "runtime"
packages = ["python3"]
[services.backend]
dockerfile = "docker/backend.Dockerfile"
context = "backend"
bases = ["runtime"]
schema = "backend/migrations"
[services.cache]
dockerfile = "docker/cache.Dockerfile"
context = "docker/cache"
bases = ["runtime"]
[environments.local]
namespace = "shop-local"
overlay = "overlays/local"
[[smoke]]
name = "ready"
path = "/"
"""
RECORDED = Recorded(packages={"python3": "3.13.5-1", "libc6": "2.41-12"})
FILES = {
    "plimsoll.toml": SETTINGS,
    "infrastructure/docker/bases.lock": BasesLock(recorded=START.date(), bases={"runtime": RECORDED}).dumps(),
    "docker/backend.Dockerfile": "FROM runtime\nCOPY . /app\n",
    "docker/backend.Dockerfile.dockerignore": "tests\n",
    "docker/cache.Dockerfile": "FROM runtime\nCOPY entrypoint /\n",
    "docker/cache/entrypoint": "#!/bin/sh\n",
    "backend/app.py": "print('hello')\n",
    "backend/migrations/0001.py": "pass\n",
    "backend/tests/test_app.py": "pass\n",
    "README.md": "A shop.\n",
}


def digest(text: str) -> Digest:
    return Digest(f"sha256:{hashlib.sha256(text.encode()).hexdigest()}")


@dataclass
class FakeRepository:
    """A repository in memory (ports Source and WorkTree), whose commits are a day apart. Nothing is ever shallow."""

    work: dict[str, str] = field(default_factory=dict)
    past: list[tuple[Commit, dict[str, str]]] = field(default_factory=list)
    ignored: set[str] = field(default_factory=set)

    def commit(self, **files: str) -> str:
        """Write files (path -> text) and commit everything; return the revision."""
        self.work.update(files)
        time = datetime(2030, 1, len(self.past) + 1, 10, tzinfo=UTC)
        kept = {path: text for path, text in self.work.items() if path not in self.ignored}
        self.past.append((Commit(revision=hashlib.sha1(repr((time, kept)).encode()).hexdigest(), time=time), kept))  # noqa: S324 -- git's
        return self.past[-1][0].revision

    @property
    def commits(self) -> list[str]:
        return [commit.revision for commit, _files in self.past]

    def head(self) -> Commit:
        return self.past[-1][0]

    def history(self, paths: Sequence[str]) -> Iterator[Change]:
        for index in range(len(self.past) - 1, -1, -1):
            commit, files = self.past[index]
            before = self.past[index - 1][1] if index else {}
            touched = tuple(sorted(path for path in _differ(before, files) if _within(path, paths)))
            if touched:
                yield Change(commit=commit, paths=touched)

    def show(self, revision: str, path: str) -> str | None:
        at = next(index for index, (commit, _) in enumerate(self.past) if revision.removesuffix("^") in {commit.revision, "HEAD"})
        at = len(self.past) - 1 if revision == "HEAD" else at - revision.endswith("^")
        return self.past[at][1].get(path) if at >= 0 else None

    def changed(self, paths: Sequence[str]) -> tuple[str, ...]:
        present = {path: self.work[path] for path in self.work if path not in self.ignored}
        return tuple(sorted(path for path in _differ(self.past[-1][1], present) if _within(path, paths)))

    def files(self, path: str) -> tuple[str, ...]:
        return tuple(sorted(each for each in self.work if each not in self.ignored and _within(each, (path,))))

    def actor(self) -> str:
        return "ada@example.org"

    def text(self, path: str) -> str | None:
        return self.work.get(path)

    def write(self, path: str, text: str) -> None:
        self.work[path] = text

    def context(self, folder: str, paths: Sequence[str]) -> tuple[ContextFile, ...]:
        known = (path for path in paths if path in self.work)
        return tuple(ContextFile(path=path.removeprefix(f"{folder}/"), sha256=digest(self.work[path])) for path in known)


def _differ(one: Mapping[str, str], other: Mapping[str, str]) -> set[str]:
    return {path for path in {*one, *other} if one.get(path) != other.get(path)}


def _within(name: str, paths: Sequence[str]) -> bool:
    return any(path in {".", name} or name.startswith(f"{path}/") for path in paths)


def repository() -> FakeRepository:
    """Return a repository with the shop in its first commit."""
    made = FakeRepository()
    made.commit(**FILES)
    return made


@dataclass
class FakeMirror:
    """A mirror that has exactly `packages` (port PackageMirror)."""

    packages: dict[str, str] = field(default_factory=lambda: dict(RECORDED.packages))
    down: bool = False
    asked: int = 0

    def resolve(self, _base: Base, _wished: Recorded | None, *, reporter: Reporter) -> Recorded:
        self.asked += 1
        reporter.detail("asked the mirror")
        if self.down:
            raise EnvironmentLacks("Debian's mirror does not answer", code="mirror")
        return Recorded(packages=dict(self.packages))


@dataclass
class FakeBases:
    """Bases in memory (port BaseStore)."""

    made: dict[str, BaseImage] = field(default_factory=dict)
    own: dict[str, dict[str, Any]] = field(default_factory=dict)

    def find(self, state: BaseState) -> BaseImage | None:
        return self.made.get(state.key)

    def make(self, state: BaseState, *, reporter: Reporter) -> BaseImage:
        reporter.detail(f"made {state.base.name}")
        image = BaseImage(name=state.base.name, digest=digest(state.key), context="oci-layout://x", layers={}, folder="x")
        self.made[state.key] = image
        return image

    def taken(self) -> Mapping[str, Mapping[str, Any]]:
        return self.own

    def take(self, base: str, instead_of: str, recorded: Recorded) -> None:
        self.own[base] = {"instead_of": instead_of, "packages": dict(recorded.packages)}


@dataclass
class FakeBuilder:
    """Builds by describing (port ImageBuilder): equal plans give equal digests. `failing` maps services to their errors."""

    store: StateImages
    failing: dict[str, BaseException] = field(default_factory=dict)
    lacking: PlimsollError | None = None
    size: int = 1000
    built: list[str] = field(default_factory=list)
    stopped: bool = False

    def require(self) -> None:
        if self.lacking:
            raise self.lacking

    def build(self, plan: BuildPlan, bases: Mapping[str, BaseImage], *, cache: bool = True) -> Built:
        name = plan.service.name
        self.built.append(name if cache else f"{name} without cache")
        if name in self.failing:
            raise self.failing[name]
        base = bases[plan.inputs.parsed.final_base]
        labels = plan.labels(base.digest)
        image = Image(
            service=name,
            repository=plan.repository,
            tag=plan.tag,
            digest=digest(f"{plan.tag}{labels}"),
            unpacked_bytes=self.size,
            labels=labels,
            schema=plan.inputs.schema,
        )
        layers = (Layer(digest=digest(plan.tag), unpacked=self.size, created_by="COPY . /app"),)
        built = Built(image=image, layers=layers, origin="built", seconds=1.0)
        self.store.keep(built, lambda folder: write_layout(folder, image.digest))
        return built

    def stop(self) -> None:
        self.stopped = True


def write_layout(folder: Path, name: str) -> None:
    folder.mkdir()
    (folder / "index.json").write_text(f'{{"manifests": [{{"digest": "{name}"}}]}}')


@dataclass
class FakeRegistry:
    """A registry in memory (port ImageRegistry): reference -> image."""

    images: dict[str, Built] = field(default_factory=dict)
    down: bool = False
    asked: int = 0

    def digest(self, reference: str) -> Digest | None:
        found = self._found(reference)
        return found.image.digest if found else None

    def find(self, _service: str, reference: str) -> Built | None:
        found = self._found(reference)
        return replace(found, origin="registry") if found else None

    def fetch(self, image: Image, folder: Path) -> None:
        write_layout(folder, image.digest)

    def push(self, image: Image, folder: Path) -> PushResult:
        assert (folder / "index.json").exists()
        self.images[image.tagged] = Built(image=image, layers=())
        return PushResult(digest=image.digest, pushed=True, bytes_moved=image.unpacked_bytes)

    def _found(self, reference: str) -> Built | None:
        self.asked += 1
        if self.down:
            raise EnvironmentLacks("the registry localhost:5001 does not answer", code="registry-down")
        by_digest = {built.image.reference: built for built in self.images.values()}
        return self.images.get(reference) or by_digest.get(reference)


@dataclass
class Shop:
    """The repository, its fakes, and the workshop made of them."""

    repository: FakeRepository
    state: Path
    mirror: FakeMirror = field(default_factory=FakeMirror)
    bases: FakeBases = field(default_factory=FakeBases)
    registry: FakeRegistry = field(default_factory=FakeRegistry)
    reporter: FakeReporter = field(default_factory=FakeReporter)

    def __post_init__(self) -> None:
        self.images = StateImages(self.state / "images")
        self.builder = FakeBuilder(self.images)

    @property
    def workshop(self) -> Workshop:
        """Return the workshop over what the repository says now."""
        self.state.mkdir(exist_ok=True)
        (self.state / "plimsoll.toml").write_text(self.repository.work["plimsoll.toml"])
        return Workshop(
            project=load(self.state).project,
            source=self.repository,
            tree=self.repository,
            images=self.images,
            bases=self.bases,
            mirror=self.mirror,
            registry=lambda: self.registry,
            builder=self.builder,
            clock=FakeClock(),
            reporter=self.reporter,
        )


def shop(folder: Path) -> Shop:
    """Return a shop in `folder`, nothing built."""
    return Shop(repository(), folder / "state")
