"""`python -m checkin` serves the API until it is asked to end. Exit codes: 0 ended as asked, 1 cannot serve, 2 wrong settings."""

from __future__ import annotations

import os
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
    serve(settings)
    return 0


def serve(settings: Settings) -> None:
    """Serve until a signal ends it. Leaves the process with code 1 when the port is taken."""
    lifecycle = Lifecycle()
    config = uvicorn.Config(
        create_app(settings, lifecycle),
        host=settings.host,
        port=settings.port,
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
    DrainingServer(config, lifecycle=lifecycle, shutdown=settings.shutdown).run()


if __name__ == "__main__":
    sys.exit(main())
