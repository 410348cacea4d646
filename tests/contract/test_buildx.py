"""Building with the real BuildKit: what an image is made of, that it is the same everywhere, and what goes wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from plimsoll.adapters.buildx import Buildx, secrets
from plimsoll.adapters.git import Git
from plimsoll.adapters.image_store import StateImages
from plimsoll.adapters.oci import Layout, layer_entries, unpacked_size
from plimsoll.adapters.work_tree import FileTree
from plimsoll.domain.bases import EPOCH, BasesLock, BaseState
from plimsoll.domain.build_compare import difference, unequal_layers
from plimsoll.domain.project import Service
from plimsoll.domain.tools_machine import EngineFacts
from plimsoll.errors import EnvironmentLacks, Failed
from plimsoll.workflows.build_plan import Workshop, plans
from tests.fake_workshop import FakeRegistry
from tests.fakes import START, FakeClock, FakeReporter
from tests.git_repository import repository
from tests.needs import missing, need_program
from tests.private_engine import private_engine
from tests.small_base import SHELL, small_base

if TYPE_CHECKING:
    from pathlib import Path

    from plimsoll.domain.build import BuildPlan, Built

DOCKERFILE = """FROM shell AS builder
RUN mkdir /made && cp /bin/sh /made/sh && ln -s sh /made/link && ln /made/sh /made/hard
FROM shell
COPY --from=builder /made /made
COPY . /app
ARG REVISION
ENV REVISION=$REVISION
USER 1001:1001
"""
SERVICE = Service(
    name="app", dockerfile="docker/app.Dockerfile", context="app", bases=("shell",), arguments={"GREETING": "hello"}
)
RUNNING = EngineFacts(address="here", running=True)


# The first test bootstraps a base from the mirror.
pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]


@pytest.fixture(scope="module", autouse=True)
def _engine() -> None:
    need_program("docker")
    if subprocess.run(("docker", "buildx", "inspect"), check=False, capture_output=True, timeout=30).returncode != 0:
        missing("a container engine with buildx")


class Bench:
    """A repository with one service, and a real builder over it."""

    def __init__(self, folder: Path, dockerfile: str = DOCKERFILE, engine: EngineFacts = RUNNING) -> None:
        base = small_base()
        self.source = repository(
            folder / "source",
            {
                "plimsoll.toml": "",
                SERVICE.dockerfile: dockerfile,
                "app/run": "#!/bin/sh\n",
                "app/words.txt": "hello\n",
                "infrastructure/docker/bases.lock": BasesLock(recorded=START.date(), bases={"shell": base.recorded}).dumps(),
            },
        )
        self.tree = FileTree(self.source.root)
        self.store = StateImages(folder / "images")
        self.builder = Buildx(self.tree, self.store, folder / "scratch", lambda: engine)
        self.bases = {"shell": base.image}

    def plan(self) -> BuildPlan:
        base = small_base()
        # Only what planning needs: services and bases come as arguments.
        shop = Workshop(
            project=_Project(),  # type: ignore[arg-type] -- the three names that a plan reads
            source=Git(self.source.root),
            tree=self.tree,
            images=self.store,
            bases=base.store(self.source.root.parent),
            mirror=base.mirror,
            registry=FakeRegistry,
            builder=self.builder,
            clock=FakeClock(),
            reporter=FakeReporter(),
        )
        return plans((SERVICE,), shop, {"shell": BaseState(base=SHELL, recorded=base.recorded)})[0]

    def build(self, *, cache: bool = True) -> Built:
        return self.builder.build(self.plan(), self.bases, cache=cache)

    def layout(self, built: Built) -> Layout:
        folder = self.store.folder(built.image)
        assert folder is not None
        return Layout(folder)


class _Project:
    name, source = "shop", "https://example.org/shop"

    class registry:  # noqa: N801 -- an attribute of settings
        repository = "localhost:5001/shop"


def test_an_image_carries_its_labels_settings_and_files(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    built = bench.build()
    layout = bench.layout(built)
    config = layout.config()
    assert layout.digest() == built.image.digest
    assert config["config"]["Labels"] == dict(built.image.labels)
    assert built.image.labels["org.opencontainers.image.base.digest"] == small_base().image.digest
    revision = built.image.labels["org.opencontainers.image.revision"]
    assert revision == bench.source.commits[-1]
    assert f"REVISION={revision}" in config["config"]["Env"]
    assert config["created"] == built.image.labels["org.opencontainers.image.created"]
    assert config["config"]["User"] == "1001:1001"
    files = {name for at in range(len(built.layers)) for name in layer_entries(layout.folder, at)}
    assert {"app/run", "app/words.txt", "made/sh", "made/link", "made/hard"} <= files


def test_sizes_are_those_of_the_unpacked_layers(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    built = bench.build()
    layout = bench.layout(built)
    counted = []
    for descriptor in layout.manifest()["layers"]:
        with layout.plain(descriptor) as plain:
            counted.append(unpacked_size(plain))
    assert [layer.unpacked for layer in built.layers] == counted
    assert built.image.unpacked_bytes == sum(counted)
    assert built.largest(1)[0].created_by.startswith("shell: ")


def test_the_layers_of_a_base_are_the_bases_own(tmp_path: Path) -> None:
    built = Bench(tmp_path).build()
    (base_layer,) = small_base().image.layers.values()
    assert built.layers[0].digest == base_layer


def test_nothing_in_an_image_tells_when_it_was_built(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    built = bench.build()
    times = {
        entry[5] for at in range(len(built.layers)) for entry in layer_entries(bench.layout(built).folder, at).values()
    }  # fmt: skip
    assert max(float(str(time)) for time in times) <= EPOCH


def test_equal_sources_give_equal_images_at_another_place_with_other_rights(tmp_path: Path) -> None:
    first = Bench(tmp_path / "a").build(cache=False)
    second = Bench(tmp_path / "some" / "other" / "place")
    for path in (second.source.root / "app").iterdir():
        path.chmod(path.stat().st_mode & 0o700)
    again = second.build(cache=False)
    assert [layer.digest for layer in again.layers] == [layer.digest for layer in first.layers]
    assert again.image == first.image


def test_a_layer_that_did_not_change_is_the_same_in_the_next_image(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    first = bench.build()
    bench.source.commit(**{"app/words.txt": "changed\n"})
    second = bench.build()
    assert second.image.digest != first.image.digest
    assert [one.digest == other.digest for one, other in zip(first.layers, second.layers, strict=True)] == [True, True, False]


def test_a_step_that_writes_the_date_is_found_by_its_file(tmp_path: Path) -> None:
    planted = "FROM shell\nRUN date +%N > /built\n"
    first, second = Bench(tmp_path / "a", planted), Bench(tmp_path / "b", planted)
    one, other = first.build(cache=False), second.build(cache=False)
    assert one.image.tag == other.image.tag
    (at,) = unequal_layers(one, other)
    entries = (layer_entries(first.layout(one).folder, at), layer_entries(second.layout(other).folder, at))
    found = difference(one, at, entries)
    assert (found.instruction, found.files) == ("RUN date +%N > /built", ("differs: /built",))


def test_the_hosts_certificates_are_there_in_a_step_and_nowhere_in_the_image(tmp_path: Path) -> None:
    if "ca" not in dict(secrets()):
        missing("a certificate bundle on this machine")
    bench = Bench(tmp_path, "FROM shell\nRUN --mount=type=secret,id=ca test -s /run/secrets/ca && touch /seen\n")
    built = bench.build()
    files = {
        name: entry for at in range(len(built.layers)) for name, entry in layer_entries(bench.layout(built).folder, at).items()
    }
    assert "seen" in files
    assert all(entry[4] == 0 for name, entry in files.items() if name.startswith("run/secrets"))


def test_an_ignore_file_of_the_context_is_not_applied_twice(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.source.commit(**{"app/.dockerignore": "words.txt\n", f"{SERVICE.dockerfile}.dockerignore": "run\n"})
    built = bench.build()
    files = {name for at in range(len(built.layers)) for name in layer_entries(bench.layout(built).folder, at)}
    assert "app/words.txt" in files
    assert "app/run" not in files


def test_a_failing_step_is_told_with_its_last_lines_and_the_line_of_the_dockerfile(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "FROM shell\n\nRUN echo working; echo 'no such thing' >&2; exit 3\n")
    with pytest.raises(Failed, match="app does not build") as raised:
        bench.build()
    # BuildKit reads the two streams of a step side by side.
    assert sorted(raised.value.what.splitlines()[1:]) == ["  | no such thing", "  | working"]
    assert raised.value.where == f"{SERVICE.dockerfile}:3"
    assert raised.value.exit_code == 1
    assert bench.store.find("app", bench.plan().tag) is None, "nothing half built is kept"
    assert list((tmp_path / "scratch").iterdir()) == []


def test_builds_under_way_end_when_they_are_asked_to(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "FROM shell\nRUN sleep 60\n")
    outcomes: list[BaseException] = []

    def run() -> None:
        try:
            bench.build(cache=False)
        except Failed as error:
            outcomes.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(4)
    started = time.monotonic()
    bench.builder.stop()
    thread.join(timeout=30)
    assert not thread.is_alive()
    assert time.monotonic() - started < 25
    assert len(outcomes) == 1


def test_without_an_engine_nothing_is_begun(tmp_path: Path) -> None:
    bench = Bench(tmp_path, engine=EngineFacts(address="unix:///nowhere", running=False))
    with pytest.raises(EnvironmentLacks, match="no container engine answers") as raised:
        bench.builder.require()
    assert (raised.value.exit_code, raised.value.where) == (4, "unix:///nowhere")
    refused = Buildx(bench.tree, bench.store, tmp_path, lambda: EngineFacts(address="x", running=False, refused=True))
    with pytest.raises(EnvironmentLacks, match="does not let this user in"):
        refused.require()


def test_an_engine_that_dies_in_mid_build_is_told_as_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with private_engine(megabytes=400) as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.host)
        bench = Bench(tmp_path, "FROM shell\nRUN sleep 60\n", engine.facts())
        dying = threading.Timer(8, engine.kill)
        dying.start()
        with pytest.raises(EnvironmentLacks, match="went away while app was being built") as raised:
            bench.build()
        dying.join()
    assert raised.value.exit_code == 4
    assert "inv doctor" in raised.value.now


def test_an_engine_whose_disk_is_full_is_named_by_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with private_engine(megabytes=200) as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.host)
        bench = Bench(tmp_path, "FROM shell\nRUN dd if=/dev/zero of=/big bs=1M count=500\n", engine.facts())
        with pytest.raises(EnvironmentLacks, match="disk became full") as raised:
            bench.build()
        assert raised.value.where == str(engine.data)
    assert raised.value.exit_code == 4


def test_a_full_disk_under_the_state_folder_is_named(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    small = tmp_path / "small"
    small.mkdir()
    bench = Bench(tmp_path / "bench")
    subprocess.run(("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", small), check=True)
    try:
        bench.store = StateImages(small / "images")
        bench.builder = Buildx(bench.tree, bench.store, small / "scratch", lambda: RUNNING)
        with pytest.raises(EnvironmentLacks, match="disk became full") as raised:
            bench.build()
        assert raised.value.where.startswith(str(small))
    finally:
        subprocess.run(("umount", small), check=True)


def test_images_that_are_no_longer_used_make_room_for_new_ones(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    tags = []
    for number in range(6):
        bench.source.commit(**{"app/words.txt": f"{number}\n"})
        tags.append(bench.build().image.tag)
    kept = [tag for tag in tags if bench.store.find("app", tag)]
    assert kept == tags[-4:]
    shutil.rmtree(tmp_path / "images" / "app" / tags[-1])
    assert bench.store.find("app", tags[-1]) is None


def test_an_image_is_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    built = bench.build()
    other = replace(built, image=replace(built.image, tag="0" * 16))

    def fail(_folder: Path) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        bench.store.keep(other, fail)
    assert bench.store.find("app", "0" * 16) is None
    assert {path.name for path in (tmp_path / "images" / "app").iterdir()} == {built.image.tag}
