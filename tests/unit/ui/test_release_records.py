"""Recorded releases as people read them."""

from __future__ import annotations

from plimsoll.ui import release_records as ui
from plimsoll.workflows.release_records import Records
from tests.fake_site import World, images
from tests.unit.ui.test_releases import drawn


def records(world: World) -> Records:
    return Records(world.project.environments, world.site)


def test_a_release_is_shown_with_whole_digests_labels_times_and_checks() -> None:
    world = World()
    world.deploy()
    text = drawn(ui.draw_release, records(world).show("staging-1"))
    for expected in (
        "staging-1 verified",
        images()["web"].reference,
        "org.opencontainers.image.revision=",
        "took       publish",
        "/api/greetings",
        "hello-secrets/store-password",
        "Deployment/web since staging-1",
        "objects, whole",
    ):
        assert expected in text, text


def test_a_release_that_is_no_longer_whole_says_why() -> None:
    world = World()
    world.deploy()
    world.cluster.remove("v1/ConfigMap", "hello-staging-1.0", "plimsoll")
    text = drawn(ui.draw_release, records(world).show("staging-1"))
    assert "manifests  not kept" in text
    assert "! the record of staging-1 cannot be used: its manifests are gone" in text


def test_a_comparison_shows_images_configuration_and_objects() -> None:
    world = World()
    world.deploy()
    world.overlay.settings = "greeting=good day"
    world.deploy(images(web="2"))
    text = drawn(ui.draw_diff, records(world).diff("staging-1", "staging-2"))
    assert "from staging-1 to staging-2" in text
    assert "~ image web:" in text
    assert "data.settings: greeting=hello → greeting=good day" in text
    assert "~ Deployment/web" in text
    assert "nothing differs" in drawn(ui.draw_diff, records(world).diff("staging-1", "staging-1"))


def test_an_export_names_file_hash_and_what_is_hidden() -> None:
    world = World()
    world.overlay.change = lambda objects: objects[1]["data"].update({"API_TOKEN": "planted"})
    world.deploy()
    result = records(world).export("staging-1", "hello-staging-1.tar.gz", lambda _content: None)
    text = drawn(ui.draw_export, result)
    assert "hello-staging-1.tar.gz" in text
    assert f"sha256:{result.sha256}" in text
    assert "data.API_TOKEN" in text
