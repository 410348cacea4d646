"""Building images: what is built, what is left alone, what a label says, and what happens when something is missing."""

from __future__ import annotations

import shutil
from copy import deepcopy
from typing import TYPE_CHECKING

import pytest

from plimsoll.domain.publish import PushResult
from plimsoll.errors import EnvironmentLacks, Failed, Misconfigured
from plimsoll.workflows.build import build, existing, layout, preview
from plimsoll.workflows.build_plan import plans
from tests.fake_workshop import RECORDED, SETTINGS, Shop, shop

if TYPE_CHECKING:
    from pathlib import Path

    from plimsoll.domain.build import BuildPlan, BuildResult

REVISION, CREATED = "org.opencontainers.image.revision", "org.opencontainers.image.created"


@pytest.fixture
def at(tmp_path: Path) -> Shop:
    return shop(tmp_path)


def run(at: Shop, *, cache: bool = True) -> BuildResult:
    workshop = at.workshop
    return build(tuple(workshop.project.services.values()), workshop, cache=cache)


def planned(at: Shop, service: str = "backend") -> BuildPlan:
    workshop = at.workshop
    return plans((workshop.project.services[service],), workshop)[0]


def test_every_service_is_built_once_and_then_left_alone(at: Shop) -> None:
    first = run(at)
    assert sorted(at.builder.built) == ["backend", "cache"]
    second = run(at)
    assert sorted(at.builder.built) == ["backend", "cache"]
    assert {name: built.image for name, built in first.images.items()} == {n: b.image for n, b in second.images.items()}
    assert [built.origin for built in second.images.values()] == ["kept", "kept"]


def test_unchanged_sources_need_neither_engine_nor_registry_nor_mirror(at: Shop) -> None:
    run(at)
    at.builder.lacking, at.mirror.down, at.registry.down = EnvironmentLacks("no engine"), True, True
    asked = at.registry.asked
    run(at)
    assert at.registry.asked == asked


def test_without_an_engine_changed_sources_are_not_built(at: Shop) -> None:
    at.builder.lacking = EnvironmentLacks("no container engine answers", code="no-engine")
    with pytest.raises(EnvironmentLacks, match="no container engine"):
        run(at)
    assert at.mirror.asked == 0, "nothing is fetched for a build that cannot begin"


def test_only_the_service_whose_sources_changed_is_built_again(at: Shop) -> None:
    run(at)
    at.repository.commit(**{"backend/app.py": "print('changed')\n"})
    at.builder.built.clear()
    run(at)
    assert at.builder.built == ["backend"]


@pytest.mark.parametrize(
    "files",
    [
        {"README.md": "A better shop.\n"},
        {"backend/tests/test_app.py": "assert True\n"},
        {"plimsoll.toml": SETTINGS.replace('path = "/"', 'path = "/health"')},
        {"docker/cache/entrypoint": "#!/bin/sh\nexit 0\n"},
    ],
)
def test_a_commit_that_touches_no_input_changes_neither_tag_nor_labels(at: Shop, files: dict[str, str]) -> None:
    before = planned(at)
    at.repository.commit(**files)
    after = planned(at)
    assert (after.tag, after.revision, after.created) == (before.tag, before.revision, before.created)


@pytest.mark.parametrize(
    "files",
    [
        {"backend/app.py": "print('changed')\n"},
        {"docker/backend.Dockerfile": "FROM runtime\n"},
        {"docker/backend.Dockerfile.dockerignore": "tests\ndocs\n"},
        {"plimsoll.toml": SETTINGS.replace('packages = ["python3"]', 'packages = ["python3"]\nexclude = ["x"]')},
        {"plimsoll.toml": SETTINGS.replace("example.org/shop", "example.org/fork")},
    ],
)
def test_a_commit_that_touches_an_input_names_itself_in_the_labels(at: Shop, files: dict[str, str]) -> None:
    before = planned(at)
    commit = at.repository.commit(**files)
    at.repository.commit(**{"README.md": "later\n"})
    after = planned(at)
    assert after.tag != before.tag
    assert after.revision == commit
    assert after.created == "2030-01-02T10:00:00Z"


def test_a_deleted_file_counts_as_touched(at: Shop) -> None:
    del at.repository.work["backend/app.py"]
    commit = at.repository.commit()
    assert planned(at).revision == commit


def test_the_labels_of_an_image_are_those_of_the_commit_that_touched_it(at: Shop) -> None:
    built = run(at).images["backend"].image
    assert built.labels[REVISION] == at.repository.commits[0]
    assert built.labels[CREATED] == "2030-01-01T10:00:00Z"
    assert built.schema == built.labels["dev.plimsoll.schema"]


def test_equal_sources_give_equal_images_in_another_clone(at: Shop, tmp_path: Path) -> None:
    first = run(at).images["backend"].image
    other = Shop(deepcopy(at.repository), tmp_path / "other-state")
    assert run(other).images["backend"].image == first


def test_uncommitted_inputs_are_built_under_a_dirty_tag_and_again_once_committed(at: Shop) -> None:
    at.repository.write("backend/app.py", "print('tried')\n")
    dirty = run(at).images["backend"].image
    assert dirty.tag.endswith("-dirty")
    assert dirty.labels[REVISION] == f"{at.repository.commits[0]}-dirty"
    commit = at.repository.commit()
    clean = run(at).images["backend"].image
    assert clean.labels[REVISION] == commit
    assert not clean.tag.endswith("-dirty")
    assert at.builder.built.count("backend") == 2


@pytest.mark.parametrize("path", ["README.md", "backend/tests/test_app.py", "docker/cache/entrypoint"])
def test_uncommitted_changes_elsewhere_leave_an_image_clean(at: Shop, path: str) -> None:
    at.repository.write(path, "changed\n")
    assert not planned(at).dirty


def test_a_new_file_in_the_context_makes_an_image_dirty_unless_git_ignores_it(at: Shop) -> None:
    at.repository.ignored.add("backend/debug.log")
    clean = planned(at)
    at.repository.write("backend/debug.log", "noise\n")
    assert planned(at) == clean
    at.repository.write("backend/new.py", "pass\n")
    assert planned(at).dirty == ("backend/new.py",)


def test_uncommitted_settings_of_the_image_make_it_dirty_and_others_do_not(at: Shop) -> None:
    at.repository.write("plimsoll.toml", SETTINGS.replace('path = "/"', 'path = "/x"'))
    assert planned(at).dirty == ()
    at.repository.write("plimsoll.toml", SETTINGS.replace("example.org/shop", "example.org/fork"))
    assert planned(at).dirty == ("plimsoll.toml",)


def test_a_missing_dockerfile_is_named(at: Shop) -> None:
    del at.repository.work["docker/backend.Dockerfile"]
    with pytest.raises(Misconfigured, match="'backend' has no Dockerfile") as raised:
        planned(at)
    assert raised.value.where == "docker/backend.Dockerfile"


def test_an_image_that_the_registry_has_under_the_tag_is_the_image(at: Shop, tmp_path: Path) -> None:
    image = run(at).images["backend"].image
    at.registry.push(image, at.images.folder(image) or tmp_path)
    other = Shop(at.repository, tmp_path / "empty-state", registry=at.registry)
    result = run(other)
    assert result.images["backend"].origin == "registry"
    assert result.images["backend"].image == image
    assert other.builder.built == ["cache"]
    asked = at.registry.asked
    run(other)
    assert at.registry.asked == asked, "what the registry said is remembered"
    assert other.images.folder(image) is None
    assert layout(image, other.workshop) == other.images.folder(image)


def test_a_registry_that_is_down_does_not_prevent_building(at: Shop) -> None:
    at.registry.down = True
    assert run(at).images["backend"].origin == "built"
    assert at.registry.asked == 1, "asked once, not once per image"


def test_an_image_over_its_budget_fails_also_when_it_was_built_before(at: Shop) -> None:
    run(at)
    at.repository.commit(**{"plimsoll.toml": SETTINGS.replace("schema =", "size_budget_mb = 1\nschema =")})
    at.builder.size = 2_000_000
    with pytest.raises(Failed, match="larger than the budget") as raised:
        run(at, cache=False)
    assert "docker/backend.Dockerfile" in raised.value.where
    at.builder.built.clear()
    with pytest.raises(Failed, match="larger than the budget"):
        run(at)
    assert at.builder.built == []


def test_a_failing_build_does_not_hide_another_one(at: Shop) -> None:
    at.builder.failing = {
        "backend": Failed("backend does not build", where="a:1", now="correct it"),
        "cache": Failed("cache does not build", where="b:2", now="correct it"),
    }
    with pytest.raises(Failed) as raised:
        run(at)
    assert raised.value.what.splitlines() == ["backend does not build", "cache does not build"]
    assert raised.value.where == "a:1; b:2"


def test_a_failing_build_wins_over_a_machine_that_lacks_something(at: Shop) -> None:
    at.builder.failing = {"backend": EnvironmentLacks("the engine went away"), "cache": Failed("cache does not build")}
    with pytest.raises(Failed, match="engine went away"):
        run(at)


def test_one_cause_for_all_is_told_once(at: Shop) -> None:
    at.builder.failing = {name: EnvironmentLacks("the engine went away", now="inv doctor") for name in ("backend", "cache")}
    with pytest.raises(EnvironmentLacks) as raised:
        run(at)
    assert raised.value.what == "the engine went away"


def test_the_other_images_of_a_failed_run_are_kept(at: Shop) -> None:
    at.builder.failing = {"backend": Failed("backend does not build")}
    with pytest.raises(Failed):
        run(at)
    at.builder.failing.clear()
    at.builder.built.clear()
    run(at)
    assert at.builder.built == ["backend"]


def test_an_interrupt_stops_what_is_under_way(at: Shop) -> None:
    at.builder.failing = {"backend": KeyboardInterrupt()}
    with pytest.raises(KeyboardInterrupt):
        run(at)
    assert at.builder.stopped


def test_versions_that_the_mirror_no_longer_has_are_replaced_named_and_remembered(at: Shop) -> None:
    recorded = planned(at).tag
    at.mirror.packages["libc6"] = "2.41-13"
    result = run(at)
    assert result.images["backend"].image.tag != recorded
    assert any("libc6 2.41-12 -> 2.41-13" in line and "--update" in line for line in at.reporter.lines("warn"))
    assert at.bases.own["runtime"]["packages"] == {**RECORDED.packages, "libc6": "2.41-13"}
    assert planned(at).tag == result.images["backend"].image.tag, "it counts as this machine's recorded state"
    at.mirror.down = True
    assert run(at).images["backend"].origin == "kept"


def test_versions_that_move_once_more_are_still_compared_with_the_committed_ones(at: Shop) -> None:
    at.mirror.packages["libc6"] = "2.41-13"
    run(at)
    at.bases.made.clear()
    at.mirror.packages["libc6"] = "2.41-14"
    at.repository.commit(**{"backend/app.py": "print('more')\n"})
    run(at)
    (state,) = planned(at).inputs.bases
    assert [str(move) for move in state.moved] == ["libc6 2.41-12 -> 2.41-14"]


def test_a_mirror_that_does_not_answer_ends_a_build_that_needs_it(at: Shop) -> None:
    at.mirror.down = True
    with pytest.raises(EnvironmentLacks, match="mirror"):
        run(at)


def test_a_preview_builds_and_makes_nothing(at: Shop) -> None:
    workshop = at.workshop
    shown = preview(tuple(workshop.project.services.values()), workshop).to_json()
    assert {name: image["action"] for name, image in shown["images"].items()} == {"backend": "build", "cache": "build"}
    assert shown["bases_to_make"] == ["runtime"]
    assert (at.builder.built, at.mirror.asked) == ([], 0)
    run(at)
    again = preview(tuple(workshop.project.services.values()), workshop).to_json()
    assert {image["action"] for image in again["images"].values()} == {"none"}


def test_images_that_are_not_built_are_named_to_whoever_needs_them(at: Shop) -> None:
    workshop = at.workshop
    with pytest.raises(Misconfigured, match="not built from the present sources: backend, cache") as raised:
        existing(tuple(workshop.project.services.values()), workshop)
    assert "inv build" in raised.value.now


def test_a_layout_that_neither_machine_nor_registry_has_is_a_failure(at: Shop) -> None:
    image = run(at).images["backend"].image
    shutil.rmtree(at.state / "images")
    with pytest.raises(Failed, match="there is no image"):
        layout(image, at.workshop)


def test_without_cache_everything_is_built_whatever_exists(at: Shop) -> None:
    run(at)
    run(at, cache=False)
    assert sorted(at.builder.built) == ["backend", "backend without cache", "cache", "cache without cache"]


def test_a_push_of_the_fake_registry_is_found_again(at: Shop) -> None:
    image = run(at).images["cache"].image
    folder = at.images.folder(image)
    assert folder is not None
    assert isinstance(at.registry.push(image, folder), PushResult)
    assert at.registry.digest(image.reference) == image.digest
