"""A PostgreSQL and a Redis, real ones on free loopback ports, gone after the tests."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.integration.waiting import PATIENCE, accepts, find_binary, free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "only-for-this-test-run"  # noqa: S105 -- it protects a server that lives for seconds on the loopback interface


@dataclass(frozen=True)
class Certificate:
    """A certificate for 127.0.0.1 that only those trust who are told to, and its key."""

    certificate: Path
    key: Path

    def copy_to(self, folder: Path, user: str | None) -> tuple[Path, Path]:
        """Copy both into a server's folder, for that user's eyes only, as servers demand."""
        copies = folder / "server.crt", folder / "server.key"
        for source, copy in zip((self.certificate, self.key), copies, strict=True):
            copy.write_bytes(source.read_bytes())
            copy.chmod(0o600)
            if user is not None:
                shutil.chown(copy, user)
        return copies


def new_certificate(openssl: Path, folder: Path) -> Certificate:
    """Make a certificate that is its own authority."""
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    request = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "1",
        "-subj",
        "/CN=test",
    ]
    files = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(made.key), "-out", str(made.certificate)]
    subprocess.run([str(openssl), *request, *files], check=True, capture_output=True, timeout=PATIENCE)
    return made


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
def redis_server(binary: Path, *, tls: Certificate | None = None) -> Iterator[Server]:
    """Run a Redis that keeps nothing; with a certificate it speaks TLS only."""
    port = free_port()
    options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--requirepass", PASSWORD]
    with tempfile.TemporaryDirectory(prefix="check-in-redis-") as folder:
        user = _unprivileged("nobody", Path(folder))
        if tls is None:
            options += ["--port", str(port)]
        else:
            certificate, key = tls.copy_to(Path(folder), user)
            options += ["--port", "0", "--tls-port", str(port), "--tls-auth-clients", "no"]
            options += ["--tls-cert-file", str(certificate), "--tls-key-file", str(key), "--tls-ca-cert-file", str(certificate)]
        server = Server([str(binary), *options, "--dir", folder], port, user)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@dataclass
class Postgres(Server):
    """A PostgreSQL whose superuser is `checkin`, reached over TCP with a password as in production."""

    data: Path = Path()
    databases: int = 0

    def start(self) -> None:
        """Start, and return once it serves: it listens a little before that, while it still reads its log."""
        super().start()
        login = ["-h", "127.0.0.1", "-p", str(self.port), "-q"]
        ready = [str(Path(self.command[0]).with_name("pg_isready")), *login]
        wait_until(lambda: subprocess.run(ready, check=False, timeout=PATIENCE).returncode == 0, "PostgreSQL serves")

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
    def speaking_tls(self, certificate: Certificate) -> Iterator[None]:
        """Offer TLS for a while to those who ask for it."""
        certificate.copy_to(self.data, self.user)
        self._switch_tls("on")
        try:
            yield
        finally:
            self._switch_tls("off")

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

    def _switch_tls(self, state: str) -> None:
        self.run_sql(f"ALTER SYSTEM SET ssl = {state}")
        self.run_sql("SELECT pg_reload_conf()")
        wait_until(lambda: self.run_sql("SHOW ssl") == state, f"TLS is {state}")

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
        server = Postgres(command, port, user, signal.SIGQUIT, data=data)  # no checkpoint: it takes seconds, and nothing is kept
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
