"""What happens to every request, whatever its route: trace id, body limit, duration, access log, last-resort 500."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException

from checkin.logs import logger
from checkin.metrics import METHODS, UNMATCHED
from checkin.problems import Problem, ProblemResponse
from checkin.trace import current_trace_id, trace_id_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from checkin.lifecycle import Lifecycle
    from checkin.metrics import Metrics

LARGEST_BODY = 64 * 1024  # bytes; the largest valid request is under 1 KiB

access_log = logging.getLogger("checkin.access")


@dataclass
class _Answer:
    """What is known of the answer so far. 500 stands until something better is sent."""

    status: int = 500
    started: bool = False


class Observe:
    """ASGI middleware around the whole application. It never lets an exception out: the answer is then a plain 500 problem."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, lifecycle: Lifecycle) -> None:
        self._app = app
        self._metrics = metrics
        self._lifecycle = lifecycle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        answer = _Answer()
        token = current_trace_id.set(trace_id_of(Headers(scope=scope).get("traceparent")))
        try:
            await self._serve(scope, receive, self._noting(send, answer), answer)
        finally:
            self._record(scope, answer, time.perf_counter() - began)
            current_trace_id.reset(token)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, answer: _Answer) -> None:
        try:
            await self._app(scope, _limited(receive), send)
        except Exception:
            logger.exception("A request failed by an error that nothing expected")
            if answer.started:
                raise  # too late for another answer: the server closes the connection, so that the caller notices
            await ProblemResponse(Problem(500, "Something went wrong on our side. The trace id leads to the log."))(
                scope, receive, send
            )

    def _noting(self, send: Send, answer: _Answer) -> Send:
        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.started = True
                answer.status = message["status"]
                headers = MutableHeaders(scope=message)
                headers.setdefault("cache-control", "no-store")
                if self._lifecycle.draining:
                    # Callers that keep connections open move to another replica before this one closes.
                    headers["connection"] = "close"
            await send(message)

        return noting

    def _record(self, scope: Scope, answer: _Answer, seconds: float) -> None:
        method = scope["method"] if scope["method"] in METHODS else "other"
        route = getattr(scope.get("route"), "path", UNMATCHED)
        self._metrics.requests.labels(method, route, str(answer.status)).inc()
        self._metrics.durations.labels(method, route).observe(seconds)
        # Probes ask every few seconds: worth a line only when the answer is bad.
        quiet = answer.status < 400 and not route.startswith("/api")  # noqa: PLR2004 -- HTTP: errors begin at 400
        access_log.log(
            logging.DEBUG if quiet else logging.INFO,
            "%s %s %d",
            method,
            scope["path"],
            answer.status,
            extra={
                "fields": {
                    "method": method,
                    "path": scope["path"],
                    "route": route,
                    "status": answer.status,
                    "duration_ms": round(seconds * 1000, 1),
                }
            },
        )


def _limited(receive: Receive) -> Receive:
    """Refuse a body over LARGEST_BODY while it arrives, whatever length its header promised."""
    size = 0

    async def limited() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > LARGEST_BODY:
            # The framework turns any other exception that comes out of reading the body into a 400.
            raise HTTPException(413, f"The body is over {LARGEST_BODY} bytes.")
        return message

    return limited
