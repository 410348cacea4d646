"""The development stack's compose file as data: what the cluster's manifests promise holds here, too."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from plimsoll.config import load

ROOT = Path(__file__).parents[2]
SETTINGS = load(ROOT)
assert SETTINGS.dev is not None
DEV = SETTINGS.dev
FILE = ROOT / DEV.compose
TEXT = FILE.read_text(encoding="utf-8")
STACK = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = STACK["services"]
# What is waited for to its end, not for its health.
ONCE = {
    name
    for service in SERVICES.values()
    for name, how in service.get("depends_on", {}).items()
    if how["condition"] == "service_completed_successfully"
}


def test_every_service_but_those_that_end_has_a_health_check() -> None:
    assert {name for name, service in SERVICES.items() if not service.get("healthcheck", {}).get("test")} == ONCE == {"migrate"}


def test_who_depends_waits_for_health() -> None:
    conditions = {
        (name, other): how["condition"]
        for name, service in SERVICES.items()
        for other, how in service.get("depends_on", {}).items()
    }
    assert {pair for pair, condition in conditions.items() if condition != "service_healthy"} == {("backend", "migrate")}
    assert set(conditions) == {
        ("migrate", "postgres"),
        ("backend", "postgres"),
        ("backend", "redis"),
        ("backend", "migrate"),
        ("frontend", "backend"),
    }


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_can_do_no_more_than_its_pod_could(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert service.get("user", "1001:1001") == "1001:1001"


@pytest.mark.parametrize("name", SERVICES)
def test_only_images_that_were_built_here_are_used(name: str) -> None:
    image = SERVICES[name]["image"]
    assert SERVICES[name]["pull_policy"] == "never"
    assert re.fullmatch(r"\$\{IMAGE_[A-Z]+:\?run inv dev.up\}", image)


def test_ports_are_published_on_this_machine_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert len(ports) == len(DEV.ports)
    assert all(port.startswith("127.0.0.1:${PORT_") for port in ports)


def test_the_work_tree_cannot_be_written_to() -> None:
    mounts = [mount for service in SERVICES.values() for mount in service.get("volumes", ()) if mount.startswith(".")]
    assert mounts
    assert all(mount.endswith(":ro") for mount in mounts)


def test_what_is_mounted_is_there() -> None:
    mounts = [
        mount.split(":")[0] for service in SERVICES.values() for mount in service.get("volumes", ()) if mount.startswith(".")
    ]
    assert [mount for mount in mounts if not (FILE.parent / mount).is_dir()] == []


def test_the_task_gives_exactly_the_variables_that_the_file_asks_for() -> None:
    asked = set(re.findall(r"\$\{(\w+)", TEXT))
    images = dict.fromkeys(DEV.images, "image")
    assert asked == {*DEV.variables(images), *DEV.secret_variables()}


def test_no_variable_has_a_default_that_could_hide_a_missing_one() -> None:
    assert len(re.findall(r"\$\{", TEXT)) == len(re.findall(r"\$\{\w+:\?run inv dev\.up\}", TEXT))


def test_images_are_made_again_for_every_file_that_enters_what_no_mount_hides() -> None:
    hidden = {"backend": {"checkin", "migrations"}}
    for name, image in DEV.images.items():
        if not image.remake_on:
            continue
        dockerfile = (ROOT / SETTINGS.project.services[name].dockerfile).read_text(encoding="utf-8")
        chosen = re.split(r"(?m)^FROM ", dockerfile)
        if image.stage:
            chosen = [part for part in chosen if re.match(rf"\S+ AS {image.stage}\b", part)]
        copied = {
            word
            for part in chosen
            for line in re.findall(r"(?m)^COPY (?!--from)(?:--\S+ )*(.+)$", part)
            for word in line.split()[:-1]
        }
        assert copied - hidden.get(name, set()) == set(image.remake_on), name


def test_the_data_stores_speak_to_the_application_as_in_the_cluster() -> None:
    config = ROOT / "infrastructure" / "kubernetes" / "base"
    manifests = "".join(file.read_text(encoding="utf-8") for file in config.rglob("*.yaml"))
    for service in ("backend", "migrate"):
        for name in SERVICES[service]["environment"]:
            if name not in {"PYTHONPATH", "RELEASE", "REVISION", "DATABASE_HOST", "REDIS_HOST", "LOG_LEVEL"}:
                assert name in manifests, name
