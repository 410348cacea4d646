"""`inv release.show`, `release.diff` and `release.export`: what they tell, and that no secret is in it."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import replace
from typing import Any

import pytest

from plimsoll.domain.concealed import concealed
from plimsoll.errors import Failed, Misconfigured
from plimsoll.workflows.release_records import Records
from plimsoll.workflows.status import history
from tests.fake_site import PRODUCTION, STAGING, World, images
from tests.unit.test_schemas import check

PLANTED = "hunter2-hunter2"


def records(world: World) -> Records:
    return Records(world.project.environments, world.site)


def planted(objects: list[dict[str, Any]]) -> None:
    """Put secrets where careless people put them: in a variable, in a ConfigMap, and in an address."""
    for each in objects:
        if each["kind"] == "ConfigMap":
            each["data"] |= {"API_TOKEN": PLANTED, "queue": f"amqp://app:{PLANTED}@queue/"}
        if each["kind"] == "Deployment":
            each["spec"]["template"]["spec"]["containers"][0]["env"].append({"name": "DB_PASSWORD", "value": PLANTED})


def exported(world: World, name: str) -> tuple[dict[str, bytes], bytes]:
    """Return the files of an export by their names, and its bytes."""
    written: list[bytes] = []
    records(world).export(name, "x.tar.gz", written.append)
    with tarfile.open(fileobj=io.BytesIO(written[0])) as tar:
        opened = {each.name: tar.extractfile(each) for each in tar.getmembers()}
        return {name: file.read() for name, file in opened.items() if file}, written[0]


def test_a_release_is_shown_with_everything_that_is_recorded() -> None:
    world = World()
    world.deploy()
    told = records(world).show("staging-1").to_json()
    check(told)
    assert (told["release"], told["state"], told["actor"]) == ("staging-1", "verified", "ada")
    assert set(told["timings"]) == {"publish", "lock", "plan", "foundation", "data", "migration", "workloads", "smoke"}
    assert told["images"]["web"]["labels"]
    assert told["images"]["web"]["scan"]["verdict"] == "clean"
    assert told["smoke"]["passed"]
    assert told["schema_revision"]
    assert "apps/v1/Deployment:hello-staging:web" in told["inventory"]
    assert told["manifests"] == {"whole": True, "objects": len(told["inventory"]), "hidden": [], "problem": None}


def test_of_secrets_only_the_names_are_shown() -> None:
    world = World()
    world.deploy()
    told = records(world).show("staging-1").to_json()
    assert told["secrets"] == ["hello-secrets/store-password"]
    assert str(world.release("staging-1").secrets["hello-secrets/store-password"]) not in json.dumps(told)


def test_a_release_whose_manifests_are_gone_is_shown_and_says_so() -> None:
    world = World()
    world.deploy()
    world.cluster.remove("v1/ConfigMap", "hello-staging-1.0", "plimsoll")
    told = records(world).show("staging-1").to_json()
    check(told)
    assert told["manifests"]["whole"] is False
    assert "its manifests are gone" in told["manifests"]["problem"]
    with pytest.raises(Failed, match="its manifests are gone"):
        records(world).export("staging-1", "x.tar.gz", lambda _content: None)


def test_an_old_release_of_which_a_line_is_kept_is_shown_as_far_as_that_goes() -> None:
    world = World()
    world.project = replace(world.project, rollout=replace(world.project.rollout, keep_releases=1))
    world.deploy()
    world.deploy(images(web="2"))
    told = records(world).show("staging-1").to_json()
    check(told)
    assert told["images"]["web"]["digest"] == images()["web"].digest
    assert "only a line of it is kept" in told["manifests"]["problem"]
    listed = history(world.site()).to_json()
    check(listed)
    assert [each["whole"] for each in listed["releases"]] == [True, False]
    with pytest.raises(Failed, match="only a line of it is kept"):
        records(world).diff("staging-1", "staging-2")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("staging-9", "did you mean staging-"),
        ("stagin-1", "did you mean a release of 'staging'?"),
        ("nowhere-1", "environments: production, staging"),
        ("staging", "such as staging-12"),
        ("", "environments: production, staging"),
    ],
)
def test_an_unknown_release_is_refused_with_a_suggestion(name: str, hint: str) -> None:
    world = World()
    world.deploy()
    with pytest.raises(Misconfigured) as refused:
        records(world).show(name)
    assert refused.value.code == "unknown-release"
    assert hint in refused.value.now


def test_an_environment_without_releases_says_how_to_make_one() -> None:
    with pytest.raises(Misconfigured) as refused:
        records(World()).show("staging-1")
    assert "inv build deploy" in refused.value.now


def test_a_damaged_release_is_named_as_such() -> None:
    world = World()
    world.deploy()
    broken = world.cluster.get("v1/ConfigMap", "hello-staging-1", "plimsoll")
    assert broken is not None
    world.cluster.put({**broken, "data": {"release.json": "?"}})
    with pytest.raises(Failed, match="the record of staging-1 cannot be read") as failed:
        records(world).show("staging-1")
    assert failed.value.code == "record-damaged"


def test_two_releases_differ_in_images_configuration_and_objects_field_by_field() -> None:
    world = World()
    world.deploy()
    world.overlay.settings = "greeting=good day"
    world.overlay.change = lambda objects: objects[-1]["spec"].update(maxReplicas=7)
    world.deploy(images(web="2"))
    found = records(world).diff("staging-1", "staging-2").to_json()
    check(found)
    (image,) = found["images"]
    assert image["service"] == "web"
    assert image["before"]["digest"] == images()["web"].digest
    assert image["after"]["digest"] == images(web="2")["web"].digest
    assert found["configuration"] == [
        {
            "object": "ConfigMap/web-config",
            "what": "changed",
            "fields": [{"path": "data.settings", "before": "greeting=hello", "after": "greeting=good day"}],
        }
    ]
    changed = {each["object"]: [field["path"] for field in each["fields"]] for each in found["manifests"]}
    assert changed["HorizontalPodAutoscaler/web"] == ["spec.maxReplicas"]
    assert changed["Deployment/web"] == ["spec.template.spec.containers[web].image"]
    assert "Deployment/worker" not in changed
    assert changed["Job/web-migrate"] == ["spec.template.spec.containers[migrate].image"]


def test_releases_of_two_environments_with_the_same_content_do_not_differ() -> None:
    world = World()
    world.deploy()
    world.deploy(environment=PRODUCTION, proven=world.history(STAGING))
    found = records(world).diff("staging-1", "production-1")
    assert found.same, found.to_json()


def test_objects_that_only_one_release_has_are_added_or_removed() -> None:
    world = World()
    world.deploy()
    world.overlay.change = lambda objects: objects.pop()
    world.deploy()
    gone = {each.name: each.what for each in records(world).diff("staging-1", "staging-2").manifests}
    assert gone == {"HorizontalPodAutoscaler/web": "removed", "Deployment/web": "changed"}
    new = {each.name: each.what for each in records(world).diff("staging-2", "staging-1").manifests}
    assert new == {"HorizontalPodAutoscaler/web": "added", "Deployment/web": "changed"}


def test_a_secret_that_changed_is_told_and_not_shown() -> None:
    world = World()
    world.overlay.change = planted
    world.deploy()
    world.overlay.change = planted_anew
    world.deploy()
    told = json.dumps(records(world).diff("staging-1", "staging-2").to_json())
    assert "data.API_TOKEN" in told
    assert "data.queue" in told
    assert "amqp://app:***@queue/" in told
    assert PLANTED not in told


def planted_anew(objects: list[dict[str, Any]]) -> None:
    planted(objects)
    for each in objects:
        if each["kind"] == "ConfigMap":
            each["data"] |= {"API_TOKEN": f"{PLANTED}-2", "queue": f"amqp://app:{PLANTED}-2@queue/"}


def test_an_export_holds_the_record_and_every_object() -> None:
    world = World()
    world.deploy()
    files, _ = exported(world, "staging-1")
    record = json.loads(files["staging-1/record.json"])
    check(record)
    assert record["release"] == "staging-1"
    assert len(files) == 1 + len(record["inventory"])
    web = json.loads(files["staging-1/manifests/hello-staging/Deployment.apps/web.json"])
    assert web["kind"] == "Deployment"
    assert "staging-1/manifests/cluster-wide/Namespace/hello-staging.json" in files


def test_the_same_release_is_exported_to_the_same_bytes() -> None:
    world = World()
    world.deploy()
    _, first = exported(world, "staging-1")
    world.clock.sleep(1000)
    assert exported(world, "staging-1")[1] == first


def test_an_export_holds_no_secret_and_names_what_it_hides() -> None:
    world = World()
    world.overlay.change = planted
    world.deploy()
    written: list[bytes] = []
    result = records(world).export("staging-1", "x.tar.gz", written.append)
    check(result.to_json())
    assert PLANTED.encode() not in gzip.decompress(written[0])
    assert len(result.hidden) == 4
    assert any(path.endswith("data.API_TOKEN") for path in result.hidden)
    assert any(
        "Deployment/worker: spec.template.spec.containers[worker].env[DB_PASSWORD].value" in path for path in result.hidden
    )
    assert result.sha256 == hashlib.sha256(written[0]).hexdigest()


def test_values_of_a_secret_object_are_hidden_and_other_values_stay() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "YQ=="}, "type": "Opaque"}
    (found,), hidden = concealed([secret])
    assert found["data"] == {"a": "***"}
    assert found["type"] == "Opaque"
    assert hidden == ("Secret/s: data.a",)
    assert secret["data"] == {"a": "YQ=="}
