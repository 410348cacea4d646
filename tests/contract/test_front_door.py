"""The command line: exit codes, suggestions, JSON on stdout, and no SDK before it is needed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

TASKS = """
import os, time
from invoke import task
from invoke.collection import Collection
from plimsoll.errors import EnvironmentLacks, Failed

@task
def fine(c, json=False):
    print("fine")

@task
def fails(c, json=False):
    raise Failed("the thing failed", where="here", now="try again")

@task
def lacks(c):
    raise EnvironmentLacks("no engine")

@task
def breaks(c):
    {}["key"]

@task
def waits(c):
    print("waiting", flush=True)
    time.sleep(30)

ns = Collection(fine, fails, lacks, breaks, waits)
"""


@pytest.fixture
def folder(tmp_path: Path, root: Path) -> Path:
    (tmp_path / "tasks.py").write_text(TASKS)
    (tmp_path / "invoke.yaml").write_text((root / "invoke.yaml").read_text())
    return tmp_path


def environment(folder: Path, root: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(root), "XDG_STATE_HOME": str(folder / "state"), "GITHUB_ACTIONS": ""}


def inv(folder: Path, root: Path, *words: str, module: str = "plimsoll.tasks") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *words],
        cwd=folder,
        env=environment(folder, root),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_success_is_zero(folder: Path, root: Path) -> None:
    assert inv(folder, root, "fine").returncode == 0


@pytest.mark.parametrize(("task", "code"), [("fails", 1), ("lacks", 4), ("breaks", 3)])
@pytest.mark.parametrize("module", ["plimsoll.tasks", "invoke"])
def test_each_kind_of_error_has_its_exit_code_under_both_commands(
    folder: Path, root: Path, task: str, code: int, module: str
) -> None:
    done = inv(folder, root, task, module=module)
    assert done.returncode == code
    assert "Traceback" not in done.stderr


def test_an_error_says_what_where_and_what_now(folder: Path, root: Path) -> None:
    said = inv(folder, root, "fails").stderr
    assert "the thing failed" in said
    assert "where: here" in said
    assert "now:   try again" in said


def test_our_own_mistake_saves_a_report_that_is_named(folder: Path, root: Path) -> None:
    said = inv(folder, root, "breaks").stderr
    (report,) = (folder / "state" / "plimsoll" / "reports").glob("bug-*.md")
    assert str(report) in said.replace("\n", "")
    assert "KeyError" in report.read_text()


def test_unknown_task_is_misconfigured_and_gets_a_suggestion(folder: Path, root: Path) -> None:
    done = inv(folder, root, "fals")
    assert done.returncode == 2
    assert "did you mean 'fails'?" in done.stderr


def test_unknown_flag_is_misconfigured_and_gets_a_suggestion(folder: Path, root: Path) -> None:
    done = inv(folder, root, "fine", "--jsn")
    assert done.returncode == 2
    assert "did you mean --json?" in done.stderr


def test_tasks_that_do_not_load_are_misconfigured(folder: Path, root: Path) -> None:
    (folder / "tasks.py").write_text("import no_such_module\n")
    done = inv(folder, root, "fine")
    assert done.returncode == 2
    assert "tasks.py does not load" in done.stderr


def test_failure_under_json_prints_one_object_and_nothing_else(folder: Path, root: Path) -> None:
    done = inv(folder, root, "fails", "--json")
    printed = json.loads(done.stdout)
    assert printed == {
        "schema": "plimsoll.fails/1",
        "error": {"code": "failed", "what": "the thing failed", "where": "here", "now": "try again"},
    }


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_with_130_and_one_message(folder: Path, root: Path, sign: signal.Signals) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "plimsoll.tasks", "waits"],
        cwd=folder,
        env=environment(folder, root),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "waiting\n"
    child.send_signal(sign)
    _out, said = child.communicate(timeout=10)
    assert child.returncode == 130
    assert "interrupted" in said
    assert "Traceback" not in said


def test_listing_the_tasks_imports_no_sdk(root: Path) -> None:
    code = (
        "import sys\n"
        "from plimsoll.tasks._program import Program\n"
        "Program(version='0', name='Plimsoll', binary='inv').run(['inv', '--list'], exit=False)\n"
        "heavy = {'docker', 'kubernetes', 'requests', 'rich', 'jsonschema', 'kubernetes_validate', 'boto3'}\n"
        "print('HEAVY', sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True, timeout=30)
    assert "build" in done.stdout
    assert done.stdout.splitlines()[-1] == "HEAVY []"


def test_bootstrap_adds_little_to_a_warm_start(root: Path) -> None:
    """The shell part compares two files and starts Python; it stays a page of POSIX sh."""
    lines = (root / "inv").read_text().splitlines()
    assert lines[0] == "#!/bin/sh"
    assert len(lines) <= 60
    started = time.monotonic()
    assert subprocess.run([root / "inv", "--version"], capture_output=True, check=True, timeout=60).returncode == 0
    assert time.monotonic() - started < 30
