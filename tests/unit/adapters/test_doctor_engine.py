"""What `docker info` says, by real output of a client with, without and before an engine."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from plimsoll.adapters.administrator import Administrator
from plimsoll.adapters.dockerd import EngineHome, EngineStarter
from plimsoll.adapters.engine import DockerEngine

if TYPE_CHECKING:
    from pathlib import Path

    from plimsoll.domain.tools_machine import EngineFacts

CLIENT = {
    "Version": "28.2.2",
    "Context": "default",
    "Plugins": [{"Name": "buildx", "Version": "v0.13.1+ds1"}, {"Name": "compose", "Version": "2.26.1-4"}],
}
SERVER = {
    "ServerVersion": "26.1.5+dfsg1",
    "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]],
    "DockerRootDir": "/var/lib/docker",
    "ClientInfo": CLIENT,
}
NOBODY = {"ServerVersion": "", "DriverStatus": None, "ClientInfo": CLIENT}


def facts(tmp_path: Path, info: dict[str, Any] | str, *, stderr: str = "", code: int = 0, **environ: str) -> EngineFacts:
    """Return what is made of a client that prints `info`."""
    text = info if isinstance(info, str) else json.dumps(info)
    client = tmp_path / "bin" / "docker"
    client.parent.mkdir()
    client.write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\necho '{stderr}' >&2\nexit {code}\n")
    client.chmod(0o755)
    path = f"{client.parent}:{os.environ['PATH']}"
    os_path = {"PATH": path}
    return engine(tmp_path, {**os_path, **environ}).facts()


def engine(tmp_path: Path, environ: dict[str, str]) -> DockerEngine:
    home = EngineHome(folder=tmp_path, socket=tmp_path / "docker.sock")
    return DockerEngine(EngineStarter(home, Administrator()), environ=environ)


@pytest.fixture(autouse=True)
def _found_on_the_tests_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A program is looked up on our own PATH when it is started.
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")


def test_a_running_engine_is_told_with_its_store_and_its_clients_plugins(tmp_path: Path) -> None:
    told = facts(tmp_path, SERVER)
    assert (told.running, told.version, told.containerd_store, told.root) == (True, "26.1.5+dfsg1", True, "/var/lib/docker")
    assert (told.client, told.buildx, told.compose) == ("28.2.2", "0.13.1+ds1", "2.26.1-4")
    assert (told.address, told.chosen, told.refused) == (f"unix://{tmp_path}/docker.sock", False, False)


def test_an_engine_with_a_store_of_its_own_is_told(tmp_path: Path) -> None:
    assert not facts(tmp_path, {**SERVER, "DriverStatus": [["Backing Filesystem", "extfs"]]}).containerd_store


def test_a_client_without_an_engine_still_tells_about_itself(tmp_path: Path) -> None:
    told = facts(tmp_path, NOBODY, stderr="Cannot connect to the Docker daemon", code=1)
    assert (told.running, told.version, told.buildx) == (False, None, "0.13.1+ds1")
    assert "Cannot connect" in told.error


@pytest.mark.parametrize("place", ["stderr", "ServerErrors"])
def test_an_engine_that_lets_the_user_not_in_is_told(tmp_path: Path, place: str) -> None:
    words = "permission denied while trying to connect to the Docker daemon socket"
    info = {**NOBODY, "ServerErrors": [words]} if place == "ServerErrors" else NOBODY
    assert facts(tmp_path, info, stderr=words if place == "stderr" else "", code=1).refused


def test_an_address_in_the_environment_is_the_users_choice(tmp_path: Path) -> None:
    told = facts(tmp_path, NOBODY, DOCKER_HOST="tcp://build.example.com:2376")
    assert (told.chosen, told.address) == (True, "tcp://build.example.com:2376")


def test_the_machines_own_socket_in_the_environment_is_no_choice(tmp_path: Path) -> None:
    assert not facts(tmp_path, NOBODY, DOCKER_HOST=f"unix://{tmp_path}/docker.sock").chosen


def test_a_context_is_the_users_choice(tmp_path: Path) -> None:
    told = facts(tmp_path, {**NOBODY, "ClientInfo": {**CLIENT, "Context": "build-farm"}})
    assert (told.chosen, told.address) == (True, "context build-farm")


def test_a_client_that_talks_nonsense_is_a_client_all_the_same(tmp_path: Path) -> None:
    told = facts(tmp_path, "no JSON")
    assert (told.client, told.running) == ("unknown", False)


def test_without_a_client_nothing_is_asked(tmp_path: Path) -> None:
    told = engine(tmp_path, {"PATH": str(tmp_path / "empty")}).facts()
    assert (told.client, told.running) == (None, False)
