"""One clone with one cluster for all integration tests; each test starts from a verified release of the unchanged source."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.integration.clone import make

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.clone import Clone


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    """A clone whose cluster is up; it goes down at the end unless PLIMSOLL_KEEP is set, for looking at what went wrong."""
    made = make(tmp_path_factory.mktemp("clone") / "repository")
    # A cluster that an earlier run left (PLIMSOLL_KEEP, or a kill) may be of another recipe; it is the tests' own.
    if made.inv("cluster.up", timeout=2400).code != 0:
        made.ok("cluster.up", "--recreate", timeout=2400)
    # Where no vulnerability database is reached, the staging gate would stop every test; the gate has tests of its own.
    made.edit("plimsoll.toml", "node_port = 30081", 'node_port = 30081\ngate = "show"')
    made.edits.clear()
    made.ok("build", timeout=1800)
    yield made
    if not os.environ.get("PLIMSOLL_KEEP"):
        made.inv("cluster.down", "--yes")


@pytest.fixture
def staging(clone: Clone) -> Iterator[Clone]:
    """The clone with the unchanged source verified on staging; what a test edits is taken back."""
    clone.restore()
    clone.ok("build", "deploy", "--env", "staging")
    yield clone
    clone.restore()
