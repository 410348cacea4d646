"""Fakes that several parts share: time that passes only when it is told to, and a reporter that remembers."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from plimsoll.domain.rollout_board import Standing

START = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


class FakeClock:
    """A clock whose seconds pass when somebody sleeps (port Clock)."""

    def __init__(self) -> None:
        self.passed = 0.0
        self._lock = threading.Lock()

    def now(self) -> datetime:
        return START + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return 1000.0 + self.passed

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.passed += seconds


class FakeReporter:
    """Remembers what was reported, as (level, text); a step that ends is `done` or `failed` (port Reporter)."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []
        self.boards: list[tuple[Standing, ...]] = []

    @contextmanager
    def step(self, title: str, *, foreground: bool = False) -> Iterator[None]:
        del foreground
        self.said.append(("step", title))
        try:
            yield
        except BaseException:
            self.said.append(("failed", title))
            raise
        self.said.append(("done", title))

    def info(self, text: str) -> None:
        self.said.append(("info", text))

    def warn(self, text: str) -> None:
        self.said.append(("warn", text))

    def detail(self, text: str) -> None:
        self.said.append(("detail", text))

    def board(self, rows: Sequence[Standing], news: str = "") -> None:
        self.boards.append(tuple(rows))
        if news:
            self.info(news)

    def lines(self, level: str) -> list[str]:
        """Return what was said on one level, in order."""
        return [text for said, text in self.said if said == level]
