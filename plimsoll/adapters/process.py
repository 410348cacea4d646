"""Start other programs: argv in, result out, never a shell.

Every call has a time-out. A program that outlives it is asked (SIGINT), terminated (SIGTERM) and killed (SIGKILL), in that
order and with its whole process group, so that no grandchild stays behind.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plimsoll.errors import EnvironmentLacks, Failed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

# Seconds that a program gets after each request to stop.
PATIENCE = 5.0
# The programs that are being waited for, by whichever thread.
_running: set[subprocess.Popen[bytes]] = set()
# Programs that are to outlive us: Python warns of a child that runs on when nobody remembers it.
_outliving: list[subprocess.Popen[bytes]] = []
TAIL = 20


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A program that ended: its output as text, its exit code and the seconds it took."""

    argv: tuple[str, ...]
    code: int
    stdout: str
    stderr: str
    seconds: float


class CommandFailed(Failed):
    """A program ended with an exit code that its caller did not expect. `finished` holds all of its output."""

    default_code = "command-failed"

    def __init__(self, finished: Finished, title: str = "") -> None:
        """Describe the failure by the last lines that the program printed."""
        said = (finished.stderr.strip() or finished.stdout.strip()).splitlines()[-TAIL:]
        super().__init__(
            f"{title or finished.argv[0]} failed with exit code {finished.code}" + "".join(f"\n  | {line}" for line in said),
            where=shlex.join(finished.argv),
        )
        self.finished = finished


class TimedOut(Failed):
    """A program did not end in time and was stopped."""

    default_code = "timed-out"


def find(program: str) -> str:
    """Return the path of a program on PATH; raise EnvironmentLacks when there is none."""
    path = shutil.which(program)
    if path is None:
        raise EnvironmentLacks(
            f"{program} is not installed", where="PATH", now="run `./inv setup`, then `./inv doctor`", code="tool-missing"
        )
    return path


def run(
    argv: Sequence[str | Path],
    *,
    timeout: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | bytes | None = None,
    check: bool = True,
    title: str = "",
) -> Finished:
    """Run a program to its end and return what it printed.

    `env` is added to the present environment; `timeout` is in seconds. Raise CommandFailed for a non-zero exit code (unless
    `check` is false), TimedOut, or EnvironmentLacks when the program is not there.
    """
    lines: tuple[list[str], list[str]] = ([], [])
    return _supervise(
        argv,
        timeout=timeout,
        cwd=cwd,
        env=env,
        stdin=stdin,
        check=check,
        title=title,
        on_line=lambda s, text: lines[s].append(text),
    )


def stream(
    argv: Sequence[str | Path],
    on_line: Callable[[str], None],
    *,
    timeout: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | bytes | None = None,
    check: bool = True,
    title: str = "",
) -> Finished:
    """Run a program and hand each line of stdout and stderr to `on_line` as it comes, otherwise like `run`.

    `on_line` is called from two threads, one line at a time.
    """
    lock = threading.Lock()

    def tell(_stream: int, text: str) -> None:
        with lock:
            on_line(text.rstrip("\n"))

    return _supervise(argv, timeout=timeout, cwd=cwd, env=env, stdin=stdin, check=check, title=title, on_line=tell)


def attach(argv: Sequence[str | Path], *, timeout: float, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> int:
    """Run a program that owns the terminal (a test runner, a log follower) and return its exit code.

    It shares our process group, so that Ctrl-C reaches it; after `timeout` seconds it is stopped and TimedOut raised.
    """
    words = tuple(str(word) for word in argv)
    find(words[0])
    child = subprocess.Popen(words, cwd=cwd, env={**os.environ, **env} if env is not None else None, stdin=subprocess.DEVNULL)
    try:
        return child.wait(timeout=timeout)
    except subprocess.TimeoutExpired as error:
        raise TimedOut(f"{words[0]} did not end within {timeout:g} s and was stopped", where=shlex.join(words)) from error
    finally:
        for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            if child.poll() is not None:
                break
            child.send_signal(sign)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(timeout=PATIENCE)


def detach(argv: Sequence[str | Path], *, log: Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start a program that outlives us, in a session of its own; what it prints is added to `log`.

    Raise EnvironmentLacks when the program is not there.
    """
    words = tuple(str(word) for word in argv)
    find(words[0])
    with log.open("ab") as file:
        child = subprocess.Popen(
            words,
            env={**os.environ, **env} if env is not None else None,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    _outliving.append(child)
    return child


def _spawn(words: tuple[str, ...], *, cwd: Path | None, env: Mapping[str, str] | None, piped: bool) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            words,
            cwd=cwd,
            env={**os.environ, **env} if env is not None else None,
            stdin=subprocess.PIPE if piped else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (FileNotFoundError, PermissionError) as error:
        if cwd is not None and not cwd.is_dir():
            raise Failed(f"the folder {cwd} does not exist", where=shlex.join(words)) from error
        raise EnvironmentLacks(
            f"{words[0]} cannot be started: {error.strerror}", where="PATH", now="run `./inv setup`", code="tool-missing"
        ) from error


def _supervise(
    argv: Sequence[str | Path],
    *,
    timeout: float,
    cwd: Path | None,
    env: Mapping[str, str] | None,
    stdin: str | bytes | None,
    check: bool,
    title: str,
    on_line: Callable[[int, str], None],
) -> Finished:
    words = tuple(str(word) for word in argv)
    started = time.monotonic()
    child = _spawn(words, cwd=cwd, env=env, piped=stdin is not None)
    output: tuple[deque[str], deque[str]] = (deque(), deque())
    readers = [_reader(child, index, output[index], on_line) for index in (0, 1)]
    _running.add(child)
    try:
        _feed(child, stdin)
        code = child.wait(timeout=timeout)
    except subprocess.TimeoutExpired as error:
        stop(child)
        raise TimedOut(
            f"{title or words[0]} did not end within {timeout:g} s and was stopped", where=shlex.join(words)
        ) from error
    except BaseException:
        stop(child)
        raise
    finally:
        _running.discard(child)
        for reader in readers:
            # A grandchild that inherited the pipe may hold it open: what it says is nobody's answer.
            reader.join(timeout=PATIENCE)
    finished = Finished(
        argv=words,
        code=code,
        stdout="".join(output[0]),
        stderr="".join(output[1]),
        seconds=time.monotonic() - started,
    )
    if check and code != 0:
        raise CommandFailed(finished, title)
    return finished


def _reader(
    child: subprocess.Popen[bytes], index: int, kept: deque[str], on_line: Callable[[int, str], None]
) -> threading.Thread:
    pipe = child.stdout if index == 0 else child.stderr

    def read() -> None:
        if pipe is None:
            return
        with pipe:
            for raw in pipe:
                text = raw.decode(errors="replace")
                kept.append(text)
                on_line(index, text)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


def _feed(child: subprocess.Popen[bytes], stdin: str | bytes | None) -> None:
    if stdin is None or child.stdin is None:
        return
    # A program that ended without reading says why by its exit code.
    with contextlib.suppress(BrokenPipeError), child.stdin as pipe:
        pipe.write(stdin.encode() if isinstance(stdin, str) else stdin)


def stop_running() -> None:
    """Stop every program that some thread waits for: a signal reaches the main thread only. Their callers see them fail."""
    for child in list(_running):
        stop(child)


def stop(child: subprocess.Popen[bytes]) -> None:
    """Ask, terminate, kill: return when the child and its process group are gone."""
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, sign)
        except ProcessLookupError:
            break
        try:
            child.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            continue
        break
    child.wait()
