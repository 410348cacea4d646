"""A recorded release as what is deployed next."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from plimsoll import wiring
from plimsoll.domain.ledger import History
from plimsoll.errors import Misconfigured
from plimsoll.wiring.candidates import recorded
from tests.fake_site import images, record

if TYPE_CHECKING:
    from plimsoll.domain.promotion import Candidate
    from plimsoll.domain.release import Release


def taken(release: Release, name: str = "staging-3") -> Candidate:
    """Return what `--version` takes from a ledger with this release in it. The settings are those of this repository."""
    return recorded(name, wiring.environment("production"), lambda _environment: History((release,)))


def test_the_very_images_are_taken_and_not_the_verdict_of_then() -> None:
    found = taken(record())
    assert {name: image.reference for name, image in found.images.items()} == {
        name: image.reference for name, image in images().items()
    }
    assert {image.scan for image in found.images.values()} == {None}
    assert found.images["web"].labels == images()["web"].labels


def test_a_release_of_which_only_a_line_is_kept_is_refused() -> None:
    with pytest.raises(Misconfigured, match="of staging-3 only a line is kept") as refused:
        taken(replace(record(), compacted=True))
    assert refused.value.code == "not-whole"


@pytest.mark.parametrize("name", ["staging-4", "nowhere-3", "staging"])
def test_an_unknown_release_is_refused(name: str) -> None:
    with pytest.raises(Misconfigured, match=f"no environment has a release '{name}'"):
        taken(record(), name)
