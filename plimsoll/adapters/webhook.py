"""Incoming webhooks (port Messenger): one POST of JSON, signed where a secret is given. The URL is a secret and never shown."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from plimsoll import __version__
from plimsoll.adapters.http import opener
from plimsoll.errors import EnvironmentLacks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plimsoll.domain.secret import SecretText

# HMAC-SHA256 of the body as it was sent, in hexadecimal.
SIGNATURE = "X-Plimsoll-Signature"
# Slack's way to say what is wrong (`invalid_payload`, `no_service`). Anything else could repeat the URL.
WORD = re.compile(r"[a-z]+(_[a-z]+)*")


class Webhook:
    """The webhook at `url`."""

    def __init__(self, url: SecretText, secret: SecretText | None = None) -> None:
        """Send to `url`, and sign with `secret`."""
        self._url = url
        self._secret = secret

    def send(self, message: Mapping[str, Any], *, timeout: float) -> None:
        """Send one message; see ports.Messenger. Redirects are not followed."""
        body = json.dumps(message).encode()
        headers = {"Content-Type": "application/json", "User-Agent": f"plimsoll/{__version__}", "Connection": "close"}
        if self._secret is not None:
            signature = hmac.new(self._secret.reveal().encode(), body, hashlib.sha256).hexdigest()
            headers[SIGNATURE] = f"sha256={signature}"
        url = self._address()
        request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310 -- checked by _address
        try:
            with opener(url).open(request, timeout=timeout) as answer:
                status, said = answer.status, answer.read(200).decode(errors="replace").strip()
        except (OSError, HTTPException, ValueError) as error:
            raise EnvironmentLacks(_why(error)) from None
        if not 200 <= status < 300:  # noqa: PLR2004 -- the range of HTTP's success
            words = f" ({said})" if WORD.fullmatch(said) and said not in url else ""
            raise EnvironmentLacks(f"it answered {status}{words}")

    def _address(self) -> str:
        url = self._url.reveal().strip()
        try:
            parts = urlsplit(url)
            good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            good = False
        if not good:
            raise EnvironmentLacks("its variable holds no URL that begins with https://")
        return url


def _why(error: Exception) -> str:
    """Return what went wrong without the words of an exception that could hold the URL."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return "it did not answer in time"
    if isinstance(cause, OSError) and cause.strerror:
        return f"it is not reached: {cause.strerror}"
    return f"it is not reached: {type(cause).__name__}"
