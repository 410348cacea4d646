from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from plimsoll.domain.cluster import Wish
from plimsoll.domain.node_image import Origin
from plimsoll.errors import EnvironmentLacks, Misconfigured
from plimsoll.workflows.node_image import node_image, obtain
from tests.fake_kind import FakeNodeImages
from tests.fakes import FakeClock, FakeReporter

if TYPE_CHECKING:
    from pathlib import Path

WISH = Wish(
    name="check-in",
    nodes=1,
    ports={},
    base={},
    images={Origin.PULLED: "sha256:1", Origin.BUILT: "recipe"},
    registry_port=None,
)
ARCHIVE = replace(WISH, images={Origin.ARCHIVE: "packed"})


def test_the_pinned_image_is_pulled_where_a_registry_answers() -> None:
    images = FakeNodeImages(reachable=True)
    assert obtain(WISH, archive="", images=images, reporter=FakeReporter()).origin is Origin.PULLED
    assert images.done == ["pull"]


def test_elsewhere_the_image_is_built_and_one_line_says_why() -> None:
    images, reporter = FakeNodeImages(), FakeReporter()
    assert obtain(WISH, archive="", images=images, reporter=reporter).origin is Origin.BUILT
    assert images.done == ["pull", "build"]
    assert reporter.lines("info") == ["the image cannot be pulled (no such host): the node image is built here instead"]
    assert reporter.lines("failed") == []


def test_an_image_that_was_built_before_is_taken_without_asking_a_registry() -> None:
    images = FakeNodeImages()
    images.build(reporter=FakeReporter())
    obtain(WISH, archive="", images=images, reporter=FakeReporter())
    assert images.done == ["build"]


def test_several_nodes_without_a_registry_are_refused_with_the_reason() -> None:
    wanted = replace(WISH, nodes=3, images={Origin.PULLED: "sha256:1"})
    with pytest.raises(Misconfigured, match="3 nodes need kindest/node"):
        obtain(wanted, archive="", images=FakeNodeImages(), reporter=FakeReporter())


def test_settings_that_say_pull_never_build() -> None:
    images = FakeNodeImages()
    with pytest.raises(EnvironmentLacks, match="cannot be pulled"):
        obtain(replace(WISH, images={Origin.PULLED: "sha256:1"}), archive="", images=images, reporter=FakeReporter())
    assert images.done == ["pull"]


def test_settings_that_say_build_never_pull() -> None:
    images = FakeNodeImages(reachable=True)
    obtain(replace(WISH, images={Origin.BUILT: "recipe"}), archive="", images=images, reporter=FakeReporter())
    assert images.done == ["build"]


def test_an_archive_is_loaded() -> None:
    images = FakeNodeImages()
    assert obtain(ARCHIVE, archive="/tmp/node.tar", images=images, reporter=FakeReporter()).reference == "from-node.tar"  # noqa: S108 -- a name only
    assert images.done == ["load node.tar"]


def test_an_image_that_vanishes_while_it_is_made_is_told() -> None:
    class Forgetful(FakeNodeImages):
        def local(self, origin: Origin) -> None:
            assert origin in WISH.images

    with pytest.raises(EnvironmentLacks, match="not in the engine"):
        obtain(WISH, archive="", images=Forgetful(), reporter=FakeReporter())


def test_the_image_can_be_saved_for_another_machine(tmp_path: Path) -> None:
    images = FakeNodeImages(reachable=True)
    file = tmp_path / "node.tar"
    report = node_image(WISH, archive="", images=images, save=file, clock=FakeClock(), reporter=FakeReporter())
    assert images.done == ["pull", "save kindest/node node.tar"]
    assert report.to_json()["saved"] == str(file)


def test_without_a_file_nothing_is_saved() -> None:
    report = node_image(WISH, archive="", images=FakeNodeImages(), save=None, clock=FakeClock(), reporter=FakeReporter())
    assert (report.saved, report.to_json()["origin"]) == ("", "build")
