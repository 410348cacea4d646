"""Starts a container engine on a machine where none runs: through systemd, or as a process of its own."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import socket
import time
from collections import deque
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plimsoll.adapters import process
from plimsoll.errors import EnvironmentLacks

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from plimsoll.adapters.administrator import Administrator

# Seconds: an engine with many containers and a cold disk needs most of them.
PATIENCE = 90.0
LOG_LIMIT = 20_000_000
TAIL = 15
SYSTEM_CONTAINERD = Path("/run/containerd/containerd.sock")


@dataclass(frozen=True, kw_only=True)
class EngineHome:
    """Where an engine lives: its socket, its running state, and (in `folder`) our settings for it and its log.

    `arguments` are added to its command line; a second engine beside the machine's own needs some.
    """

    folder: Path
    socket: Path = Path("/var/run/docker.sock")
    running: Path = Path("/var/run/docker")
    pid_file: Path = Path("/var/run/docker.pid")
    settings: Path = Path("/etc/docker/daemon.json")
    containerd: Path = SYSTEM_CONTAINERD
    arguments: tuple[str, ...] = field(default=())


class EngineStarter:
    """Starts the engine and waits until it answers. One that answers, or is about to, is left alone."""

    def __init__(self, home: EngineHome, administrator: Administrator, *, patience: float = PATIENCE) -> None:
        """Start the engine of `home` as `administrator`; wait `patience` seconds for it."""
        self._home = home
        self._administrator = administrator
        self._patience = patience
        self.socket = home.socket

    @property
    def log(self) -> Path:
        """The log of an engine that we started."""
        return self._home.folder / "dockerd.log"

    def start(self, *, systemd: bool) -> None:
        """Return when an engine answers on the socket. Raise EnvironmentLacks with its last words when none does."""
        if systemd:
            self._administrator.run(("systemctl", "start", "docker"), timeout=self._patience, title="systemctl start docker")
            self._wait(None, "journalctl -u docker")
            return
        self._home.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._alone():
            if answers(self._home.socket):
                return
            if _alive(self._home.pid_file, "dockerd"):
                # Somebody else's, still starting: never a second one beside it.
                self._wait(None, str(self._home.pid_file))
                return
            if not self._administrator.direct:
                raise EnvironmentLacks(
                    "starting an engine without a service manager needs root", now="run `sudo ./inv setup`", code="not-root"
                )
            self._clear_remains()
            self._wait(self._spawn(), str(self.log))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with (self._home.folder / "start.lock").open("a", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _clear_remains(self) -> None:
        """Take away what a killed engine left: it would keep the next one from starting."""
        own_containerd = self._home.running / "containerd"
        for pid_file, program in ((self._home.pid_file, "dockerd"), (own_containerd / "containerd.pid", "containerd")):
            # A process of another name has taken the number over, or nobody has it any more.
            if pid_file.exists() and not _alive(pid_file, program):
                pid_file.unlink(missing_ok=True)
        # The engine takes a containerd's socket for a containerd without asking it.
        if self._home.containerd.exists() and not _listens(self._home.containerd):
            self._home.containerd.unlink(missing_ok=True)

    def _spawn(self) -> subprocess.Popen[bytes]:
        settings = self._home.folder / "daemon.json"
        settings.write_text(json.dumps(_with_containerd_store(self._home.settings), indent=2) + "\n", encoding="utf-8")
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".log.1"))
        path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
        argv = ("env", f"PATH={path}", "dockerd", "--config-file", str(settings), "--pidfile", str(self._home.pid_file))
        addresses = ("--host", f"unix://{self._home.socket}", "--exec-root", str(self._home.running))
        return process.detach((*argv, *addresses, *self._home.arguments), log=self.log)

    def _wait(self, child: subprocess.Popen[bytes] | None, log: str) -> None:
        deadline = time.monotonic() + self._patience
        while not answers(self._home.socket):
            died = child is not None and child.poll() is not None
            if died or time.monotonic() > deadline:
                if child is not None and not died:
                    process.stop(child)
                what = "died" if died else f"did not answer within {self._patience:g} s"
                words = "".join(f"\n  | {line}" for line in self._last_words()) if child is not None else ""
                raise EnvironmentLacks(
                    f"the container engine {what}{words}", where=log, now="correct what it says, then try again"
                )
            time.sleep(0.1)

    def _last_words(self) -> list[str]:
        with suppress(OSError), self.log.open(encoding="utf-8", errors="replace") as lines:
            return [line.rstrip() for line in deque(lines, maxlen=TAIL)]
        return []


def answers(path: Path) -> bool:
    """Tell whether an engine answers on a socket."""
    connection = _Connection(path)
    try:
        with closing(connection):
            connection.request("GET", "/_ping")
            return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False


class _Connection(http.client.HTTPConnection):
    """HTTP over a UNIX socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=5)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _listens(path: Path) -> bool:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as probe:
        probe.settimeout(2)
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


def _alive(pid_file: Path, program: str) -> bool:
    """Tell whether the process that a pid file names is still that program."""
    try:
        pid = int(pid_file.read_text(encoding="ascii"))
        return Path("/proc", str(pid), "comm").read_text(encoding="utf-8").strip() == program
    except (OSError, ValueError):
        return False


def _with_containerd_store(settings: Path) -> dict[str, Any]:
    """Return the machine's own engine settings with the containerd image store switched on."""
    try:
        own = json.loads(settings.read_text(encoding="utf-8"))
    except FileNotFoundError:
        own = {}
    except (OSError, ValueError) as error:
        raise EnvironmentLacks(
            f"the engine's settings cannot be read: {error}", where=str(settings), now="correct them"
        ) from error
    return {**own, "features": {**own.get("features", {}), "containerd-snapshotter": True}}
