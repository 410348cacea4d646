"""Serves the backend like `python -m checkin`, and starts it anew whenever one of its modules changes.

This process holds the port; a child answers. While a new child starts, requests wait instead of being refused, and one that
does not start (a syntax error) leaves its reason in the log until the next change.
"""  # noqa: INP001 -- a script that is mounted into a container, in no package

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import uvicorn
from checkin.app import create_app
from checkin.lifecycle import Lifecycle
from checkin.logs import configure_logs
from checkin.settings import read_settings

if TYPE_CHECKING:
    from fastapi import FastAPI


def application() -> FastAPI:
    """Return the application with the settings of this container's environment."""
    settings = read_settings(os.environ)
    configure_logs(settings.log_level)
    return create_app(settings, Lifecycle())


if __name__ == "__main__":
    configure_logs("info")
    uvicorn.run(
        "serve:application",
        factory=True,
        host="0.0.0.0",  # noqa: S104 -- inside its container; the host publishes it on 127.0.0.1 only
        port=3001,
        reload=True,
        reload_dirs=["/app/checkin"],
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,  # its loggers pass their records on to the application's
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
    )
