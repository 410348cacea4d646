"""The backend itself, as the process that an image would run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import uvicorn

from checkin.app import create_app
from checkin.lifecycle import Lifecycle
from checkin.settings import read_settings
from tests.integration.waiting import PATIENCE, accepts, free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BACKEND = Path(__file__).resolve().parents[2]


@dataclass
class Served:
    """An application that answers on a loopback port, and a client for it."""

    port: int
    http: httpx.Client

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def status_of(self, path: str) -> int:
        """Return the status that a GET answers now, or 0 when there is no answer."""
        try:
            return self.http.get(path).status_code
        except httpx.TransportError:
            return 0


@dataclass
class Backend(Served):
    """The application as a process."""

    process: subprocess.Popen[bytes]
    log_file: Path

    def log(self) -> list[dict[str, Any]]:
        """Return every whole line that it has written so far; fails when a line is not JSON."""
        text = self.log_file.read_text()
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


@contextmanager
def backend_process(environment: Mapping[str, str], folder: Path) -> Iterator[Backend]:
    """Run `python -m checkin` with exactly this environment; its log goes to the folder."""
    port = free_port()
    log_file = folder / f"backend-{port}.log"
    with log_file.open("wb") as output, httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        process = subprocess.Popen(
            [sys.executable, "-m", "checkin"],
            env={**_coverage(), **environment, "PORT": str(port), "HOST": "127.0.0.1"},
            cwd=BACKEND,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until(lambda: process.poll() is not None or accepts(port), "the backend listens")
            assert process.poll() is None, log_file.read_text()
            yield Backend(port, client, process, log_file)
        finally:
            _end(process)


def _coverage() -> dict[str, str]:
    """Return what makes a process measure its coverage, when that is being measured."""
    return {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        # Killed, which is quick, unless it has a measurement to write down. SIGINT comes without the delay of SIGTERM.
        process.send_signal(signal.SIGINT if _coverage() else signal.SIGKILL)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(PATIENCE)


@contextmanager
def backend_thread(environment: Mapping[str, str]) -> Iterator[Served]:
    """Serve the same application from a thread of the tests: a second sooner, where no test asks for signals or logs."""
    port = free_port()
    app = create_app(read_settings(environment), Lifecycle())
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, http="h11", ws="none", log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started, "the application listens")
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            yield Served(port, client)
    finally:
        server.should_exit = True
        thread.join(PATIENCE)


def run_module(
    name: str, *arguments: str, environment: Mapping[str, str], folder: Path = BACKEND
) -> subprocess.CompletedProcess[str]:
    """Run `python -m <name>` to its end with exactly this environment."""
    return subprocess.run(
        [sys.executable, "-m", name, *arguments],
        env={**_coverage(), **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
