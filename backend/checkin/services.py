"""What a request handler may ask for, made once for each application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

if TYPE_CHECKING:
    from checkin.cache import PageCache
    from checkin.database import Database
    from checkin.lifecycle import Lifecycle
    from checkin.metrics import Metrics
    from checkin.settings import Settings


@dataclass(frozen=True)
class Services:
    """The collaborators of the request handlers."""

    settings: Settings
    lifecycle: Lifecycle
    metrics: Metrics
    database: Database
    cache: PageCache


async def _services_of(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Needed = Annotated[Services, Depends(_services_of)]
