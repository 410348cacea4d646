"""Nodes, registry and archives: the same cases against the fakes and against kind and the engine."""

from __future__ import annotations

import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plimsoll.adapters import ports_in_use
from plimsoll.adapters.docker_cli import docker, inspect
from plimsoll.adapters.engine_images import EngineImages
from plimsoll.adapters.kind import KindNodes, lacks_sys_resource
from plimsoll.adapters.kind_registry import NETWORK, RegistryContainer
from plimsoll.adapters.node_image import EngineNodeImages
from plimsoll.domain.cluster import RUNNING, kind_configuration, wish
from plimsoll.domain.node_image import NodeImage, Origin
from plimsoll.errors import EnvironmentLacks, Misconfigured
from tests.fake_kind import FakeKind, FakeRegistryContainer
from tests.fakes import FakeReporter
from tests.needs import missing
from tests.rendering import ROOT, project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from plimsoll.adapters.debian_root import DebianRoots
    from plimsoll.domain.cluster import Shape

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]
NAME = "plimsoll-contract"
# Nothing of Plimsoll's own listens here, nor anything that is assigned.
PORT = 5098


@dataclass
class Machine:
    """A cluster under test, and what only a test does to it."""

    nodes: FakeKind | KindNodes
    image: NodeImage
    stop: Callable[[], None]
    lose_kubeconfig: Callable[[str], None]


def need_engine() -> None:
    if subprocess.run(("docker", "info"), capture_output=True, check=False).returncode != 0:
        missing("a container engine")


def images() -> EngineNodeImages:
    from plimsoll.wiring import tools  # noqa: PLC0415 -- the repository's own pins

    roots: DebianRoots | None = None
    return EngineNodeImages(ROOT / "infrastructure/cluster", tools.versions(), roots, platform="linux-amd64")  # type: ignore[arg-type]  # -- nothing is built here


def need_image() -> NodeImage:
    need_engine()
    found = next(filter(None, map(images().local, (Origin.PULLED, Origin.BUILT))), None)
    return found or missing("the node image (`inv cluster.node-image`)")


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.cluster)])
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machine]:
    if request.param == "fake":
        fake = FakeKind(name=NAME)
        image = NodeImage(reference="image", origin=Origin.BUILT, identity="recipe")
        yield Machine(nodes=fake, image=image, stop=fake.stop, lose_kubeconfig=lambda text: setattr(fake, "kubeconfig", text))
        return
    from plimsoll.wiring import tools  # noqa: PLC0415 -- brings the pinned kind

    image = need_image()
    nodes = KindNodes(NAME, kind=lambda: tools.ensure_tool("kind"), folder=tmp_path)

    def lose(text: str) -> None:
        nodes.kubeconfig.write_text(text) if text else nodes.kubeconfig.unlink()

    def stop() -> None:
        docker("stop", f"{NAME}-control-plane")

    nodes.delete()
    yield Machine(nodes=nodes, image=image, stop=stop, lose_kubeconfig=lose)
    nodes.delete()


def shape(image: NodeImage) -> Shape:
    return wish(project(), {}, pinned="", recipe="", archive="").shape(image)


def test_a_cluster_is_made_recorded_stopped_started_and_removed(machine: Machine) -> None:
    nodes, reporter = machine.nodes, FakeReporter()
    assert nodes.seen().nodes == ()
    assert (nodes.seen().shape, nodes.seen().begun) == (None, False)

    asked = wish(project(), {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4"}, pinned="", recipe="", archive="")
    configuration = kind_configuration(asked, restrict_oom_score=lacks_sys_resource())
    del configuration["nodes"][0]["extraPortMappings"]  # the machine's own cluster has these ports
    nodes.create(configuration, machine.image.reference, reporter=reporter)
    assert [node.state for node in nodes.seen().nodes] == [RUNNING]
    assert (nodes.seen().shape, nodes.seen().begun) == (None, True), "a killed creation can be told from a finished one"

    nodes.record(shape(machine.image))
    assert (nodes.seen().shape, nodes.seen().begun) == (shape(machine.image), False)

    nodes.refresh_kubeconfig()
    assert nodes.refresh_kubeconfig() == "", "the second time nothing has changed"
    machine.lose_kubeconfig("")
    assert nodes.refresh_kubeconfig() == "lost"
    machine.lose_kubeconfig("clusters: []\n")
    assert nodes.refresh_kubeconfig() == "of another cluster"

    machine.stop()
    assert nodes.seen().running is False
    assert nodes.seen().shape == shape(machine.image), "what it was made from can be read while it is stopped"
    nodes.start()
    assert nodes.seen().running is True

    nodes.delete()
    nodes.delete()
    assert nodes.seen().nodes == ()


@pytest.mark.cluster
def test_kinds_own_words_and_its_logs_are_kept_when_a_cluster_cannot_be_made(tmp_path: Path) -> None:
    from plimsoll.wiring import tools  # noqa: PLC0415 -- brings the pinned kind

    image = need_image()
    nodes = KindNodes(f"{NAME}-broken", kind=lambda: tools.ensure_tool("kind"), folder=tmp_path)
    broken = {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": [{"role": "worker"}]}
    with pytest.raises(EnvironmentLacks, match="control-plane") as refused:
        nodes.create(broken, image.reference, reporter=FakeReporter())
    assert str(tmp_path) in refused.value.where
    assert (nodes.seen().nodes, nodes.seen().begun) == ((), False)


@pytest.fixture(params=["fake", "real"])
def registry(request: pytest.FixtureRequest) -> Iterator[tuple[FakeRegistryContainer | RegistryContainer, str]]:
    if request.param == "fake":
        yield FakeRegistryContainer(name=f"{NAME}-registry", port=PORT), "registry:3"
        return
    need_engine()
    image = registry_image()
    if not inspect("network", [NETWORK]):
        missing(f"the network {NETWORK} (`inv cluster.up`)")
    real = RegistryContainer(f"{NAME}-registry", PORT, configuration=ROOT / "infrastructure/cluster/registry.yml")
    real.remove(images=True)
    yield real, image
    real.remove(images=True)


def registry_image() -> str:
    names = docker(
        "image", "ls", "--filter", "reference=plimsoll/registry", "--format", "{{.Repository}}:{{.Tag}}"
    ).stdout.split()
    return names[0] if names else missing("the registry's image (`inv cluster.up`)")


def test_the_registry_runs_stops_starts_and_goes(registry: tuple[FakeRegistryContainer | RegistryContainer, str]) -> None:
    container, image = registry
    assert container.seen() is None
    assert container.answers() is False
    container.run(image)
    found = container.seen()
    assert found is not None
    assert (found.state, found.port, container.answers()) == (RUNNING, PORT, True)
    if isinstance(container, RegistryContainer):
        docker("stop", container.name)
        assert container.answers() is False
    container.start()
    assert container.answers() is True
    container.remove()
    container.remove()
    assert container.seen() is None


def test_images_outlive_the_registrys_container_but_not_its_volume() -> None:
    need_engine()
    image = registry_image()
    real = RegistryContainer(f"{NAME}-registry", PORT, configuration=ROOT / "infrastructure/cluster/registry.yml")
    try:
        real.run(image)
        tagged = f"localhost:{PORT}/contract/registry:1"
        digest, moved = EngineImages().push(image, tagged)
        assert digest.startswith("sha256:")
        assert moved == 1
        real.remove()
        real.run(image)
        assert EngineImages().push(image, tagged) == (digest, 0), "only missing layers move"
        real.remove(images=True)
        real.run(image)
        assert EngineImages().push(image, tagged) == (digest, 1)
    finally:
        real.remove(images=True)


def test_a_container_of_somebody_else_is_not_taken_for_the_registry() -> None:
    need_engine()
    image = registry_image()
    name = f"{NAME}-foreign"
    docker("create", "--name", name, image)
    try:
        with pytest.raises(Misconfigured, match="did not make"):
            RegistryContainer(name, PORT, configuration=Path()).seen()
    finally:
        docker("rm", name)


def test_a_registry_that_does_not_start_says_why() -> None:
    need_engine()
    image = registry_image()
    with socket.create_server(("127.0.0.1", PORT)):
        real = RegistryContainer(f"{NAME}-registry", PORT, configuration=ROOT / "infrastructure/cluster/registry.yml")
        try:
            with pytest.raises(EnvironmentLacks, match=str(PORT)) as refused:
                real.run(image)
            assert "[registry]" in refused.value.now
        finally:
            real.remove(images=True)


def test_an_archive_tells_which_image_it_holds_and_loads_again(tmp_path: Path) -> None:
    need_engine()
    image = registry_image()
    store = images()
    store.save(image, tmp_path / "deeper" / "image.tar")
    found = store.archived(tmp_path / "deeper" / "image.tar")
    assert (found.reference, found.origin) == (image, Origin.ARCHIVE)
    assert len(found.identity) == 64
    store.load(tmp_path / "deeper" / "image.tar")
    assert inspect("image", [image])
    assert EngineImages().load(tmp_path / "deeper" / "image.tar") == image
    assert EngineImages().has(image)


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "image.tar").write_text("no archive")
    with pytest.raises(Misconfigured, match="no archive of a node image"):
        images().archived(tmp_path / "image.tar")
    need_engine()
    with pytest.raises(Misconfigured, match="no archive of an image"):
        EngineImages().load(tmp_path / "image.tar")


def test_an_image_nobody_has_is_not_there_and_one_that_looks_like_a_flag_neither() -> None:
    need_engine()
    assert EngineImages().has("plimsoll/nobody:1") is False
    assert EngineImages().has("--help") is False


def test_a_pin_that_no_registry_serves_is_told_shortly() -> None:
    need_engine()
    if images().local(Origin.PULLED):
        pytest.skip("a container registry is reached here")
    with pytest.raises(EnvironmentLacks, match=r"kindest/node:\S+ cannot be pulled \("):
        images().pull()


def test_a_free_port_passes_and_a_taken_one_is_named_with_its_holder() -> None:
    need_engine()
    ports_in_use.require_free([(PORT, "[registry] port")])
    with socket.create_server(("127.0.0.1", PORT)), pytest.raises(EnvironmentLacks, match=rf"{PORT}.*\(process \d+\)") as taken:
        ports_in_use.require_free([(PORT, "[registry] port")])
    assert "[registry] port" in taken.value.where


def test_a_port_that_a_container_publishes_is_named_with_the_container(
    registry: tuple[FakeRegistryContainer | RegistryContainer, str],
) -> None:
    container, image = registry
    if isinstance(container, FakeRegistryContainer):
        return
    container.run(image)
    with pytest.raises(EnvironmentLacks, match=f"container {container.name}"):
        ports_in_use.require_free([(PORT, "[registry] port")])
