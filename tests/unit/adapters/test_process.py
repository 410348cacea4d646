"""Programs are started with argv, bounded in time, and never leave children behind."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import pytest

from plimsoll.adapters import process
from plimsoll.errors import EnvironmentLacks

if TYPE_CHECKING:
    from pathlib import Path


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_output_and_exit_code_come_back() -> None:
    done = process.run(python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"), timeout=10, check=False)
    assert (done.stdout, done.stderr, done.code) == ("out\n", "err\n", 3)


def test_stdin_reaches_the_program() -> None:
    assert process.run(python("print(input())"), timeout=10, stdin="a secret\n").stdout == "a secret\n"


def test_a_program_that_ends_without_reading_is_no_error() -> None:
    assert process.run(python("pass"), timeout=10, stdin="x" * 1_000_000).code == 0


def test_failure_tells_the_last_lines_and_the_command() -> None:
    with pytest.raises(process.CommandFailed) as raised:
        process.run(python("import sys; sys.exit('no such thing')"), timeout=10, title="asking")
    assert raised.value.exit_code == 1
    assert raised.value.what == "asking failed with exit code 1\n  | no such thing"
    assert sys.executable in raised.value.where


def test_a_missing_program_is_the_environments_fault() -> None:
    with pytest.raises(EnvironmentLacks, match="no-such-program cannot be started"):
        process.run(("no-such-program",), timeout=1)


def test_a_program_beyond_its_time_is_stopped_with_its_children(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    code = (
        "import subprocess, sys, time;"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        f"open({str(pid_file)!r}, 'w').write(str(child.pid)); time.sleep(60)"
    )
    with pytest.raises(process.TimedOut, match="did not end within 1 s"):
        process.run(python(code), timeout=1)
    grandchild = int(pid_file.read_text())
    deadline = time.monotonic() + 5
    while alive(grandchild) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(grandchild)


def test_lines_are_handed_on_as_they_come() -> None:
    lines: list[str] = []
    process.stream(python("print('one'); print('two')"), lines.append, timeout=10)
    assert lines == ["one", "two"]


def test_the_given_environment_is_added_to_the_present_one() -> None:
    done = process.run(python("import os; print(os.environ['EXTRA'], 'PATH' in os.environ)"), timeout=10, env={"EXTRA": "yes"})
    assert done.stdout == "yes True\n"
