"""Two builds of one commit: compared layer by layer, whatever was built before."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import pytest

from plimsoll.domain.build import Built, Layer
from plimsoll.errors import Failed
from plimsoll.workflows.reproducible import check_reproducible
from tests.fake_workshop import FakeBuilder, Shop, digest, shop
from tests.fakes import FakeClock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from plimsoll.domain.bases import BaseImage
    from plimsoll.domain.build import BuildPlan


class Wandering(FakeBuilder):
    """A builder whose second layer is never the same twice."""

    def build(self, plan: BuildPlan, bases: Mapping[str, BaseImage], *, cache: bool = True) -> Built:
        built = super().build(plan, bases, cache=cache)
        here = digest(str(self.store._home))
        layer = Layer(digest=here, unpacked=5, created_by="RUN date > /built")
        image = type(built.image)(**{**vars(built.image), "digest": here})
        return Built(image=image, layers=(*built.layers, layer), origin="built")


def both(tmp_path: Path) -> tuple[Shop, Shop]:
    first = shop(tmp_path)
    return first, Shop(deepcopy(first.repository), tmp_path / "another-state")


def no_entries(_folder: Path, _at: int) -> Mapping[str, Sequence[object]]:
    return {}


def test_equal_builds_give_equal_digests_and_run_every_step(tmp_path: Path) -> None:
    shops = both(tmp_path)
    workshops = (shops[0].workshop, shops[1].workshop)
    result = check_reproducible(["backend"], workshops, entries=no_entries, clock=FakeClock())
    result.require_equal()
    assert shops[0].builder.built == shops[1].builder.built == ["backend without cache"]
    assert len(set(result.digests["backend"])) == 1


def test_a_layer_that_differs_is_named_with_its_file(tmp_path: Path) -> None:
    shops = both(tmp_path)
    for each in shops:
        each.builder = Wandering(each.images)
        each.images.folder = lambda image: tmp_path / image.digest  # type: ignore[method-assign] -- there is no layout to read
    entries = {digest(str(each.state / "images")): number for number, each in enumerate(shops)}

    def read(folder: Path, at: int) -> Mapping[str, Sequence[object]]:
        assert at == 1
        return {"built": (entries[digest_of(folder)],)}

    def digest_of(folder: Path) -> str:
        return folder.name

    result = check_reproducible(["backend"], (shops[0].workshop, shops[1].workshop), entries=read, clock=FakeClock())
    with pytest.raises(Failed, match="RUN date > /built") as raised:
        result.require_equal()
    assert "differs: /built" in raised.value.what
