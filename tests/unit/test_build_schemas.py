"""What `inv build` and `inv image.*` print fits the published schemas."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from plimsoll.domain.build_compare import Difference, Reproduction
from plimsoll.domain.image_facts import ImageFacts
from plimsoll.domain.images import ScanSummary
from plimsoll.errors import Failed
from plimsoll.ui.errors import error_object
from plimsoll.workflows import bases
from plimsoll.workflows.build import build, preview
from plimsoll.workflows.publish import publish
from tests.fake_workshop import digest, shop
from tests.unit.test_schemas import check

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fake_workshop import Shop


@pytest.fixture
def at(tmp_path: Path) -> Shop:
    return shop(tmp_path)


def test_builds_and_their_previews_fit(at: Shop) -> None:
    workshop = at.workshop
    services = tuple(workshop.project.services.values())
    check(preview(services, workshop).to_json())
    check(build(services, workshop).to_json())
    check(build(services, workshop).to_json())


def test_what_a_push_and_the_facts_of_images_print_fits(at: Shop) -> None:
    workshop = at.workshop
    result = build(tuple(workshop.project.services.values()), workshop)
    scanned = {name: replace(built.image, scan=ScanSummary(verdict="clean")) for name, built in result.images.items()}
    check(publish(scanned, workshop, gated=True).to_json())
    for task in ("labels", "size", "exists"):
        check(ImageFacts(task=task, images=result.images, budgets=result.budgets, absent=("cache",)).to_json())


def test_what_is_told_of_bases_fits(at: Shop) -> None:
    at.mirror.packages["libc6"] = "2.41-13"
    workshop = at.workshop
    build(tuple(workshop.project.services.values()), workshop)
    known = workshop.project.bases
    check(bases.report(known, tree=workshop.tree, store=workshop.bases, clock=workshop.clock).to_json())
    check(bases.update(known, tree=workshop.tree, mirror=workshop.mirror, clock=workshop.clock, reporter=at.reporter).to_json())


def test_a_difference_between_two_builds_fits_as_a_failure_too() -> None:
    pair = (digest("one"), digest("other"))
    found = Reproduction(digests={"app": pair}, differences=(Difference("app", "RUN date", ("differs: /built",)),), seconds=1)
    check(found.to_json())
    with pytest.raises(Failed) as failed:
        found.require_equal()
    told = error_object(failed.value, "build")
    check(told)
    assert told["images"]["app"]["equal"] is False


def test_an_image_that_the_registry_lacks_is_a_failure(at: Shop) -> None:
    workshop = at.workshop
    result = build(tuple(workshop.project.services.values()), workshop)
    facts = ImageFacts(task="exists", images=result.images, budgets=result.budgets, absent=("cache",))
    assert facts.to_json()["images"]["cache"]["exists"] is False
    with pytest.raises(Failed, match="does not have the image of cache"):
        facts.require_present()
    replace(facts, absent=()).require_present()
