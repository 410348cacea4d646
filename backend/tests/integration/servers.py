"""A PostgreSQL, a Redis and the backend itself, each a real process on a free loopback port, gone after the tests."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Result = TypeVar("Result")
BACKEND = Path(__file__).resolve().parents[2]
PASSWORD = "only-for-this-test-run"  # noqa: S105 -- it protects a server that lives for seconds on the loopback interface
PATIENCE = 20.0  # seconds for a server to start or stop, on a busy machine


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(condition: Callable[[], bool], what: str, *, seconds: float = PATIENCE) -> None:
    """Return once the condition holds; fail with `what` when it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(0.02)


def accepts(port: int) -> bool:
    """Tell whether something listens on the loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def find_binary(name: str) -> Path | None:
    """Return the newest server binary of that name; Debian keeps PostgreSQL's outside PATH."""
    found = shutil.which(name)
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    return versions[-1] if versions else Path(found) if found else None


@dataclass
class Server:
    """A server process that can be stopped, paused and started again in the middle of a test."""

    command: list[str]
    port: int
    user: str | None
    stop_signal: signal.Signals = signal.SIGINT
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and return once the port accepts connections."""
        self.process = subprocess.Popen(self.command, user=self.user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: accepts(self.port), f"{self.command[0]} listens")

    def stop(self) -> None:
        """End at once, dropping all connections."""
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(self.stop_signal)
            self.process.wait(PATIENCE)
            self.process = None

    @contextmanager
    def down(self) -> Iterator[None]:
        """Be stopped for a while."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Accept connections but answer nothing for a while, as a server does whose disk is stuck."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


@contextmanager
def redis_server(binary: Path) -> Iterator[Server]:
    """Run a Redis that keeps nothing."""
    port = free_port()
    options = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no", "--requirepass", PASSWORD]
    with tempfile.TemporaryDirectory(prefix="check-in-redis-") as folder:
        user = _unprivileged("nobody", Path(folder))
        server = Server([str(binary), *options, "--dir", folder], port, user)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@dataclass
class Postgres(Server):
    """A PostgreSQL whose superuser is `checkin`, reached over TCP with a password as in production."""

    databases: int = 0

    def new_database(self, *, template: str | None = None) -> str:
        """Create a database, empty or as a copy, and return its name."""
        self.databases += 1
        name = f"test_{self.databases}"
        self.run_sql(f"CREATE DATABASE {name} TEMPLATE {template or 'template0'}")
        return name

    def run_sql(self, statement: str, *, database: str = "postgres") -> str:
        """Run one statement and return what psql prints, unaligned and without headers."""
        command = [*self._psql(database), "-c", statement]
        done = subprocess.run(command, env=self._login(), capture_output=True, text=True, check=False, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @contextmanager
    def locked_session(self, identifier: str, *, database: str) -> Iterator[None]:
        """Keep one row of the sessions locked, so that a check-in has to wait."""
        with subprocess.Popen(self._psql(database), env=self._login(), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as psql:
            assert psql.stdin is not None
            assert psql.stdout is not None
            lock = f"SELECT FROM sessions WHERE id = '{identifier}' FOR UPDATE"
            psql.stdin.write(f"BEGIN;\n{lock};\n\\echo locked\n".encode())
            psql.stdin.flush()
            while psql.stdout.readline() != b"locked\n":
                assert psql.poll() is None, "psql ended before it had the lock"
            yield
            psql.stdin.write(b"COMMIT;\n")

    def _psql(self, database: str) -> list[str]:
        binary = find_binary("psql")
        assert binary is not None, "psql comes with the server's package"
        return [str(binary), "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database]

    def _login(self) -> dict[str, str]:
        return {"PGPASSWORD": PASSWORD, "PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": "checkin"}


@contextmanager
def postgres_server(binary: Path) -> Iterator[Postgres]:
    """Run a PostgreSQL that does not care for its data's safety."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="check-in-postgres-") as folder:
        root = Path(folder)
        user = _unprivileged("postgres", root)
        secret, data = root / "password", root / "data"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)  # initdb runs as another user; the folder around it is closed to others
        initdb = [str(binary.with_name("initdb")), "-D", str(data), "-U", "checkin", "--auth=scram-sha-256", f"--pwfile={secret}"]
        options = ["--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"]
        subprocess.run([*initdb, *options], user=user, check=True, capture_output=True, timeout=120, cwd=root)
        settings = ["listen_addresses=127.0.0.1", f"port={port}", f"unix_socket_directories={folder}"]
        careless = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=32MB"]
        command = [str(binary), "-D", str(data), *(part for value in settings + careless for part in ("-c", value))]
        server = Postgres(command, port, user, signal.SIGQUIT)  # without a checkpoint: it takes seconds, and nothing is kept
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _unprivileged(name: str, folder: Path) -> str | None:
    """Give the folder to that user and return their name, when we are root: servers refuse, or should not have, that much."""
    if os.geteuid() != 0:
        return None
    shutil.chown(folder, name)
    return name


@dataclass
class Backend:
    """The backend as a process, and a client for it."""

    process: subprocess.Popen[bytes]
    port: int
    log_file: Path
    http: httpx.Client

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def log(self) -> list[dict[str, Any]]:
        """Return every line that it has written so far; fails when a line is not JSON."""
        return [json.loads(line) for line in self.log_file.read_text().splitlines()]

    def status_of(self, path: str) -> int:
        """Return the status that a GET answers now, or 0 when there is no answer."""
        try:
            return self.http.get(path).status_code
        except httpx.TransportError:
            return 0


def in_background(work: Callable[[], Result]) -> Future[Result]:
    """Run the work in a thread of its own, and return what will hold its result."""
    with_own_thread = ThreadPoolExecutor(1)
    future = with_own_thread.submit(work)
    with_own_thread.shutdown(wait=False)
    return future


@contextmanager
def backend_process(environment: Mapping[str, str], folder: Path) -> Iterator[Backend]:
    """Run `python -m checkin` with exactly this environment, from a folder that it cannot write to."""
    port = free_port()
    log_file = folder / f"backend-{port}.log"
    with log_file.open("wb") as output, httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        process = subprocess.Popen(
            [sys.executable, "-m", "checkin"],
            env={**environment, "PORT": str(port), "HOST": "127.0.0.1"},
            cwd=BACKEND,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        backend = Backend(process, port, log_file, client)
        try:
            wait_until(lambda: process.poll() is not None or accepts(port), "the backend listens")
            assert process.poll() is None, log_file.read_text()
            yield backend
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(PATIENCE)


def run_module(name: str, *arguments: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `python -m <name>` to its end with exactly this environment."""
    return subprocess.run(
        [sys.executable, "-m", name, *arguments],
        env=dict(environment),
        cwd=BACKEND,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
