"""Unit tests touch no network: every socket but a local one is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_socket import disable_socket

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _closed_sockets() -> None:
    disable_socket(allow_unix_socket=True)


@pytest.fixture
def root() -> Path:
    return ROOT
