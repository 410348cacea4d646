"""What the render promises (port Renderer), with the real kustomize."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from plimsoll.adapters.kustomize import KustomizeRenderer
from plimsoll.domain.manifests import containers
from plimsoll.domain.project import RemoteCluster
from plimsoll.errors import EnvironmentLacks, Misconfigured
from tests.rendering import ROOT, one, project, renderer

DIGEST = "sha256:" + "5" * 64
PINNED = {name: f"localhost:5001/check-in/{name}@{DIGEST}" for name in ("backend", "frontend", "postgres", "redis")}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "infrastructure" / "kubernetes", tmp_path / "infrastructure" / "kubernetes")
    return tmp_path


@pytest.mark.parametrize("name", ["local", "staging", "production"])
def test_every_image_is_pinned_to_the_digest_that_was_given(name: str) -> None:
    found = renderer().render(project().environments[name], PINNED)
    images = {container["image"] for each in found for container in containers(each)}
    assert images == set(PINNED.values())


def test_without_images_the_names_stay_bare() -> None:
    found = renderer().render(project().environments["local"], {})
    assert {container["image"] for each in found for container in containers(each)} == set(PINNED)


def test_everything_lands_in_the_namespace_of_the_settings_and_the_namespace_itself_is_called_so() -> None:
    environment = replace(project().environments["staging"], namespace="somewhere-else")
    found = renderer().render(environment, {})
    assert {each["metadata"].get("namespace") for each in found if each["kind"] != "Namespace"} == {"somewhere-else"}
    assert [each["metadata"]["name"] for each in found if each["kind"] == "Namespace"] == ["somewhere-else"]


def test_the_node_port_is_that_of_the_settings() -> None:
    environment = replace(project().environments["local"], port=9999, node_port=31234)
    service = one(list(renderer().render(environment, {})), "Service", "frontend")
    assert (service["spec"]["type"], [each["nodePort"] for each in service["spec"]["ports"]]) == ("NodePort", [31234])


def test_without_components_there_is_no_node_port() -> None:
    environment = replace(project().environments["local"], components=(), port=None, node_port=None)
    service = one(list(renderer().render(environment, {})), "Service", "frontend")
    assert "type" not in service["spec"]


def test_a_pull_secret_is_given_to_every_account() -> None:
    remote = RemoteCluster(context="prod", server="https://api.example.com:6443", uid="0", pull_secret="registry")  # noqa: S106 -- the name of a Secret
    found = renderer().render(replace(project().environments["production"], remote=remote), {})
    accounts = [each for each in found if each["kind"] == "ServiceAccount"]
    assert accounts
    assert all(each["imagePullSecrets"] == [{"name": "registry"}] for each in accounts)


def test_references_follow_the_generated_names() -> None:
    found = renderer().render(project().environments["local"], {})
    names = {each["metadata"]["name"] for each in found if each["kind"] == "ConfigMap"}
    used = {
        source["configMapRef"]["name"]
        for each in found
        for container in containers(each)
        for source in container.get("envFrom", ())
    }
    assert used == names


def test_rendering_twice_gives_the_same() -> None:
    environment = project().environments["production"]
    assert renderer().render(environment, PINNED) == renderer().render(environment, PINNED)


def test_rendering_leaves_no_file_behind(
    repository: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path: path.stat().st_mtime_ns for path in repository.rglob("*")}
    scratch = tmp_path_factory.mktemp("scratch")
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    renderer(repository).render(project().environments["local"], PINNED)
    assert {path: path.stat().st_mtime_ns for path in repository.rglob("*")} == before
    assert list(scratch.iterdir()) == []


def test_a_repository_behind_a_symbolic_link_renders_too(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    link = tmp_path_factory.mktemp("links") / "link"
    link.symlink_to(repository)
    assert renderer(link).render(project().environments["local"], {})


def test_an_overlay_that_does_not_render_is_told_in_kustomizes_words_and_our_paths(repository: Path) -> None:
    base = repository / "infrastructure" / "kubernetes" / "base" / "kustomization.yaml"
    base.write_text(base.read_text(encoding="utf-8").replace("- redis", "- rediss"), encoding="utf-8")
    with pytest.raises(Misconfigured) as failure:
        renderer(repository).render(project().environments["staging"], {})
    assert "'staging' does not render" in failure.value.what
    assert "rediss" in failure.value.what
    assert str(repository) not in failure.value.what
    assert "plimsoll-overlay-" not in failure.value.what
    assert failure.value.where == "infrastructure/kubernetes/overlays/staging"
    assert "inv kube.render --env staging" in failure.value.now


def test_yaml_that_cannot_be_read_names_its_file(repository: Path) -> None:
    file = repository / "infrastructure" / "kubernetes" / "base" / "backend" / "service.yaml"
    file.write_text("kind: [", encoding="utf-8")
    with pytest.raises(Misconfigured, match=r"base/backend"):
        renderer(repository).render(project().environments["local"], {})


@pytest.mark.parametrize(
    ("change", "named"),
    [({"overlay": "infrastructure/kubernetes/overlays/prod"}, "overlays/prod"), ({"components": ("small",)}, "components/small")],
)
def test_an_overlay_or_component_that_is_not_there_is_named_before_anything_runs(change: dict[str, object], named: str) -> None:
    environment = replace(project().environments["local"], **change)
    with pytest.raises(Misconfigured, match=named) as failure:
        KustomizeRenderer(ROOT, lambda: Path("/nonexistent/kubectl")).render(environment, {})
    assert failure.value.where == "plimsoll.toml, [environments.local]"


def test_without_kubectl_the_environment_lacks_something() -> None:
    with pytest.raises(EnvironmentLacks):
        KustomizeRenderer(ROOT, lambda: Path("/nonexistent/kubectl")).render(project().environments["local"], {})
