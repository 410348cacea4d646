"""How the process ends: unready at once, serving for a while, then finishing what is in flight."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING

import uvicorn

from checkin.logs import logger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checkin.settings import ShutdownSettings


class Lifecycle:
    """Shared by the server, which turns it, and by readiness, which reads it."""

    def __init__(self) -> None:
        self.draining = False


class DrainingServer(uvicorn.Server):
    """uvicorn, except for signals.

    Kubernetes takes a pod out of its Service while it sends SIGTERM, not before: for some seconds new requests still arrive.
    So SIGTERM first turns the process unready and goes on serving; only then the port is closed, what is in flight is
    finished, and the process leaves with exit code 0. A second signal, or Ctrl-C, skips the wait.
    """

    def __init__(self, config: uvicorn.Config, *, lifecycle: Lifecycle, shutdown: ShutdownSettings) -> None:
        super().__init__(config)
        self._lifecycle = lifecycle
        self._shutdown = shutdown

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install our handlers instead of uvicorn's, which stop serving at once and end in the signal's own exit code."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._terminate)
        loop.add_signal_handler(signal.SIGINT, self._stop)
        yield

    def _terminate(self) -> None:
        if not self._shutdown.graceful:
            os._exit(128 + signal.SIGTERM)  # the code that a shell reports for a process killed by it
        if self._lifecycle.draining:
            self._stop()
            return
        self._lifecycle.draining = True
        logger.info("Asked to end: unready from now on, serving for %g s more", self._shutdown.delay)
        asyncio.get_running_loop().call_later(self._shutdown.delay, self._stop)

    def _stop(self) -> None:
        self._lifecycle.draining = True
        self.should_exit = True
