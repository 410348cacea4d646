"""What the platform asks: is the process alive, can it serve, what is it, and how is it doing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Literal

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from starlette.responses import Response

from checkin.database import SchemaError
from checkin.logs import logger
from checkin.problems import Unavailable, problem_responses
from checkin.services import Needed

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Ready(BaseModel):
    """The process and all that it needs answer."""

    status: Literal["ready"] = "ready"
    checks: dict[str, str]


class Version(BaseModel):
    """What serves."""

    release: str
    revision: str


@router.get("/health/live")
async def live() -> Alive:
    """Tell that the process answers. It looks at nothing else: restarting it would not repair a database."""
    return Alive()


@router.get("/health/ready", responses=problem_responses(503))
async def ready(services: Needed) -> Ready:
    """Tell whether requests should come here: not while the process ends, nor without the database or Redis."""
    if services.lifecycle.draining:
        raise Unavailable("Not ready: the process is ending.")
    names = ("database", "redis")
    outcomes = await asyncio.gather(
        _outcome("database", services.database.probe()),
        _outcome("redis", services.cache.probe()),
    )
    checks = dict(zip(names, outcomes, strict=True))
    failed = [f"{name} ({outcome})" for name, outcome in checks.items() if outcome != "ok"]
    if failed:
        raise Unavailable(f"Not ready: {', '.join(failed)}.", members={"checks": checks})
    return Ready(checks=checks)


@router.get("/version")
async def version(services: Needed) -> Version:
    """Name the release and the revision of the source that serve."""
    return Version(release=services.settings.release, revision=services.settings.revision)


@router.get("/metrics", include_in_schema=False)
async def metrics(services: Needed) -> Response:
    """Return all figures in Prometheus' text format."""
    return Response(generate_latest(services.metrics.registry), media_type=CONTENT_TYPE_LATEST)


async def _outcome(name: str, probe: Awaitable[None]) -> str:
    """Return "ok", or why not, in words that are fit for anyone; the log gets the details."""
    try:
        await probe
    except SchemaError as error:
        logger.warning("Not ready, %s: %s", name, error)
        return str(error)
    except Exception as error:  # noqa: BLE001 -- whatever a probe runs into, the answer is: not ready
        logger.warning("Not ready, %s does not answer: %s", name, str(error) or type(error).__name__)
        return "does not answer"
    return "ok"
