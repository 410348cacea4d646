"""The lock files."""

from __future__ import annotations

import re
from pathlib import Path

BACKEND = Path(__file__).resolve().parents[2]


def pins(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (BACKEND / name).read_text(), re.MULTILINE))


def test_the_tests_run_with_the_versions_that_are_shipped() -> None:
    shipped, tested = pins("requirements.lock"), pins("requirements-dev.lock")
    assert shipped
    assert {name: tested.get(name) for name in shipped} == shipped


def test_the_lock_files_hold_hashes_and_no_addresses() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (BACKEND / name).read_text()
        assert text.count("--hash=sha256:") > len(pins(name))
        assert "://" not in text
        assert "index" not in text.replace("--no-emit-index-url", "")
