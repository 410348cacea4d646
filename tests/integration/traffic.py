"""Requests at a steady rate, each on a new connection, without a retry; to 127.0.0.1 only and bounded in time."""

from __future__ import annotations

import http.client
import json
import threading
import time
from dataclasses import dataclass, field
from typing import Self

# 20 requests a second with 2 s of patience each; a minute and a half is the longest that one test sends.
RATE = 20
PATIENCE = 2.0
LONGEST = 90.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer: when it was asked for, its status (None: no answer), and the release it named."""

    at: float
    status: int | None
    release: str = ""
    error: str = ""

    @property
    def good(self) -> bool:
        return self.status == 200


@dataclass
class Traffic:
    """Asks `/version` of a port from `__enter__` to `__exit__`."""

    port: int
    path: str = "/version"
    answers: list[Answer] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._stop = threading.Event()
        self._askers: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._pacer = threading.Thread(target=self._pace, daemon=True)
        self._pacer.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._pacer.join()
        for asker in self._askers:
            asker.join(timeout=PATIENCE * 2)

    def _pace(self) -> None:
        started = time.monotonic()
        number = 0
        while not self._stop.is_set() and time.monotonic() - started < LONGEST:
            asker = threading.Thread(target=self._ask, daemon=True)
            asker.start()
            self._askers.append(asker)
            number += 1
            self._stop.wait(max(0.0, started + number / RATE - time.monotonic()))

    def _ask(self) -> None:
        at = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("GET", self.path)
            response = connection.getresponse()
            body = response.read()
            release = str(json.loads(body).get("release", "")) if response.status == 200 else ""
            answer = Answer(
                at=at, status=response.status, release=release, error="" if response.status == 200 else body.decode()[:200]
            )
        except (OSError, http.client.HTTPException, ValueError) as error:
            answer = Answer(at=at, status=None, error=f"{type(error).__name__}: {error}")
        finally:
            connection.close()
        with self._lock:
            self.answers.append(answer)

    @property
    def bad(self) -> list[Answer]:
        """The requests that nobody answered well."""
        return [answer for answer in self.answers if not answer.good]

    @property
    def releases(self) -> list[str]:
        """The releases that answered, in order of the requests, each run of the same one once."""
        seen: list[str] = []
        for answer in sorted(self.answers, key=lambda each: each.at):
            if answer.good and (not seen or seen[-1] != answer.release):
                seen.append(answer.release)
        return seen
