"""A container engine of a test's own, on a small disk in memory and in a network of its own: it may be killed and filled up."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plimsoll.adapters.dockerd import answers
from plimsoll.domain.tools_machine import EngineFacts
from tests.needs import missing, need_program

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 60


@dataclass
class PrivateEngine:
    """A running dockerd: its socket, its data folder, and its process."""

    socket: Path
    data: Path
    process: subprocess.Popen[bytes]

    @property
    def host(self) -> str:
        return f"unix://{self.socket}"

    def kill(self) -> None:
        """End it as a machine that loses power does; what it started dies with it."""
        self.process.kill()
        self.process.wait()

    def facts(self) -> EngineFacts:
        return EngineFacts(address=self.host, running=self.process.poll() is None, root=str(self.data))


@contextmanager
def private_engine(megabytes: int) -> Iterator[PrivateEngine]:
    """Run an engine whose data folder holds `megabytes`."""
    if os.geteuid() != 0:
        pytest.skip("an engine of its own needs root")
    dockerd, unshare = need_program("dockerd"), need_program("unshare")
    # Short, because a socket's path may have 108 characters.
    folder = Path(tempfile.mkdtemp(prefix="pe-", dir="/var/tmp"))
    data, socket = folder / "data", folder / "s"
    data.mkdir()
    subprocess.run(("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", data), check=True)
    settings = folder / "daemon.json"
    settings.write_text(json.dumps({"features": {"containerd-snapshotter": True}}))
    # In a network of its own: engines would otherwise share the bridge and its rules.
    argv = (
        *(unshare, "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", dockerd, "--config-file", settings),
        *("--host", f"unix://{socket}", "--data-root", data, "--exec-root", folder / "run", "--pidfile", folder / "pid"),
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True)
    try:
        for _ in range(PATIENCE * 10):
            if answers(socket):
                break
            if process.poll() is not None:
                missing(f"an engine of its own ({(folder / 'log').read_text().strip().splitlines()[-1:]})")
            time.sleep(0.1)
        else:
            missing("an engine of its own that answers")
        yield PrivateEngine(socket, data, process)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for mounted in (data, folder / "run"):
            subprocess.run(("umount", "--lazy", "--recursive", mounted), check=False, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)
