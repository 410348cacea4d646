"""GET requests for smoke tests (port Http): no redirects followed, no proxy for this machine's own addresses, a bounded body."""

from __future__ import annotations

import ipaddress
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from urllib.parse import urlsplit

from plimsoll import __version__

# A smoke test looks for a word in a page; nobody needs more of it.
BODY_BYTES = 1_000_000


@dataclass(frozen=True)
class Answer:
    """What came back: `status` is None when nothing did, and `error` says why."""

    status: int | None
    body: str
    error: str


class UrllibHttp:
    """HTTP by the standard library. An answer is an answer whatever its status: redirects and errors are returned as they are."""

    def get(self, url: str, *, timeout: float) -> Answer:
        """Return the answer within `timeout` seconds for each read; no answer is status None."""
        headers = {"User-Agent": f"plimsoll/{__version__}", "Connection": "close", "Accept": "*/*"}
        request = urllib.request.Request(url, headers=headers)  # noqa: S310 -- the opener knows http and https only
        try:
            with opener(url).open(request, timeout=timeout) as answer:
                return Answer(answer.status, answer.read(BODY_BYTES).decode(errors="replace"), "")
        except urllib.error.URLError as error:
            return Answer(None, "", str(error.reason))
        except (OSError, HTTPException) as error:
            return Answer(None, "", str(error) or type(error).__name__)


def opener(url: str) -> urllib.request.OpenerDirector:
    """Return an opener without the handlers that follow redirects and turn answers into exceptions."""
    director = urllib.request.OpenerDirector()
    director.add_handler(urllib.request.ProxyHandler({} if is_loopback(url) else None))
    director.add_handler(urllib.request.UnknownHandler())
    director.add_handler(urllib.request.HTTPHandler())
    director.add_handler(urllib.request.HTTPSHandler())
    return director


def is_loopback(url: str) -> bool:
    """Tell whether a URL leads to this machine; a name is looked up nowhere but in its own list of hosts."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
