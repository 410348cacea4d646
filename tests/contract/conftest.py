"""What contract tests share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def root() -> Path:
    """The repository."""
    return Path(__file__).parents[2]
