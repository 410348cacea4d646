"""`.dockerignore`: the rules of BuildKit, and the same answers as the Docker SDK gives."""

from __future__ import annotations

import pytest
from docker.utils.build import PatternMatcher
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.domain.build_ignore import parse

TREE = (
    "Dockerfile",
    "README.md",
    "src/app.py",
    "src/test/test_app.py",
    "src/__pycache__/app.pyc",
    "node_modules/a/b.js",
    ".env",
    "a b",
)


def kept(*lines: str) -> set[str]:
    ignore = parse("\n".join(lines))
    return {path for path in TREE if ignore.keeps(path)}


@pytest.mark.parametrize(
    ("lines", "gone"),
    [
        ((), set()),
        (("# README.md", "", "   "), set()),
        (("README.md",), {"README.md"}),
        (("/README.md",), {"README.md"}),
        (("*.md",), {"README.md"}),
        (("*.py",), set()),
        (("**/*.py",), {"src/app.py", "src/test/test_app.py"}),
        (("src",), {"src/app.py", "src/test/test_app.py", "src/__pycache__/app.pyc"}),
        (("src/",), {"src/app.py", "src/test/test_app.py", "src/__pycache__/app.pyc"}),
        (("src/*/",), {"src/app.py", "src/test/test_app.py", "src/__pycache__/app.pyc"}),
        (("**/__pycache__",), {"src/__pycache__/app.pyc"}),
        (("**/node_modules",), {"node_modules/a/b.js"}),
        (("src/ap?.py",), {"src/app.py"}),
        (("src/[ab]pp.py",), {"src/app.py"}),
        (("src/../README.md",), {"README.md"}),
        (("a b",), {"a b"}),
        (("\\*",), set()),
        (("*", "!src"), set(TREE) - {"src/app.py", "src/test/test_app.py", "src/__pycache__/app.pyc"}),
        (("*", "!src", "**/__pycache__"), set(TREE) - {"src/app.py", "src/test/test_app.py"}),
        (("*", "!src/app.py"), set(TREE) - {"src/app.py"}),
        (("!README.md", "README.md"), {"README.md"}),
    ],
)
def test_patterns_leave_out_what_buildkit_leaves_out(lines: tuple[str, ...], gone: set[str]) -> None:
    assert kept(*lines) == set(TREE) - gone


words = st.sampled_from(["src", "*", "**", "*.py", "app.py", "?", "a", "test", "**/x", "x.c"])
patterns = st.lists(st.tuples(st.booleans(), st.lists(words, min_size=1, max_size=3).map("/".join)), max_size=4)
paths = st.lists(st.sampled_from(["src", "app.py", "a", "test", "x", "x.c"]), min_size=1, max_size=4).map("/".join)


@given(patterns, paths)
def test_the_docker_sdk_gives_the_same_answer(chosen: list[tuple[bool, str]], path: str) -> None:
    lines = [("!" if keeps else "") + pattern for keeps, pattern in chosen]
    # The SDK looks at one parent folder per pattern, BuildKit at all of them: patterns with ** may differ there.
    if any("**" in line for line in lines):
        return
    assert parse("\n".join(lines)).keeps(path) is not PatternMatcher(lines).matches(path)
