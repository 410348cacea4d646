from __future__ import annotations

import pytest

from plimsoll.domain.node_image import Root, hashed, require_versions
from plimsoll.domain.tools_versions import PinnedPackages
from plimsoll.errors import EnvironmentLacks

PACKAGES = PinnedPackages(suite="bookworm", at_least={"systemd": "252", "runc": "1.1.5"})
ROOT = Root(name="node", packages=PACKAGES, platform="linux-amd64")


def test_the_hash_moves_with_every_file_its_name_and_the_platform() -> None:
    hashes = {
        hashed({"a": "1", "b": "2"}, "linux-amd64"),
        hashed({"a": "1", "b": "3"}, "linux-amd64"),
        hashed({"a": "1", "c": "2"}, "linux-amd64"),
        hashed({"a": "12", "b": ""}, "linux-amd64"),
        hashed({"a": "1", "b": "2"}, "linux-arm64"),
    }
    assert len(hashes) == 5


def test_the_hash_does_not_depend_on_the_order_of_files() -> None:
    assert hashed({"a": "1", "b": "2"}, "x") == hashed({"b": b"2", "a": b"1"}, "x")


def test_a_root_is_known_by_its_packages() -> None:
    other = Root(name="node", packages=PinnedPackages(suite="bookworm", at_least={"systemd": "252"}), platform="linux-amd64")
    assert ROOT.key != other.key
    assert ROOT.key.startswith("node-")


def test_newer_packages_serve() -> None:
    require_versions(ROOT, {"systemd": "252.39-1~deb12u1", "runc": "1.1.5+ds1-1+b4"})


@pytest.mark.parametrize("installed", [{"systemd": "252.39", "runc": "1.0.0"}, {"systemd": "252.39"}])
def test_an_older_or_missing_package_is_named_with_its_setting(installed: dict[str, str]) -> None:
    with pytest.raises(EnvironmentLacks, match="runc") as refused:
        require_versions(ROOT, installed)
    assert "[packages.node.at_least]" in refused.value.where
