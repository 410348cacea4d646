"""Findings of linters become annotations at their files: one case for each way in which they are printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from plimsoll.domain.checks import CheckResult, ChecksResult
from plimsoll.errors import Failed
from plimsoll.ui.errors import annotated
from plimsoll.ui.findings import findings

if TYPE_CHECKING:
    from pathlib import Path

PRINTED = {
    "ruff": (
        "F401 [*] `os` imported but unused\n --> a/y.py:2:8\n  |\n2 | import os\n",
        "2",
        "F401 [*] `os` imported but unused",
    ),
    "mypy": ('a/y.py:1: error: Incompatible types (variable has "int")  [assignment]\n', "1", "error: Incompatible types"),
    "hadolint": ("a/y.py:3 DL3006 \x1b[1m\x1b[93mwarning\x1b[0m: Always tag\n", "3", "DL3006 warning: Always tag"),
    "shellcheck": (
        "\nIn a/y.py line 2:\necho $1\n     ^-- SC2086 (info): Double quote.\n\nDid you mean:\n",
        "2",
        "SC2086 (info): Double quote.",
    ),
    "yamllint": (
        "::group::a/y.py\n::error file=a/y.py,line=2,col=7::2:7 [commas] too few\n::endgroup::\n",
        "2",
        "2:7 [commas] too few",
    ),
}


def failed(output: str, folder: str = ".") -> ChecksResult:
    fine = CheckResult(name="fine", passed=True, seconds=1)
    bad = CheckResult(name="bad", passed=False, seconds=1, command="lint .", output=output, code=1, folder=folder)
    return ChecksResult(verb="lint", results=(fine, bad))


@pytest.mark.parametrize("linter", PRINTED)
def test_a_finding_is_read_with_its_place(linter: str) -> None:
    output, line, message = PRINTED[linter]
    ((file, found, words),) = findings(failed(output))
    assert (file, found) == ("a/y.py", line)
    assert words.startswith(message)


def test_a_file_of_a_check_that_ran_elsewhere_lies_there() -> None:
    assert [file for file, _line, _words in findings(failed("tests/x.py:1: error: no", folder="backend"))] == [
        "backend/tests/x.py"
    ]


@pytest.mark.parametrize("output", ["", "All checks passed!", "error: no such file", "12:30: started"])
def test_what_names_no_place_is_no_finding(output: str) -> None:
    assert [file for file, _line, _words in findings(failed(output)) if "/" in file or "." in file] == []


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Where a step runs and what was checked out are facts of the process.
    (tmp_path / "a.py").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))


@pytest.mark.usefixtures("tree")
def test_findings_in_files_are_annotated_before_the_error_and_no_more_than_are_shown() -> None:
    report = failed("/etc/passwd:1: secret\ngone.py:1: no\n" + "".join(f"a.py:{n}: wrong {n}\n" for n in range(1, 30)))
    found = list(annotated(Failed("lint: 1 of 2 failed: bad", now="see above", code="lint", report=report)))
    assert len(found) == 10
    assert found[0] == ("wrong 1", {"title": "lint", "file": "a.py", "line": "1"})
    assert found[-1] == ("lint: 1 of 2 failed: bad\nsee above", {"title": "lint"})
