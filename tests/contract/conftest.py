"""What contract tests share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.contract import real_cluster
from tests.contract.cluster_site import Fake, Real

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def root() -> Path:
    """The repository."""
    return Path(__file__).parents[2]


@pytest.fixture(scope="session")
def real() -> Iterator[Real]:
    cluster = real_cluster.connect()
    with real_cluster.namespace(cluster) as name:
        yield Real(cluster, name)


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.cluster)])
def site(request: pytest.FixtureRequest) -> Fake | Real:
    return Fake() if request.param == "fake" else request.getfixturevalue("real")


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """Return a name of this test's own, for all of them share the real namespace."""
    return "".join(char if char.isalnum() else "-" for char in request.node.originalname.removeprefix("test_"))[:50].strip("-")
