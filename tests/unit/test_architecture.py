"""What the layout promises and no linter checks."""

from __future__ import annotations

import ast
import sys
from functools import cache
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@cache
def imported(path: Path) -> frozenset[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return frozenset(found)


def test_the_domain_imports_the_standard_library_only(root: Path) -> None:
    allowed = {*sys.stdlib_module_names, "plimsoll"}
    for path in (root / "plimsoll" / "domain").rglob("*.py"):
        foreign = {name for name in imported(path) if name.split(".")[0] not in allowed}
        assert not foreign, f"{path.name} imports {foreign}"


@pytest.mark.parametrize("word", ["subprocess", "socket", "urllib", "http.client"])
def test_the_domain_does_no_input_or_output(root: Path, word: str) -> None:
    users = [path.name for path in (root / "plimsoll" / "domain").rglob("*.py") if word in imported(path)]
    assert users == []


def test_the_table_of_contents_holds_no_logic(root: Path) -> None:
    text = (root / "tasks.py").read_text()
    assert len(text.splitlines()) < 40
    assert not any(isinstance(node, (ast.If, ast.For, ast.FunctionDef)) for node in ast.walk(ast.parse(text)))


def test_invoke_yaml_names_the_error_border_and_nothing_else(root: Path) -> None:
    lines = [line for line in (root / "invoke.yaml").read_text().splitlines() if not line.startswith("#")]
    assert lines == ["tasks:", "  executor_class: plimsoll.tasks._executor.Executor"]


def test_the_lock_file_carries_hashes_and_no_address(root: Path) -> None:
    text = (root / "requirements.lock").read_text()
    assert "://" not in text
    assert "--hash=sha256:" in text


def test_no_module_is_longer_than_its_limit(root: Path) -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in (root / "plimsoll").rglob("*.py")}
    assert {str(path): length for path, length in lengths.items() if length > 400} == {}


def test_every_excuse_gives_its_reason(root: Path) -> None:
    bare = [
        f"{path.relative_to(root)}:{number}"
        for folder in ("plimsoll", "tests", "benchmarks")
        for path in (root / folder).rglob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if ("# noqa" in line or "# type: ignore" in line) and "--" not in line and line.count("#") < 2
    ]
    own = [place for place in bare if "test_architecture" not in place]
    assert own == []
