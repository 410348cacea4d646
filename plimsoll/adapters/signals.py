"""SIGINT and SIGTERM as a request that work looks at between its steps (port Stop)."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from plimsoll.errors import Interrupted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from plimsoll.ports import Reporter

SIGNALS = (signal.SIGINT, signal.SIGTERM)
SECOND = 2


class SignalStop:
    """Remembers the first signal; `check` raises for it. A second one interrupts at once, wherever the program is.

    Further ones change nothing: what ends after the second (requests under way, the lock given back) ends within their time-outs,
    and an interruption in the midst of that would leave more behind than it saves.
    """

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._name: str | None = None
        self._seen = 0
        self._untold = ""
        self._ignored = False

    def check(self) -> None:
        """Return when nobody asked to stop; raise Interrupted naming the signal otherwise."""
        if self._untold:
            self._tell(self._untold)
        if self._name is not None and not self._ignored:
            raise Interrupted(f"stopped by {self._name}", code="interrupted")

    def ignore(self) -> None:
        """Let `check` pass from now on; a second signal still ends the program."""
        self._ignored = True

    def _tell(self, text: str) -> None:
        try:
            self._reporter.warn(text)
            self._untold = ""
        except RuntimeError:
            # The signal came in the midst of another line, and Python's streams cannot be entered twice.
            self._untold = text

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take the signals for the block; whoever had them before has them again afterwards."""
        # Python gives signals to the main thread only; work in another one cannot be asked, and is not.
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def take(number: int, _frame: FrameType | None) -> None:
            self._seen += 1
            if self._seen == SECOND:
                raise KeyboardInterrupt
            if self._seen < SECOND:
                self._name = signal.Signals(number).name
                self._tell(f"{self._name}: stopping cleanly; once more stops now and leaves things as they are")

        before = {number: signal.signal(number, take) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
