"""Reading a long list page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plimsoll.adapters.kube_errors import GONE
from plimsoll.adapters.kube_http import Request

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from plimsoll.adapters.kube_http import Connection

# kubectl's own number of objects per page.
PAGE = 500


class Expired(Exception):
    """The version to go on from is not known to the server any more; list from the start."""


def pages(
    connection: Connection, path: str, query: Mapping[str, str], *, target: str, timeout: float
) -> Iterator[tuple[Sequence[dict[str, Any]], str]]:
    """Yield (items, resource version) of a list; raise Expired when it takes so long that the server forgets its version."""
    more = ""
    while True:
        asked = {**query, "limit": str(PAGE), **({"continue": more} if more else {})}
        request = Request(method="GET", path=path, query=asked, target=target, timeout=timeout, passes=frozenset({GONE}))
        answer = connection.send(request)
        if answer.status == GONE:
            raise Expired
        page = answer.json()
        metadata = page.get("metadata") or {}
        yield page.get("items") or (), str(metadata.get("resourceVersion", ""))
        more = str(metadata.get("continue") or "")
        if not more:
            return
