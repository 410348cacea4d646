"""Redis: keeps the pages of the session list. A copy only: without Redis every request is answered from the database.

A change to sessions or check-ins draws a new generation, a random word that is part of every page's key. A reader that
fetched its rows before the change stores them under the old word, where nobody looks any more, so a stale page cannot come
back. Only when Redis cannot be reached at the moment of the change may other requests see the old page, for TTL_SECONDS.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from typing import TYPE_CHECKING

from redis.asyncio import BlockingConnectionPool, Connection, Redis, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from checkin.logs import logger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from checkin.metrics import Metrics
    from checkin.settings import RedisSettings

TTL_SECONDS = 10
TIMEOUT_SECONDS = 0.3  # longer than any healthy answer; shorter than a user notices
PAUSE_SECONDS = 2.0  # after a failure, so that a Redis that hangs does not slow every request down
PROBE_SECONDS = 1.0
CONNECTIONS = 10

_GENERATION = "check-in:sessions:generation"


class PageCache:
    """The cached pages. No method but `probe` raises: what fails counts as not cached."""

    def __init__(self, settings: RedisSettings, metrics: Metrics, *, release: str) -> None:
        self._metrics = metrics
        # Two releases that serve side by side in a rollout may shape the same page differently.
        self._prefix = f"check-in:{release}:sessions"
        self._paused_until = 0.0
        self._redis = Redis(
            connection_pool=BlockingConnectionPool(
                connection_class=SSLConnection if settings.tls else Connection,
                host=settings.host,
                port=settings.port,
                password=settings.password,
                socket_timeout=TIMEOUT_SECONDS,
                socket_connect_timeout=TIMEOUT_SECONDS,
                max_connections=CONNECTIONS,
                timeout=TIMEOUT_SECONDS,
                retry=Retry(NoBackoff(), 1),  # once: an idle connection may have been closed from the other side
            )
        )

    async def page(self, name: str, produce: Callable[[], Awaitable[bytes]]) -> bytes:
        """Return the page from the cache, or produce it and keep it for TTL_SECONDS. Raises only what `produce` raises."""
        if time.monotonic() < self._paused_until:
            self._metrics.page_lookups.labels("unavailable").inc()
            return await produce()
        key, cached = "", None
        async with self._tolerating():
            generation = await self._redis.get(_GENERATION) or b"initial"
            key = f"{self._prefix}:{generation!r}:{name}"
            cached = await self._redis.get(key)
        if isinstance(cached, bytes):
            self._metrics.page_lookups.labels("hit").inc()
            return cached
        page = await produce()
        if key:
            async with self._tolerating():
                await self._redis.set(key, page, ex=TTL_SECONDS)
        self._metrics.page_lookups.labels("miss" if key else "unavailable").inc()
        return page

    async def forget_pages(self) -> None:
        """Make every cached page unreachable; to be called after the change is committed. Never raises."""
        async with self._tolerating():  # tried in a pause as well: a stale page is worse than a slow write
            await self._redis.set(_GENERATION, secrets.token_hex(8))

    async def probe(self) -> None:
        """Return when Redis answers; raise RedisError, OSError or TimeoutError when it does not within PROBE_SECONDS."""
        async with asyncio.timeout(PROBE_SECONDS):
            await self._redis.get(_GENERATION)  # not PING: what counts is that our user may read

    async def close(self) -> None:
        """Close all connections."""
        await self._redis.aclose(close_connection_pool=True)

    @contextlib.asynccontextmanager
    async def _tolerating(self) -> AsyncIterator[None]:
        """Bound what happens inside to TIMEOUT_SECONDS; when it fails, log it and look nothing up for PAUSE_SECONDS."""
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                yield
        except (RedisError, OSError, TimeoutError) as error:
            self._paused_until = time.monotonic() + PAUSE_SECONDS
            logger.warning("Redis does not answer, going on without it: %s", str(error) or type(error).__name__)
        else:
            self._paused_until = 0.0
