"""What every workflow has at hand: time, progress, a request to stop, and the project's own programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from plimsoll.domain.rollout_board import Standing


class Clock(Protocol):
    """Time, so that tests need not wait."""

    def now(self) -> datetime:
        """Return the present time, aware, in UTC."""

    def monotonic(self) -> float:
        """Return seconds of a clock that never jumps."""

    def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""


class Stop(Protocol):
    """Whether somebody asked this process to end. Work that must not be cut in two looks at it between its steps."""

    def check(self) -> None:
        """Return when nobody did; raise Interrupted naming the signal otherwise."""

    def listening(self) -> AbstractContextManager[None]:
        """For the block, note a request to end instead of being interrupted by it wherever the program is."""

    def ignore(self) -> None:
        """Let `check` pass from now on: what follows brings things back in order and has to be finished."""


class Reporter(Protocol):
    """What the user sees while something is under way. Logic never prints; it reports."""

    def step(self, title: str, *, foreground: bool = False) -> AbstractContextManager[None]:
        """Show that `title` is under way, and when it ends how long it took or that it failed. Steps nest.

        In the foreground the step's own program writes to the terminal, and nothing is drawn over it until it ends.
        """

    def info(self, text: str) -> None:
        """Say one line of progress."""

    def warn(self, text: str) -> None:
        """Say one line that the user should act on some day."""

    def detail(self, text: str) -> None:
        """Say one line that only an interested user reads (`--verbose`, or after a failure)."""

    def board(self, rows: Sequence[Standing], news: str = "") -> None:
        """Show where several things stand that are waited for: on a terminal as a table, drawn in place; no rows take it away.

        Elsewhere `news`, the one line that says what changed, is said instead.
        """


class Commands(Protocol):
    """Programs that a project runs over its own files: linters, formatters, test runners."""

    def run(
        self, argv: Sequence[str], *, folder: str, tools: Sequence[str], timeout: float, attach: bool
    ) -> tuple[int, str, float]:
        """Return exit code, output and seconds of a program run in `folder`.

        With `attach` it owns the terminal and the output is empty.

        Raise EnvironmentLacks when the program is not there.
        """

    def tracked(self) -> tuple[str, ...]:
        """Return the files of the repository that are tracked or new, relative to its root."""


class Http(Protocol):
    """GET requests for smoke tests."""

    def get(self, url: str, *, timeout: float) -> HttpAnswer:
        """Return the answer whatever its status; a connection error is an answer with status None."""


class HttpAnswer(Protocol):
    """What a request brought: `status` is None when nothing answered, and `error` then says why."""

    @property
    def status(self) -> int | None:
        """The HTTP status."""

    @property
    def body(self) -> str:
        """The text that came with it."""

    @property
    def error(self) -> str:
        """Why there is no answer."""
