"""Requests to one API server: pooled connections, time-outs on everything, repeats where they are safe, errors translated once.

The Kubernetes SDK's own client would do, but importing it takes longer than most of our commands run; underneath it is urllib3
as well.
"""

from __future__ import annotations

import json
import random
import socket
import ssl
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    SSLError,
)

from plimsoll import __version__
from plimsoll.adapters import kube_errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plimsoll.adapters.kube_config import Access

# As many connections as waves have requests under way at once.
CONNECTIONS = 32
# Seconds: to connect; between repeats at first and at most.
CONNECT_WITHIN = 5.0
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
# A peer that vanished without a word is noticed within 25 s: 10 s of silence, then three probes.
KEEP_ALIVE = [
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))
        if hasattr(socket, name)
    ),
]
# The request certainly did not arrive.
NEVER_SENT = (NewConnectionError, ConnectTimeoutError, NameResolutionError, ProxyError)
JSON, APPLY, MERGE = "application/json", "application/apply-patch+yaml", "application/merge-patch+json"
# From here on an answer is not what was asked for; also a redirect, which would lead away from the cluster that was guarded.
BAD = 300


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request. `target` is the object for messages; `safe` says that sending it twice does what sending it once does.

    `passes` are statuses of 300 and more that the caller judges itself; `timeout` bounds all attempts together, in seconds.
    """

    method: str
    path: str
    target: str
    timeout: float
    query: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    content_type: str = JSON
    safe: bool = True
    passes: frozenset[int] = frozenset()
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Status and body of an answer."""

    status: int
    body: bytes

    def json(self) -> dict[str, Any]:
        """Return the body as an object; what is none (a proxy's page) becomes its `message`."""
        try:
            found = json.loads(self.body)
        except ValueError:
            found = None
        return found if isinstance(found, dict) else {"message": self.body[:500].decode(errors="replace")}


class Connection:
    """One API server, for any number of threads."""

    def __init__(self, access: Access) -> None:
        """Prepare connections; none is opened yet."""
        self.access = access
        options: dict[str, Any] = {"maxsize": CONNECTIONS, "retries": False, "socket_options": KEEP_ALIVE}
        if access.tls is not None:
            options["ssl_context"] = access.tls
        if access.tls_server_name:
            options |= {"server_hostname": access.tls_server_name, "assert_hostname": access.tls_server_name}
        self._pool = urllib3.ProxyManager(access.proxy, **options) if access.proxy else urllib3.PoolManager(**options)

    def send(self, request: Request) -> Answer:
        """Return the answer to `request`; raise what `kube_errors` makes of refusals and of silence."""
        deadline = time.monotonic() + request.timeout
        pause = FIRST_PAUSE
        body = None if request.body is None else json.dumps(request.body).encode()
        while True:
            answer, wait, trouble = self._attempt(request, body, max(deadline - time.monotonic(), 0.05))
            if answer is not None and not trouble:
                return answer
            nap = max(wait, pause * random.uniform(0.5, 1.0))  # noqa: S311 -- spreads retries, guards nothing
            if wait < 0 or time.monotonic() + nap >= deadline:
                raise self._give_up(request, answer, trouble)
            time.sleep(nap)
            pause = min(pause * 2, LONGEST_PAUSE)

    def stream(
        self,
        path: str,
        query: Mapping[str, str],
        *,
        target: str,
        silence: float | None,
        passes: frozenset[int] = frozenset(),
    ) -> urllib3.BaseHTTPResponse:
        """Return an answer whose body is still to be read, piece by piece; `silence` bounds (seconds) the wait for each piece.

        Raise what `kube_errors` makes of a refusal (other than the statuses in `passes`), and urllib3's HTTPError for a
        connection that fails.
        """
        response = self._pool.request(
            "GET",
            self._url(path, query),
            headers=self._headers(JSON),
            timeout=urllib3.Timeout(connect=CONNECT_WITHIN, read=silence),
            preload_content=False,
        )
        if response.status >= BAD and response.status not in passes:
            answer = Answer(status=response.status, body=response.read())
            response.release_conn()
            raise self._refusal(answer, target)
        return response

    def _attempt(self, request: Request, body: bytes | None, left: float) -> tuple[Answer | None, float, str]:
        """Return (answer, seconds to wait before a repeat, trouble): no trouble is success, a negative wait forbids a repeat."""
        try:
            response = self._pool.request(
                request.method,
                self._url(request.path, request.query),
                headers=self._headers(request.content_type),
                body=body,
                timeout=urllib3.Timeout(connect=min(CONNECT_WITHIN, left), read=left),
            )
        except SSLError as error:
            if _is_about_trust(error):
                raise kube_errors.untrusted(self.access.server, _words(error)) from error
            # Cut in the middle, as by what publishes a port before anything listens behind it.
            return None, 0.0 if request.safe else -1.0, _words(error)
        except NEVER_SENT as error:
            if _is_about_trust(error):
                raise kube_errors.untrusted(self.access.server, _words(error)) from error
            return None, 0.0, _words(error)
        except HTTPError as error:
            return None, 0.0 if request.safe else -1.0, f"{_words(error)} after {request.method} was sent"
        answer = Answer(status=response.status, body=response.data)
        if answer.status < BAD or answer.status in request.passes:
            return answer, 0.0, ""
        if answer.status == kube_errors.TOO_MANY:
            return answer, _retry_after(response.headers.get("Retry-After")), "too many requests"
        repeatable = request.safe and (answer.status in {kube_errors.BROKEN, *kube_errors.UNABLE} or self._outrun(answer))
        return answer, _retry_after(response.headers.get("Retry-After")) if repeatable else -1.0, f"status {answer.status}"

    def _outrun(self, answer: Answer) -> bool:
        """Tell whether somebody else changed (or made) the object at the same moment, so that asking again is all it takes."""
        if answer.status != kube_errors.CONFLICT:
            return False
        said = answer.json()
        causes = (said.get("details") or {}).get("causes") or ()
        return said.get("reason") in {"Conflict", "AlreadyExists"} and not any(
            each.get("reason") == "FieldManagerConflict" for each in causes
        )

    def _give_up(self, request: Request, answer: Answer | None, trouble: str) -> Exception:
        if answer is None:
            return kube_errors.unreachable(self.access.server, trouble)
        return self._refusal(answer, request.target, dry_run=request.dry_run)

    def _refusal(self, answer: Answer, target: str, *, dry_run: bool = False) -> Exception:
        return kube_errors.refusal(
            answer.status,
            answer.json(),
            target=target,
            server=self.access.server,
            context=self.access.context,
            dry_run=dry_run,
        )

    def _url(self, path: str, query: Mapping[str, str]) -> str:
        return f"{self.access.server}{path}{'?' + urlencode(query) if query else ''}"

    def _headers(self, content_type: str) -> dict[str, str]:
        headers = {"Accept": JSON, "Content-Type": content_type, "User-Agent": f"plimsoll/{__version__}"}
        authorization = self.access.authorization()
        return {**headers, "Authorization": authorization} if authorization else headers


def _retry_after(value: str | None) -> float:
    """Return the seconds that the server asks us to wait, 0 when it does not say."""
    return min(float(value), LONGEST_PAUSE) if value and value.isdigit() else 0.0


def _is_about_trust(error: BaseException | None) -> bool:
    """Tell whether a certificate that does not fit is behind this error."""
    while error is not None:
        # Theirs does not convince us, or ours does not convince them.
        if isinstance(error, ssl.SSLCertVerificationError) or (isinstance(error, ssl.SSLError) and "ALERT" in str(error.reason)):
            return True
        error = error.__cause__ or error.__context__
    return False


def _words(error: BaseException) -> str:
    """Return what went wrong without the names of Python objects."""
    text = str(error)
    return text.split("): ", 1)[-1] if text.startswith("<") or "object at 0x" in text else text
