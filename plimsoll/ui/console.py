"""Progress for people: a live line per running step on a terminal, plain lines elsewhere, groups in a GitHub log."""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from plimsoll.ui.board import board
from plimsoll.ui.github import log_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console, ConsoleOptions, RenderResult

    from plimsoll.domain.rollout_board import Standing

# A step shorter than this leaves no line when it is part of another one.
WORTH_A_LINE = 2.0
# Seconds after which a plain log is told that a step still runs.
HEARTBEAT = 15.0


class ConsoleReporter:
    """Shows steps, notes and warnings (port Reporter). Steps may run in several threads at once."""

    def __init__(self, console: Console, *, verbose: bool | None = None) -> None:
        """Draw on `console`; `verbose` (default: PLIMSOLL_VERBOSE is set) also shows details."""
        self._console = console
        self._verbose = bool(os.environ.get("PLIMSOLL_VERBOSE")) if verbose is None else verbose
        self._drawn = _Board()
        self._depth = threading.local()
        self._lock = threading.RLock()
        self._live: Live | None = None
        self._next = 0
        self._log = log_of(console)
        # The title of GitHub's group that the present step is, and whether anything stands in it yet.
        self._group = ""
        self._group_begun = False

    @contextmanager
    def step(self, title: str, *, foreground: bool = False) -> Iterator[None]:
        """Show that `title` is under way, and when it ends how long it took or that it failed."""
        depth = getattr(self._depth, "value", 0)
        group = self._open(title, at_once=foreground)
        if foreground and not group:
            self.info(f"… {title}")
        self._depth.value = depth + 1
        started = time.monotonic()
        key = None if foreground else self._begin(title, started, depth)
        failed = True
        try:
            yield
            failed = False
        finally:
            self._depth.value = depth
            seconds = time.monotonic() - started
            if key is not None:
                self._end(key)
            if group:
                self._close()
            if failed or depth == 0 or seconds >= WORTH_A_LINE:
                mark, style = ("✘", "red") if failed else ("✔", "green")
                outcome = f"failed after {seconds:.1f} s" if failed else f"{seconds:.1f} s"
                self._say(f"{'  ' * depth}{mark} {title}", style=style, suffix=outcome)

    def info(self, text: str) -> None:
        """Say one line of progress."""
        self._say(f"{'  ' * getattr(self._depth, 'value', 0)}{text}")

    def warn(self, text: str) -> None:
        """Say one line that the user should act on some day."""
        if self._log is not None:
            with self._lock:
                self._begin_group()
                self._log.command("warning", text)
        else:
            self._say(f"! {text}", style="yellow")

    def detail(self, text: str) -> None:
        """Say one line that only an interested user reads."""
        if self._verbose:
            self._say(text, style="dim")

    def board(self, rows: Sequence[Standing], news: str = "") -> None:
        """Show where several things stand: as a table below the running steps on a terminal, as the line `news` elsewhere."""
        if news and not self._console.is_terminal:
            self.info(news)
        with self._lock:
            self._drawn.rows, self._drawn.told_at = tuple(rows), time.monotonic()
            self._draw()

    def _draw(self) -> None:
        """Begin or end drawing in place, as there is something to draw or not. The lock is held."""
        if not self._console.is_terminal:
            return
        wanted = bool(self._drawn.running or self._drawn.rows)
        if wanted and self._live is None:
            self._live = Live(self._drawn, console=self._console, refresh_per_second=8, transient=True)
            self._live.start()
        elif not wanted and self._live is not None:
            self._live.stop()
            self._live = None

    def _say(self, text: str, *, style: str = "", suffix: str = "") -> None:
        line = Text(text, style=style)
        if suffix:
            line.append(f"  {suffix}", style="dim")
        with self._lock:
            self._begin_group()
            self._console.print(line)

    def _open(self, title: str, *, at_once: bool) -> bool:
        """Let what is said from now on be a group in GitHub's log; there is one at a time, and none without a line in it."""
        with self._lock:
            if self._log is None or self._group:
                return False
            self._group = title
            if at_once:
                self._begin_group()
            return True

    def _begin_group(self) -> None:
        if self._log is not None and self._group and not self._group_begun:
            self._group_begun = True
            self._log.command("group", self._group)

    def _close(self) -> None:
        with self._lock:
            if self._log is not None and self._group_begun:
                self._log.command("endgroup")
            self._group, self._group_begun = "", False

    def _begin(self, title: str, started: float, depth: int) -> int:
        with self._lock:
            self._next += 1
            key = self._next
            self._drawn.running[key] = (title, started, depth)
            if not self._console.is_terminal:
                _Heartbeat(self, key).start()
            self._draw()
            return key

    def _end(self, key: int) -> None:
        with self._lock:
            self._drawn.running.pop(key, None)
            self._draw()

    @property
    def waiting(self) -> bool:
        """Whether a wait is under way, which has a heartbeat of its own that says more."""
        return bool(self._drawn.rows)

    def still(self, key: int) -> tuple[str, float] | None:
        """Return title and seconds of a step that still runs, or None."""
        with self._lock:
            if key not in self._drawn.running:
                return None
            title, started, _depth = self._drawn.running[key]
            return title, time.monotonic() - started


class _Board:
    """The running steps as lines with a spinner, and where things stand that are waited for, drawn anew at each refresh."""

    def __init__(self) -> None:
        self.running: dict[int, tuple[str, float, int]] = {}
        self.rows: tuple[Standing, ...] = ()
        self.told_at = 0.0
        self._spinner = Spinner("dots", style="cyan")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = Table.grid(padding=(0, 1))
        now = time.monotonic()
        for title, started, depth in list(self.running.values()):
            table.add_row(Text("  " * depth), self._spinner, Text(title), Text(f"{now - started:.0f} s", style="dim"))
        yield table
        if self.rows:
            yield board(self.rows, self.told_at)


class _Heartbeat(threading.Thread):
    """Tells a plain log that a step began once it takes long, and that it still runs."""

    def __init__(self, reporter: ConsoleReporter, key: int) -> None:
        super().__init__(daemon=True)
        self._reporter = reporter
        self._key = key

    def run(self) -> None:
        time.sleep(WORTH_A_LINE)
        first = True
        while (still := self._reporter.still(self._key)) is not None:
            title, seconds = still
            if first or not self._reporter.waiting:
                self._reporter.info(f"… {title}" if first else f"… {title} ({seconds:.0f} s)")
            first = False
            time.sleep(HEARTBEAT)
