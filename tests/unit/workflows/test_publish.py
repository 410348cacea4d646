"""Bringing images to the registry: the gate first, and only what is missing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from plimsoll.domain.images import ScanSummary
from plimsoll.errors import EnvironmentLacks, Failed
from plimsoll.workflows.build import build
from plimsoll.workflows.publish import absent, publish
from tests.fake_workshop import shop

if TYPE_CHECKING:
    from pathlib import Path

    from plimsoll.domain.images import Image
    from tests.fake_workshop import Shop


@pytest.fixture
def at(tmp_path: Path) -> Shop:
    return shop(tmp_path)


def images(at: Shop, verdict: str = "clean") -> dict[str, Image]:
    workshop = at.workshop
    result = build(tuple(workshop.project.services.values()), workshop)
    return {name: replace(built.image, scan=ScanSummary(verdict=verdict)) for name, built in result.images.items()}


def test_images_are_pushed_once(at: Shop) -> None:
    found = images(at)
    assert absent(found, at.workshop) == ("backend", "cache")
    assert publish(found, at.workshop, gated=True).moved == ("backend", "cache")
    assert absent(found, at.workshop) == ()
    assert publish(found, at.workshop, gated=True).moved == ()


def test_an_image_that_the_gate_refuses_keeps_all_of_them_from_the_registry(at: Shop) -> None:
    found = images(at)
    found["cache"] = replace(found["cache"], scan=ScanSummary(verdict="findings"))
    with pytest.raises(Failed, match=r"cache \(findings\)"):
        publish(found, at.workshop, gated=True)
    assert at.registry.images == {}


def test_a_gate_that_only_shows_lets_everything_pass(at: Shop) -> None:
    assert publish(images(at, "findings"), at.workshop, gated=False).moved == ("backend", "cache")


def test_a_registry_that_is_down_is_said(at: Shop) -> None:
    found = images(at)
    at.registry.down = True
    with pytest.raises(EnvironmentLacks, match="does not answer"):
        publish(found, at.workshop, gated=True)
