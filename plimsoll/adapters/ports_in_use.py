"""Who listens on a port of this machine."""

from __future__ import annotations

import errno
import socket
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from plimsoll.adapters.docker_cli import docker
from plimsoll.errors import EnvironmentLacks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LISTENING = "0A"
ADDRESS, STATE, INODE = 1, 3, 9


def require_free(ports: Iterable[tuple[int, str]]) -> None:
    """Raise EnvironmentLacks when one of the (port, setting) pairs cannot be listened on, naming port, holder and setting."""
    for port, setting in ports:
        problem = _problem(port)
        if problem:
            raise EnvironmentLacks(
                f"port {port} of 127.0.0.1 {problem}",
                where=f"plimsoll.toml, {setting}",
                now="stop what listens there, or set another port",
                code="port-taken",
            )


def _problem(port: int) -> str:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        # As the engine does: connections of a former listener that still linger do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                holder = container(port) or listener(port)
                return f"is taken by {holder}" if holder else "is taken by another program"
            return f"cannot be listened on: {error.strerror}"
    # An engine without a proxy process publishes ports in the packet filter only: nothing listens then.
    holder = container(port)
    return f"is taken by {holder}" if holder else ""


def container(port: int) -> str:
    """Return the container that publishes `port`, or an empty text."""
    names = docker("ps", "--filter", f"publish={port}", "--format", "{{.Names}}").stdout.split()
    return f"container {names[0]}" if names else ""


def listener(port: int, proc: Path = Path("/proc")) -> str:
    """Return name and number of the process that listens on `port`, or an empty text where we may not know."""
    inodes = set(_inodes(port, proc))
    if not inodes:
        return ""
    sockets = {f"socket:[{inode}]" for inode in inodes}
    for process in proc.glob("[0-9]*"):
        try:
            if any(str(link.readlink()) in sockets for link in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text(encoding='utf-8').strip()} (process {process.name})"
        except OSError:  # gone, or somebody else's
            continue
    return ""


def _inodes(port: int, proc: Path) -> Iterator[str]:
    for table in (proc / "net" / "tcp", proc / "net" / "tcp6"):
        try:
            lines = table.read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for fields in (line.split() for line in lines):
            if fields[STATE] == LISTENING and int(fields[ADDRESS].rpartition(":")[2], 16) == port:
                yield fields[INODE]
