from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from plimsoll.domain.cluster import RUNNING, RegistryState
from plimsoll.errors import EnvironmentLacks, Misconfigured
from plimsoll.workflows.cluster_load import load
from tests.fake_kind import FakeRegistryContainer
from tests.fakes import FakeReporter

if TYPE_CHECKING:
    from pathlib import Path

UP = FakeRegistryContainer(state=RegistryState(state=RUNNING, port=5001))
REPOSITORY = "localhost:5001/check-in"


@dataclass
class Engine:
    """The engine's own images (port EngineImages)."""

    names: set[str] = field(default_factory=set)
    pushed: list[str] = field(default_factory=list)

    def load(self, archive: Path) -> str:
        self.names.add(f"packed/{archive.stem}:1")
        return f"packed/{archive.stem}:1"

    def has(self, name: str) -> bool:
        return name in self.names

    def push(self, name: str, reference: str) -> tuple[str, int]:
        self.pushed.append(f"{name} as {reference}")
        return "sha256:5", 2


def test_an_image_goes_below_the_projects_repository_and_is_named_by_its_digest() -> None:
    engine = Engine({"hello:1"})
    loaded = load("hello:1", repository=REPOSITORY, images=engine, registry=UP, reporter=FakeReporter())
    assert engine.pushed == ["hello:1 as localhost:5001/check-in/hello:1"]
    assert loaded.to_json()["reference"] == "localhost:5001/check-in/hello@sha256:5"
    assert loaded.layers_moved == 2


def test_an_archive_is_loaded_into_the_engine_first(tmp_path: Path) -> None:
    archive = tmp_path / "hello.tar"
    archive.touch()
    engine = Engine()
    load(str(archive), repository=REPOSITORY, images=engine, registry=UP, reporter=FakeReporter())
    assert engine.pushed == ["packed/hello:1 as localhost:5001/check-in/hello:1"]


def test_an_image_that_is_not_there_is_refused_with_what_to_do() -> None:
    with pytest.raises(Misconfigured, match="'hello:1'") as refused:
        load("hello:1", repository=REPOSITORY, images=Engine(), registry=UP, reporter=FakeReporter())
    assert "docker save" in refused.value.now


def test_without_the_registry_nothing_is_loaded() -> None:
    with pytest.raises(EnvironmentLacks, match="registry") as refused:
        load(
            "hello:1",
            repository=REPOSITORY,
            images=Engine({"hello:1"}),
            registry=FakeRegistryContainer(),
            reporter=FakeReporter(),
        )
    assert "inv cluster.up" in refused.value.now
