"""The API server's clock, read from the date that every HTTP answer of it carries."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from urllib3.exceptions import HTTPError

from plimsoll.adapters import kube_errors
from plimsoll.errors import EnvironmentLacks

if TYPE_CHECKING:
    from datetime import datetime

    from plimsoll.adapters.kube_http import Connection

TIMEOUT = 5.0
# A refusal carries the date as well: where not even the version may be read, the clock may.
ANY_REFUSAL = frozenset(range(400, 500))


def server_time(connection: Connection) -> datetime:
    """Return the present time of the API server, aware, in whole seconds. Raise EnvironmentLacks when it does not tell."""
    server = connection.access.server
    try:
        response = connection.stream("/version", {}, target="version", silence=TIMEOUT, passes=ANY_REFUSAL)
        date = response.headers.get("Date", "")
        response.drain_conn()
        response.release_conn()
    except HTTPError as error:
        raise kube_errors.unreachable(server, str(error)) from error
    try:
        found = parsedate_to_datetime(date)
        # The header is always in GMT, also where it says so by -0000, which Python reads as "no zone".
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    except ValueError as error:
        raise EnvironmentLacks(
            f"the API server's answers carry no date, by which a hold would be judged (found {date!r})",
            where=server,
            now="see whether a proxy before it takes the header Date out",
            code="no-server-time",
        ) from error
