"""The development stack for real: `inv dev.*` in a clone with a project name and ports of its own, on the machine's engine."""

from __future__ import annotations

import json
import socket
import stat
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.clone import PROJECT, make
from tests.needs import missing, need_program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.clone import Clone

# Building the images of a project that nobody built before takes most of it.
pytestmark = [pytest.mark.engine, pytest.mark.timeout(1800)]
STACK = f"{PROJECT}-dev"
PAGE, API = 15173, 13001
# Seconds until a change of a source has to show; a machine with nothing else to do needs three.
SOON = 60


def get(port: int, path: str) -> str:
    """Return a body, empty where nothing answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def wait_for(port: int, path: str, text: str) -> float:
    """Return the seconds until `text` is in the body."""
    started = time.monotonic()
    while text not in get(port, path):
        assert time.monotonic() - started < SOON, f"{path} of port {port} never said {text!r}"
        time.sleep(0.2)
    return time.monotonic() - started


def docker(*words: str) -> str:
    return subprocess.run(("docker", *words), capture_output=True, text=True, check=True, timeout=60).stdout


def inspected() -> list[dict[str, Any]]:
    names = docker("ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={STACK}").split()
    found: list[dict[str, Any]] = json.loads(docker("inspect", *names)) if names else []
    return found


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    """A clone whose development stack is up; nothing of it is left at the end."""
    need_program("docker")
    if subprocess.run(("docker", "info"), capture_output=True, check=False, timeout=60).returncode != 0:
        missing("a container engine")
    clone = make(tmp_path_factory.mktemp("dev") / "repository")
    (clone.folder / "plimsoll.local.toml").write_text(f"[dev.ports]\npage = {PAGE}\napi = {API}\n")
    try:
        clone.ok("dev.up", timeout=1700)
        yield clone
    finally:
        clone.inv("dev.down", "--purge")


def test_page_and_api_answer_and_the_page_reaches_the_api(stack: Clone) -> None:
    assert '<div id="root">' in get(PAGE, "/")
    assert json.loads(get(API, "/health/ready"))["status"] == "ready"
    assert json.loads(get(PAGE, "/api/v1/sessions"))["total"] == 0
    assert stack.ok("dev.up", "--json").json["addresses"] == {
        "page": f"http://127.0.0.1:{PAGE}",
        "api": f"http://127.0.0.1:{API}",
    }


def test_starting_what_runs_already_replaces_nothing(stack: Clone) -> None:
    before = {each["Name"]: each["Id"] for each in inspected()}
    said = stack.ok("dev.up", "--json")
    assert {each["Name"]: each["Id"] for each in inspected()} == before
    assert said.json["made"] == []


@pytest.mark.usefixtures("stack")
def test_nothing_listens_on_another_address_than_loopback() -> None:
    hosts = {
        binding["HostIp"]
        for each in inspected()
        for bindings in each["NetworkSettings"]["Ports"].values()
        for binding in bindings or ()
    }
    assert hosts == {"127.0.0.1"}


@pytest.mark.usefixtures("stack")
def test_every_container_runs_as_an_ordinary_user_on_a_root_that_it_cannot_write() -> None:
    assert {each["Config"]["User"] for each in inspected()} == {"1001:1001"}
    assert {each["HostConfig"]["ReadonlyRootfs"] for each in inspected()} == {True}


def test_a_change_of_the_backend_shows_without_a_restart_of_its_container(stack: Clone) -> None:
    before = {each["Id"]: each["State"]["StartedAt"] for each in inspected() if each["Name"].endswith("-backend-1")}
    file = stack.folder / "backend" / "checkin" / "app.py"
    text = file.read_text()
    file.write_text(text.replace('title="check-in"', 'title="changed while it runs"'))
    try:
        wait_for(API, "/api/v1/openapi.json", "changed while it runs")
    finally:
        file.write_text(text)
    wait_for(API, "/api/v1/openapi.json", '"title":"check-in"')
    assert {each["Id"]: each["State"]["StartedAt"] for each in inspected() if each["Name"].endswith("-backend-1")} == before


def test_a_backend_that_does_not_start_comes_back_when_it_is_corrected(stack: Clone) -> None:
    file = stack.folder / "backend" / "checkin" / "app.py"
    text = file.read_text()
    file.write_text(text + "\ndef (\n")
    try:
        deadline = time.monotonic() + SOON
        while "SyntaxError" not in stack.ok("dev.logs", "--service", "backend", "--last", "20").stdout:
            assert time.monotonic() < deadline, "the log never named the mistake"
    finally:
        file.write_text(text)
    wait_for(API, "/health/ready", "ready")


def test_a_file_of_the_page_that_an_editor_replaces_is_seen(stack: Clone) -> None:
    file = stack.folder / "frontend" / "index.html"
    new = file.with_name("index.html.new")
    new.write_text(file.read_text().replace("<title>Check-in</title>", "<title>Replaced</title>"))
    new.replace(file)
    assert wait_for(PAGE, "/", "<title>Replaced</title>") < SOON


def test_secrets_are_in_a_private_file_and_in_no_command_line(stack: Clone) -> None:
    labels = {each["Config"]["Labels"]["com.docker.compose.project.environment_file"] for each in inspected()}
    assert len(labels) == 1
    file = Path(labels.pop())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not file.is_relative_to(stack.folder)
    secrets = [line.partition("=")[2] for line in file.read_text().splitlines() if line.startswith("SECRET_")]
    assert len(secrets) == 2
    running = subprocess.run(("ps", "-eo", "args"), capture_output=True, text=True, check=True, timeout=10).stdout
    assert not [secret for secret in secrets if secret in running]


def test_the_log_can_be_read_by_a_program(stack: Clone) -> None:
    said = stack.ok("dev.logs", "--service", "postgres", "--last", "3", "--json").json
    assert said["schema"] == "plimsoll.dev.logs/1"
    assert {each["service"] for each in said["lines"]} == {"postgres"}


def test_data_outlives_the_containers_until_a_purge(stack: Clone) -> None:
    body = json.dumps({"name": "Ada", "email": "ada@example.com"}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{API}/api/v1/participants", data=body, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 -- the same
        assert answer.status == 201
    assert f"volume {STACK}_data" in stack.ok("dev.down", "--json").json["kept"]
    assert inspected() == []
    stack.ok("dev.up")
    assert json.loads(get(API, "/api/v1/participants"))["total"] == 1


def test_a_port_that_is_taken_is_told_with_its_holder(stack: Clone) -> None:
    stack.ok("dev.down")
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", PAGE))
        holder.listen()
        said = stack.inv("dev.up", "--json")
    assert said.code == 4
    assert said.json["error"]["code"] == "port-taken"
    assert "[dev] ports.page" in said.stderr + said.stdout


def test_a_purge_leaves_nothing(stack: Clone) -> None:
    stack.ok("dev.down", "--purge")
    assert inspected() == []
    assert docker("volume", "ls", "--quiet", "--filter", f"label=com.docker.compose.project={STACK}") == ""
    assert docker("image", "ls", "--quiet", "--filter", f"reference={STACK}/*") == ""
