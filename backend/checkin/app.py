"""The application, put together. Building it connects to nothing."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from fastapi import FastAPI

from checkin.cache import PageCache
from checkin.database import Database
from checkin.metrics import Metrics
from checkin.observe import Observe
from checkin.problems import install_problem_handlers, problem_responses
from checkin.revisions import known_revisions
from checkin.routes import check_ins, health, participants, sessions
from checkin.services import Services

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from checkin.lifecycle import Lifecycle
    from checkin.settings import Settings


def create_app(settings: Settings, lifecycle: Lifecycle) -> FastAPI:
    """Return the application; `lifecycle` tells its readiness when the process is ending."""
    metrics = Metrics(release=settings.release, revision=settings.revision)
    services = Services(
        settings=settings,
        lifecycle=lifecycle,
        metrics=metrics,
        database=Database(settings.database, known_revisions()),
        cache=PageCache(settings.redis, metrics, release=settings.release),
    )
    metrics.watch_pool(services.database.connections_in_use, settings.database.pool_size)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await services.database.close()
        await services.cache.close()

    app = FastAPI(
        title="check-in",
        version=settings.release,
        lifespan=lifespan,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # these pages load scripts from a third party
        redoc_url=None,
        redirect_slashes=False,  # such a redirect repeats the Host header, which the caller chooses
        responses=problem_responses(),
    )
    app.state.services = services
    install_problem_handlers(app)
    app.add_middleware(Observe, metrics=metrics, lifecycle=lifecycle)
    for routes in (health, sessions, participants, check_ins):
        app.include_router(routes.router)
    return app
