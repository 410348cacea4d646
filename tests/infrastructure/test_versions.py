"""The pinned versions as they stand: whole, from named sources, without a package registry's address, nothing known-bad."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from plimsoll.domain.tools import Need, State
from plimsoll.domain.tools_versions import parse

if TYPE_CHECKING:
    from plimsoll.domain.tools import Source, Tool

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "infrastructure" / "versions.toml").read_text(encoding="utf-8")
VERSIONS = parse(tomllib.loads(TEXT))
SOURCES = [(tool, source) for tool in VERSIONS.tools.values() for source in tool.sources]
# Where the projects publish their own releases. Packages and modules come from whatever registry the machine uses.
OFFICIAL = {"github.com", "dl.k8s.io", "go.dev", "nodejs.org"}
PLATFORMS = re.compile(r"linux-(amd64|arm64)")


def named(pair: tuple[Tool, Source]) -> str:
    return f"{pair[0].name}-{pair[1].kind}"


@pytest.fixture(params=SOURCES, ids=[named(pair) for pair in SOURCES])
def pinned(request: pytest.FixtureRequest) -> tuple[Tool, Source]:
    pair: tuple[Tool, Source] = request.param
    return pair


def test_every_address_is_a_projects_own() -> None:
    hosts = {urlsplit(address).netloc for address in re.findall(r"https?://[^\s\"]+", TEXT)}
    assert hosts <= OFFICIAL


def test_downloads_are_encrypted_and_name_their_version(pinned: tuple[Tool, Source]) -> None:
    _, source = pinned
    if source.kind == "download":
        assert all(address.startswith("https://") and source.version in address for address in source.origin.values())


def test_every_hash_names_who_published_it(pinned: tuple[Tool, Source]) -> None:
    _, source = pinned
    if source.kind in {"download", "python", "module"}:
        assert source.hashes
        assert len(source.hash_from.split()) >= 3, "a repository with file and revision, or how it was computed"
        assert all(PLATFORMS.fullmatch(platform) or platform == "any" for platform in source.hashes)


def test_every_source_offers_a_version_that_serves(pinned: tuple[Tool, Source]) -> None:
    tool, source = pinned
    if source.kind != "debian":
        assert tool.verdict(source.offers) is State.OK


def test_a_repackaging_says_so(pinned: tuple[Tool, Source]) -> None:
    _, source = pinned
    if source.kind == "python":
        assert "third party" in source.note


def test_official_downloads_come_before_packages(pinned: tuple[Tool, Source]) -> None:
    tool, _ = pinned
    order = ["build", "download", "python", "module", "debian"]
    kinds = [order.index(source.kind) for source in tool.sources]
    assert kinds == sorted(kinds)


def test_this_machines_platform_is_served_without_any_official_download() -> None:
    for tool in VERSIONS.tools.values():
        assert any(source.kind != "download" and source.serves("linux-amd64") for source in tool.sources), tool.name


@pytest.mark.parametrize("version", ["0.69.4", "0.69.5", "0.69.6"])
def test_malicious_releases_of_trivy_are_denied_with_a_reason(version: str) -> None:
    trivy = VERSIONS.tools["trivy"]
    assert trivy.verdict(version) is State.DENIED
    assert "CVE-2026-33634" in trivy.reason(version)
    assert trivy.verdict("0.69.3") is State.TOO_OLD


def test_what_releases_need_is_there() -> None:
    needed = {name for name, tool in VERSIONS.tools.items() if tool.needed is Need.RELEASE}
    assert {"docker", "buildx", "compose", "git", "trivy", "kind", "kubectl"} <= needed


def test_kubectl_is_that_of_the_server_wherever_it_is_not_a_repackaging() -> None:
    kubectl = VERSIONS.tools["kubectl"]
    assert {source.version for source in kubectl.sources if source.kind != "python"} == {"1.34.4"}
    assert kubectl.sources[0].kind == "build"


def test_images_are_pinned_by_digest() -> None:
    assert VERSIONS.images
    assert all(re.search(r"@sha256:[0-9a-f]{64}$", image.reference) for image in VERSIONS.images.values())


def test_debian_packages_are_pinned_by_suite_and_lowest_version() -> None:
    assert all(packages.suite and packages.at_least for packages in VERSIONS.packages.values())
    assert VERSIONS.next_release["bookworm"] == "trixie"
