"""The images at work, as the cluster runs them: read-only root, no rights, uid 1001; each entrypoint's promises."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from plimsoll.adapters.registry import OciRegistry
from plimsoll.errors import EnvironmentLacks
from plimsoll.wiring import images
from tests.fakes import FakeReporter
from tests.local_registry import local_registry
from tests.needs import missing

if TYPE_CHECKING:
    from collections.abc import Iterator

# A cold build of all images, bases included, on a slow machine.
pytestmark = [pytest.mark.engine, pytest.mark.timeout(1500)]
HARDENED = ("--read-only", "--tmpfs", "/tmp:mode=1777", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")  # noqa: S108 -- of a container
SECRET = "a-long-password-of-a-test"  # noqa: S105 -- of containers that live for a test
DATABASE = {"POSTGRES_DB": "shop", "POSTGRES_USER": "shop", "POSTGRES_PASSWORD": SECRET}


def docker(*words: str, check: bool = True, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run(("docker", *words), capture_output=True, text=True, check=check, timeout=timeout)


@pytest.fixture(scope="module")
def references(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The present images in the engine, by service, through a registry of our own."""
    reporter = FakeReporter()
    try:
        images.build((), reporter)
    except EnvironmentLacks as error:
        missing(f"what building needs ({error.what.splitlines()[0]})")
    with local_registry(tmp_path_factory.mktemp("registry") / "r") as registry:
        found = {}
        for name, image in images.images(reporter).items():
            here = replace(image, repository=f"{registry.host}/running/{name}")
            OciRegistry().push(here, images.layout(image, reporter))
            docker("pull", "--quiet", here.tagged)
            found[name] = here.tagged
        yield found
        docker("rmi", *found.values(), check=False)


@dataclass(frozen=True)
class Container:
    """A running container."""

    name: str

    def exec(self, *words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        extra = [word for key, value in (env or {}).items() for word in ("--env", f"{key}={value}")]
        return docker("exec", *extra, self.name, *words, check=False)

    def logs(self) -> str:
        done = docker("logs", self.name)
        return done.stdout + done.stderr

    def stop(self) -> tuple[int, float]:
        """Stop it and return its exit code and the seconds that took."""
        started = time.monotonic()
        docker("stop", "--time", "40", self.name)
        seconds = time.monotonic() - started
        return int(docker("inspect", "--format", "{{.State.ExitCode}}", self.name).stdout), seconds

    def wait(self, *words: str, seconds: float = 40) -> None:
        """Return when a command inside succeeds."""
        deadline = time.monotonic() + seconds
        while self.exec(*words).returncode != 0:
            assert time.monotonic() < deadline, self.logs()
            time.sleep(0.3)


@contextmanager
def running(image: str, *arguments: str, env: dict[str, str] | None = None, options: tuple[str, ...] = ()) -> Iterator[Container]:
    name = f"plimsoll-test-{uuid.uuid4().hex[:8]}"
    extra = [word for key, value in (env or {}).items() for word in ("--env", f"{key}={value}")]
    docker("run", "--detach", "--name", name, *HARDENED, *extra, *options, image, *arguments)
    try:
        yield Container(name)
    finally:
        docker("rm", "--force", "--volumes", name, check=False)


@contextmanager
def volume() -> Iterator[str]:
    name = f"plimsoll-test-{uuid.uuid4().hex[:8]}"
    docker("volume", "create", name)
    try:
        yield name
    finally:
        docker("volume", "rm", "--force", name, check=False)


def postgres(references: dict[str, str], data: str) -> tuple[str, tuple[str, ...]]:
    options = ("--volume", f"{data}:/var/lib/postgresql/data", "--tmpfs", "/run/postgresql:uid=1001,mode=0775")
    return references["postgres"], options


def query(server: Container, sql: str) -> str:
    done = server.exec("psql", "-h", "127.0.0.1", "-U", "shop", "-d", "shop", "-tAc", sql, env={"PGPASSWORD": SECRET})
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


READY = ("pg_isready", "--quiet", "--host=127.0.0.1")


def test_postgresql_keeps_what_it_was_given_and_asks_for_the_password(references: dict[str, str]) -> None:
    with volume() as data:
        image, options = postgres(references, data)
        with running(image, env=DATABASE, options=options) as server:
            server.wait(*READY)
            query(server, "create table seen (x int); insert into seen values (7)")
            assert query(server, "show jit") == "off"
            assert query(server, "select datcollate from pg_database where datname = 'shop'") == "C"
            refused = server.exec(
                "psql", "-h", "127.0.0.1", "-U", "shop", "-d", "shop", "-c", "select 1", env={"PGPASSWORD": "x"}
            )
            assert "password authentication failed" in refused.stderr
            code, seconds = server.stop()
            assert (code, seconds < 15) == (0, True)
            assert "database system is shut down" in server.logs()
            assert SECRET not in server.logs()
        # The password is of no use to a folder that is there already.
        with running(image, "-c", "work_mem=5MB", options=options) as again:
            again.wait(*READY)
            assert query(again, "select x from seen") == "7"
            assert query(again, "show work_mem") == "5MB", "arguments are the server's own"


def test_a_first_start_that_was_interrupted_is_simply_made_again(references: dict[str, str]) -> None:
    with volume() as data:
        image, options = postgres(references, data)
        with running(image, env=DATABASE, options=options) as server:
            docker("kill", server.name)
        with running(image, env=DATABASE, options=options) as again:
            again.wait(*READY)
            assert query(again, "select 1") == "1"


@pytest.mark.parametrize("absent", ["POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD"])
def test_postgresql_says_what_it_is_not_told(references: dict[str, str], absent: str) -> None:
    told = [word for key, value in DATABASE.items() if key != absent for word in ("--env", f"{key}={value}")]
    done = docker(
        "run", "--rm", *HARDENED, "--tmpfs", "/var/lib/postgresql/data:uid=1001", *told, references["postgres"], check=False
    )
    assert done.returncode == 2
    assert absent in done.stderr


def test_a_database_name_that_sql_would_read_otherwise_is_refused(references: dict[str, str]) -> None:
    told = ("--env", 'POSTGRES_DB=x"; drop database y; --', "--env", "POSTGRES_USER=a", "--env", "POSTGRES_PASSWORD=b")
    done = docker("run", "--rm", *HARDENED, *told, references["postgres"], check=False)
    assert (done.returncode, "letters, digits" in done.stderr) == (2, True)


def test_redis_asks_for_the_password_and_shows_it_nowhere(references: dict[str, str]) -> None:
    with running(references["redis"], "--maxmemory", "20mb", env={"REDIS_PASSWORD": SECRET}) as server:
        server.wait("redis-healthcheck")
        login = {"REDISCLI_AUTH": SECRET}
        assert server.exec("redis-cli", "-e", "ping", env=login).stdout.strip() == "PONG"
        assert server.exec("redis-cli", "config", "get", "maxmemory", env=login).stdout.split() == ["maxmemory", "20971520"]
        assert "NOAUTH" in server.exec("redis-cli", "-e", "ping").stderr
        assert SECRET not in docker("top", server.name, "-o", "pid,args").stdout
        assert SECRET not in server.logs()
        code, seconds = server.stop()
        assert (code, seconds < 15) == (0, True)


@pytest.mark.parametrize(
    ("password", "said"), [("", "there is no Redis without one"), ('quo"te', "quotes"), ("back\\slash", "backslashes")]
)
def test_redis_refuses_passwords_that_it_could_not_keep(references: dict[str, str], password: str, said: str) -> None:
    done = docker("run", "--rm", *HARDENED, "--env", f"REDIS_PASSWORD={password}", references["redis"], check=False)
    assert (done.returncode, said in done.stderr) == (2, True)


def test_the_page_is_served_and_its_own_health_told(references: dict[str, str]) -> None:
    with running(references["frontend"], options=("--add-host", "backend:127.0.0.1")) as server:
        check = json.loads(docker("inspect", "--format", "{{json .Config.Healthcheck.Test}}", server.name).stdout)[1:]
        server.wait(*check)
        wrong = [word.replace("/healthz", "/nowhere") for word in check]
        assert server.exec(*wrong).returncode != 0, "an answer that is not 200 is no health"
        assert docker("inspect", "--format", "{{.Config.StopSignal}}", server.name).stdout.strip() == "SIGQUIT"
        code, seconds = server.stop()
        assert (code, seconds < 30) == (0, True)


def test_files_of_the_page_have_times_of_their_own(references: dict[str, str]) -> None:
    """Nginx makes validators of times: with one time for all, a new page of the same length would look like the old one."""
    with running(references["frontend"], options=("--add-host", "backend:127.0.0.1")) as server:
        exported = subprocess.run(("docker", "export", server.name), capture_output=True, check=True, timeout=60).stdout
    with tarfile.open(fileobj=io.BytesIO(exported)) as archive:
        times = [each.mtime for each in archive if each.isfile() and each.name.startswith("srv/www/")]
    assert len(times) > 2
    assert len(set(times)) > 1


def test_the_backend_starts_without_its_database_and_leaves_when_asked(references: dict[str, str]) -> None:
    env = {"DATABASE_HOST": "nowhere", "DATABASE_PASSWORD": "x", "REDIS_HOST": "nowhere", "RELEASE": "local-1"}
    with running(references["backend"], env=env) as server:
        server.wait("python3", "-m", "checkin.healthcheck", "live")
        told = server.exec(
            "python3", "-c", "import urllib.request as u; print(u.urlopen('http://127.0.0.1:3001/version').read().decode())"
        )  # fmt: skip
        version = json.loads(told.stdout)
        label = docker("inspect", "--format", '{{index .Config.Labels "org.opencontainers.image.revision"}}', server.name)
        assert version == {"release": "local-1", "revision": label.stdout.strip()}
        code, seconds = server.stop()
        assert (code, seconds < 30) == (0, True)


def test_the_backend_reads_no_sources_to_start(references: dict[str, str]) -> None:
    """Bytecode for all that it imports is in the image; on a read-only root it would otherwise be made anew at every start."""
    script = (
        "import os, sys, checkin.__main__, checkin.migrate; "
        "cached = [getattr(module, '__cached__', None) for module in list(sys.modules.values())]; "
        "print([file for file in cached if file and not os.path.exists(file)])"
    )
    done = docker("run", "--rm", *HARDENED, references["backend"], "python3", "-c", script)
    assert done.stdout.strip() == "[]"
