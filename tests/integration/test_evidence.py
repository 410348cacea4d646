"""Recorded releases as evidence, through the front door."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

import pytest

from tests.integration.test_deploy import check

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.clone import Clone

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]


def test_a_release_is_shown_compared_and_exported_without_a_secret(staging: Clone, tmp_path: Path) -> None:
    before = staging.status()["release"]
    staging.edit("infrastructure/kubernetes/base/backend/kustomization.yaml", "LOG_LEVEL=info", "LOG_LEVEL=debug")
    staging.ok("build", "deploy", "--env", "staging")
    after = staging.status()["release"]
    shown = staging.ok("release.show", after, "--json").json
    check(shown)
    assert shown["manifests"]["whole"]
    assert set(shown["secrets"]) == {"check-in-secrets/database-password", "check-in-secrets/redis-password"}
    found = staging.ok("release.diff", before, after, "--json").json
    check(found)
    (configuration,) = found["configuration"]
    assert [field["path"] for field in configuration["fields"]] == ["data.LOG_LEVEL"]
    files = [tmp_path / "one.tar.gz", tmp_path / "two.tar.gz"]
    for file in files:
        check(staging.ok("release.export", after, "--out", str(file), "--json").json)
    assert files[0].read_bytes() == files[1].read_bytes()
    with tarfile.open(files[0]) as tar:
        assert len(tar.getnames()) == 1 + len(shown["inventory"])
    unknown = staging.inv("release.show", "staging-9999", "--json")
    assert unknown.code == 2
    assert unknown.json["error"]["code"] == "unknown-release"


def test_the_gate_of_production_is_told_item_by_item(staging: Clone) -> None:
    release = staging.status()["release"]
    said = staging.inv("release.gate", "--version", release, "--json")
    check(said.json)
    items = {item["key"]: item for item in said.json["items"]}
    assert {items[key]["standing"] for key in ("clean", "branch", "staging")} == {"met"}
    assert said.code == (0 if items["scanned"]["standing"] == "met" else 1), "the only item that this machine may lack"
    refused = staging.inv("deploy", "--env", "staging", "--break-glass", "nothing is broken")
    assert refused.code == 2
    assert "staging has no gate to pass" in refused.stderr
