"""The trace that a request belongs to: taken from the caller's `traceparent` header, or begun here (W3C Trace Context)."""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar

current_trace_id: ContextVar[str | None] = ContextVar("current_trace_id", default=None)

_TRACEPARENT = re.compile(r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<parent>[0-9a-f]{16})-[0-9a-f]{2}(?P<more>-.*)?")


def trace_id_of(traceparent: str | None) -> str:
    """Return the caller's trace id (32 hexadecimal digits), or a new one when the header is missing or invalid."""
    found = _TRACEPARENT.fullmatch(traceparent or "")
    if found is None or found["version"] == "ff" or (found["version"] == "00" and found["more"]):
        return secrets.token_hex(16)
    if set(found["trace"]) == {"0"} or set(found["parent"]) == {"0"}:
        return secrets.token_hex(16)
    return found["trace"]
