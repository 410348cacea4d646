"""`python -m checkin.healthcheck [live|ready]`: ask the server in this container. Exit code 0 when it says yes, otherwise 1.

An image without a shell and without curl needs it for its HEALTHCHECK.
"""

from __future__ import annotations

import http.client
import os
import sys

TIMEOUT_SECONDS = 3


def main(arguments: list[str]) -> int:
    """Return 0 when the server answers 200; otherwise print why not and return 1."""
    path = f"/health/{arguments[0] if arguments else 'live'}"
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("PORT") or 3001), timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        sys.stdout.write(f"{path}: {error}\n")
        return 1
    finally:
        connection.close()
    sys.stdout.write(f"{path}: {answer.status} {body}\n")
    return 0 if answer.status == http.HTTPStatus.OK else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
