"""Finding what is installed, and waiting for what takes a moment."""

from __future__ import annotations

import shutil
import socket
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")
PATIENCE = 30.0  # seconds for a server to start or stop, on a busy machine


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


def in_background(work: Callable[[], Result]) -> Future[Result]:
    """Run the work in a thread of its own, and return what will hold its result."""
    with_own_thread = ThreadPoolExecutor(1)
    future = with_own_thread.submit(work)
    with_own_thread.shutdown(wait=False)
    return future
