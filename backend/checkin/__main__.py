"""`python -m checkin` serves the API until it is asked to end. Exit codes: 0 ended as asked, 1 cannot serve, 2 wrong settings."""

from __future__ import annotations

import os
import socket
import sys

import uvicorn

from checkin.app import create_app
from checkin.lifecycle import DrainingServer, Lifecycle
from checkin.logs import configure_logs, logger
from checkin.settings import Settings, SettingsError, read_settings

# Longer than the 60 s for which proxies usually keep an idle connection: they close it first, never in the middle of a request.
KEEP_ALIVE_SECONDS = 75


def main() -> int:
    """Serve; return the exit code."""
    configure_logs("info")
    try:
        settings = read_settings(os.environ)
    except SettingsError as error:
        logger.critical("%s", error)
        return 2
    configure_logs(settings.log_level)
    try:
        door = _bind(settings.host, settings.port)
    except OSError as error:
        logger.critical("Cannot listen on %s, port %d: %s", settings.host, settings.port, error.strerror)
        return 1
    serve(settings, door)
    return 0


def _bind(host: str, port: int) -> socket.socket:
    """Return a socket that has the port but does not listen yet: nobody may knock before someone is there to answer."""
    door = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((host, port))
    except OSError:
        door.close()
        raise
    return door


def serve(settings: Settings, door: socket.socket) -> None:
    """Serve what arrives at the socket until a signal asks to end; the socket is then closed."""
    lifecycle = Lifecycle()
    config = uvicorn.Config(
        create_app(settings, lifecycle),
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,  # its loggers pass their records on to ours
        access_log=False,  # checkin.access knows the route, the duration and the trace
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=settings.shutdown.timeout,
    )
    logger.info("Serving release %s (%s) on %s, port %d", settings.release, settings.revision, settings.host, settings.port)
    DrainingServer(config, lifecycle=lifecycle, shutdown=settings.shutdown).run([door])


if __name__ == "__main__":
    sys.exit(main())
