"""The answer to a write is lost though the write arrived, at each write of a deploy: the ledger stays in order."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from plimsoll.errors import EnvironmentLacks
from tests.fake_cluster import FakeCluster
from tests.fake_site import World, images

if TYPE_CHECKING:
    from collections.abc import Mapping


class Cut(FakeCluster):
    """A cluster whose connection is cut after write number `at` was carried out: once, or with `stays` from then on."""

    at = 0
    made = 0
    stays = False

    def write(self, manifest: Mapping[str, Any], *, create: bool = False, timeout: float = 5) -> dict[str, Any] | None:
        result = super().write(manifest, create=create, timeout=timeout)
        self._lose_the_answer(manifest)
        return result

    def _lose_the_answer(self, manifest: Mapping[str, Any]) -> None:
        # The lease has tests of its own: whoever cannot renew it stops.
        if manifest["kind"] == "Lease":
            return
        self.made += 1
        if self.made == self.at:
            self.unreachable = self.stays
            raise EnvironmentLacks("the connection was cut", where=self.server, now="try again")


def begun() -> tuple[World, Cut]:
    world = World()
    cluster = Cut(world.clock)
    world.cluster = cluster
    world.deploy()
    world.overlay.settings = "greeting=good day"
    cluster.made = 0
    return world, cluster


@cache
def writes() -> int:
    world, cluster = begun()
    world.deploy(images(web="2"))
    return cluster.made


def verified(world: World) -> list[str]:
    return [name for name, state in world.states().items() if state == "verified"]


@pytest.mark.parametrize("step", range(1, writes() + 1))
def test_the_ledger_looks_whether_a_write_arrived_and_goes_on(step: int) -> None:
    world, cluster = begun()
    cluster.at = step
    assert world.deploy(images(web="2")).outcome == "released"
    assert verified(world) == ["staging-2"]


@pytest.mark.parametrize("step", range(1, writes() + 1))
def test_where_the_connection_stays_cut_the_next_deploy_finds_what_arrived(step: int) -> None:
    world, cluster = begun()
    cluster.at, cluster.stays = step, True
    with pytest.raises(EnvironmentLacks):
        world.deploy(images(web="2"))
    cluster.unreachable = False
    assert len(verified(world)) <= 1
    world.deploy(images(web="2"))
    (name,) = verified(world)
    assert world.mark("web") == name or world.release(name).workloads["Deployment/web"] == world.mark("web")
    assert not {"pending", "applied"} & set(world.states().values())
