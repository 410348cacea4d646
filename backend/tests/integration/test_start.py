"""Starting the server."""

from __future__ import annotations

import json
import os
import shutil
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.backend import BACKEND, backend_process, run_module
from tests.integration.servers import PASSWORD
from tests.integration.waiting import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.integration.backend import Backend

# Measured: 0.9 s on Python 3.11 and 3.13. The rest is for slower machines, and for compiling to byte code the first time.
MOST_CPU_SECONDS = 3.0
NOWHERE = {
    "DATABASE_HOST": "127.0.0.1",
    "DATABASE_PORT": "1",  # nobody listens there
    "DATABASE_PASSWORD": PASSWORD,
    "REDIS_HOST": "127.0.0.1",
    "REDIS_PORT": "1",
}


def only_line_of(module: str, environment: Mapping[str, str], *, code: int, folder: Path = BACKEND) -> str:
    """Run the module, which must fail with that code and one critical line of JSON, and return its message."""
    done = run_module(module, environment=environment, folder=folder)
    assert done.returncode == code, done.stdout
    assert done.stderr == ""
    (critical,) = [line for line in map(json.loads, done.stdout.splitlines()) if line["level"] not in ("info", "warning")]
    assert critical["level"] == "critical"
    message: str = critical["message"]
    return message


@pytest.mark.parametrize("module", ["checkin", "checkin.migrate"])
def test_missing_settings_end_with_one_line_that_names_them(module: str) -> None:
    message = only_line_of(module, {"DATABASE_PORT": "x"}, code=2)
    for name in ("DATABASE_HOST", "DATABASE_PASSWORD", "DATABASE_PORT"):
        assert name in message


def test_a_port_that_is_taken_ends_with_one_line_that_names_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert port in only_line_of("checkin", {**NOWHERE, "HOST": "127.0.0.1", "PORT": port}, code=1)


def test_seeding_without_a_database_ends_with_one_line() -> None:
    assert "does not answer" in only_line_of("checkin.seed", NOWHERE, code=1)


def test_a_copy_without_its_migrations_does_not_start(tmp_path: Path) -> None:
    shutil.copytree(BACKEND / "checkin", tmp_path / "checkin")
    message = only_line_of("checkin", {**NOWHERE, "PORT": str(free_port())}, code=1, folder=tmp_path)
    assert "No migrations in" in message


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """Run a backend that finds neither database nor Redis."""
    with backend_process(NOWHERE, tmp_path_factory.mktemp("alone")) as backend:
        yield backend


def test_the_server_starts_quickly(alone: Backend) -> None:
    assert alone.http.get("/health/live").status_code == 200
    user, system = Path(f"/proc/{alone.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    assert (int(user) + int(system)) / os.sysconf("SC_CLK_TCK") < MOST_CPU_SECONDS


def test_the_server_starts_without_database_and_redis(alone: Backend) -> None:
    assert alone.http.get("/health/live").json() == {"status": "alive"}
    assert alone.http.get("/version").json() == {"release": "unreleased", "revision": "unknown"}
    assert alone.http.get("/health/ready").status_code == 503


def test_the_health_command_says_what_the_server_says(alone: Backend) -> None:
    port = {"PORT": str(alone.port)}
    assert run_module("checkin.healthcheck", environment=port).returncode == 0
    ready = run_module("checkin.healthcheck", "ready", environment=port)
    assert ready.returncode == 1
    assert "database" in ready.stdout


def test_the_health_command_says_no_where_nothing_serves() -> None:
    done = run_module("checkin.healthcheck", environment={"PORT": str(free_port())})
    assert done.returncode == 1
    assert "refused" in done.stdout
