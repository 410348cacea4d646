"""Building what the cluster needs where no registry answers: root file systems by mmdebstrap, images by BuildKit."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plimsoll import wiring
from plimsoll.adapters.debian_root import DebianRoots, installed
from plimsoll.adapters.docker_cli import docker, inspect
from plimsoll.adapters.node_image import BUILDER, EngineNodeImages
from plimsoll.domain.node_image import REGISTRY_REPOSITORY, Origin, Root
from plimsoll.domain.tools_versions import PinnedPackages
from plimsoll.errors import EnvironmentLacks, Failed, Misconfigured
from plimsoll.wiring import tools
from tests.contract.test_cluster_kind import need_engine
from tests.fakes import FakeReporter
from tests.needs import need_program
from tests.rendering import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]
PACKAGES = PinnedPackages(suite="trixie", at_least={"ca-certificates": "1"})
SOURCES = """Types: deb
URIs: http://127.0.0.1:9/debian
Suites: bookworm
Components: main
"""


def roots(folder: Path, etc: Path = Path("/etc/apt")) -> DebianRoots:
    return DebianRoots(folder, mmdebstrap=lambda: Path(need_program("mmdebstrap")), etc=etc)


def root() -> Root:
    return Root(name="contract", packages=PACKAGES, platform="linux-amd64")


def need_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("as root mmdebstrap needs no user namespaces, which this machine may not grant")


def test_a_root_file_system_is_made_once_of_the_suite_and_packages_asked_for(tmp_path: Path) -> None:
    need_root()
    archive = roots(tmp_path).make(root())
    assert {"apt", "ca-certificates", "libc6"} <= set(installed(archive))
    made = archive.stat().st_mtime_ns
    assert roots(tmp_path).make(root()).stat().st_mtime_ns == made


def test_a_mirror_that_does_not_answer_is_told(tmp_path: Path) -> None:
    (tmp_path / "etc" / "sources.list.d").mkdir(parents=True)
    (tmp_path / "etc" / "sources.list.d" / "debian.sources").write_text(SOURCES.replace("bookworm", "stable"))
    with pytest.raises(EnvironmentLacks) as refused:
        roots(tmp_path / "roots", tmp_path / "etc").make(root())
    assert refused.value.code == "mirror"


@pytest.fixture
def recipe(tmp_path: Path) -> Iterator[Path]:
    """A copy of the recipe that no other build has the hash of; what is built from it is removed."""
    copy = tmp_path / "cluster"
    shutil.copytree(ROOT / "infrastructure" / "cluster", copy)
    for name in ("node.Dockerfile", "registry.Dockerfile"):
        with (copy / name).open("a") as file:
            file.write(f"LABEL test={tmp_path.name}-{os.getpid()}\n")
    before = _built()
    yield copy
    for name in _built() - before:
        docker("rmi", name)


def _built() -> set[str]:
    listed = docker("image", "ls", "--filter", f"reference={REGISTRY_REPOSITORY}", "--format", "{{.Repository}}:{{.Tag}}")
    return set(listed.stdout.split())


def images(recipe: Path) -> EngineNodeImages:
    need_engine()
    need_root()
    return EngineNodeImages(recipe, tools.versions(), roots(wiring.cache_folder() / "roots"), platform="linux-amd64")


def test_the_registrys_image_is_built_from_debians_package_where_none_is_pulled(recipe: Path) -> None:
    reporter = FakeReporter()
    reference = images(recipe).registry(reporter=reporter)
    if not reference.startswith(REGISTRY_REPOSITORY):
        pytest.skip("a container registry is reached here")
    assert docker("run", "--rm", "--entrypoint", "/usr/bin/docker-registry", reference, "--version").stdout
    assert len(inspect("image", [reference])[0]["RootFS"]["Layers"]) == 1
    reporter.said.clear()
    assert images(recipe).registry(reporter=reporter) == reference
    assert reporter.said == [], "the second time it is there"


def test_a_recipe_that_does_not_build_says_at_which_step_and_with_which_words(recipe: Path) -> None:
    (recipe / "node" / "closure.sh").write_text("echo broken on purpose >&2; exit 3\n")
    store = images(recipe)
    if not store.local(Origin.PULLED):
        with pytest.raises(Failed, match="broken on purpose") as refused:
            store.registry(reporter=FakeReporter())
        assert "closure.sh" in refused.value.what
        assert "registry.Dockerfile" in refused.value.where


def test_a_changed_recipe_is_another_image(recipe: Path) -> None:
    before = images(recipe).recipe
    with (recipe / "node" / "prepare.sh").open("a") as file:
        file.write("true\n")
    assert images(recipe).recipe != before
    assert images(recipe).local(Origin.BUILT) is None


def test_a_recipe_that_lost_its_metrics_server_is_refused(recipe: Path) -> None:
    lock = recipe / "node" / "go.mod"
    lock.write_text(lock.read_text().replace("sigs.k8s.io/metrics-server", "sigs.k8s.io/other"))
    with pytest.raises(Misconfigured, match="metrics-server"):
        images(recipe).build(reporter=FakeReporter())


def test_the_packages_for_building_hold_what_the_recipe_takes_from_them() -> None:
    assert {"containerd", "docker-registry", "golang-1.24-go"} <= set(tools.versions().packages[BUILDER].at_least)
