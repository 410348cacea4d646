"""Objects as a release sees them: identity, marks, content, and what no release may carry."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from plimsoll.domain.manifests import Conflict, Ref, content_hash, mark_of, marked, marks, prepare, ref
from plimsoll.errors import Failed, Misconfigured
from tests.fake_site import STAGING, Overlay, images

Json = dict[str, Any]


def rendered() -> list[Json]:
    return list(Overlay().render(STAGING, {name: image.reference for name, image in images().items()}))


def prepared(objects: list[Json] | None = None) -> tuple[Json, ...]:
    return prepare(objects or rendered(), namespace="hello-staging", part_of="hello")


def one(objects: tuple[Json, ...] | list[Json], kind: str, name: str) -> Json:
    return next(each for each in objects if each["kind"] == kind and each["metadata"]["name"].startswith(name))


def test_an_identity_survives_its_text() -> None:
    for each in map(ref, rendered()):
        assert Ref.parse(str(each)) == each
    assert str(ref(one(rendered(), "Deployment", "web"))) == "apps/v1/Deployment:hello-staging:web"
    assert ref(one(rendered(), "Namespace", "hello")).namespace == ""


def test_everything_carries_the_label_by_which_it_is_ours() -> None:
    assert {each["metadata"]["labels"]["app.kubernetes.io/managed-by"] for each in prepared()} == {"plimsoll"}


def test_pods_do_not_carry_the_label_so_that_selectors_stay_what_they_were() -> None:
    template = one(prepared(), "Deployment", "web")["spec"]["template"]
    assert "app.kubernetes.io/managed-by" not in template["metadata"]["labels"]


def test_replicas_are_never_applied_where_an_autoscaler_owns_them() -> None:
    assert "replicas" not in one(prepared(), "Deployment", "web")["spec"]
    assert one(prepared(), "Deployment", "worker")["spec"]["replicas"] == 1


def test_a_namespace_is_added_where_the_overlay_has_none() -> None:
    objects = [each for each in rendered() if each["kind"] != "Namespace"]
    assert one(prepared(objects), "Namespace", "hello-staging")


def test_a_job_is_named_after_its_spec_because_it_can_never_change() -> None:
    before = one(prepared(), "Job", "web-migrate")["metadata"]["name"]
    objects = rendered()
    assert one(prepared(objects), "Job", "web-migrate")["metadata"]["name"] == before
    one(objects, "Job", "web-migrate")["spec"]["template"]["spec"]["containers"][0]["args"] = ["other"]
    assert one(prepared(objects), "Job", "web-migrate")["metadata"]["name"] != before


def test_the_rendered_objects_are_left_as_they_were() -> None:
    objects = rendered()
    before = copy.deepcopy(objects)
    prepared(objects)
    assert objects == before


@pytest.mark.parametrize("field", ["data", "stringData"])
def test_a_secret_with_values_is_refused(field: str) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys", "namespace": "hello-staging"}, field: {"a": "b"}}
    with pytest.raises(Misconfigured, match="Secret/keys is rendered with values") as refused:
        prepared([*rendered(), secret])
    assert "[secrets]" in refused.value.now


def test_a_secret_without_values_may_be_rendered() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token", "namespace": "hello-staging"}, "type": "x"}
    assert one(prepared([*rendered(), secret]), "Secret", "token")


@pytest.mark.parametrize("place", ["containers", "initContainers"])
def test_an_image_that_is_not_pinned_is_refused_wherever_it_runs(place: str) -> None:
    objects = rendered()
    one(objects, "Deployment", "worker")["spec"]["template"]["spec"].setdefault(place, []).append(
        {"name": "side", "image": "busybox:latest"}
    )
    with pytest.raises(Misconfigured, match="'busybox:latest', which is not pinned by digest"):
        prepared(objects)


def test_content_is_the_same_whatever_release_the_pods_name() -> None:
    objects = prepared()
    assert content_hash([marked(each, "staging-1") for each in objects]) == content_hash(objects)
    assert content_hash(objects[::-1]) == content_hash(objects)


def test_content_changes_with_any_field() -> None:
    objects = prepared()
    before = content_hash(objects)
    one(objects, "HorizontalPodAutoscaler", "web")["spec"]["maxReplicas"] = 9
    assert content_hash(objects) != before


def test_a_workload_is_marked_in_every_container_and_other_variables_stay() -> None:
    web = marked(one(prepared(), "Deployment", "web"), "staging-4")
    assert web["spec"]["template"]["spec"]["containers"][0]["env"] == [
        {"name": "GREETING", "value": "hi"},
        {"name": "RELEASE", "value": "staging-4"},
    ]
    assert mark_of(web) == "staging-4"
    assert mark_of(marked(web, "staging-5")) == "staging-5"
    assert mark_of(marked(web, None)) is None


def test_jobs_and_configuration_are_not_marked() -> None:
    for kind in ("Job", "ConfigMap", "Service"):
        each = one(prepared(), kind, "web")
        assert marked(each, "staging-4") == each


def test_marks_name_the_release_of_each_workload() -> None:
    objects = [marked(each, "staging-4") for each in prepared()]
    assert marks(objects) == {
        "Deployment/web": "staging-4",
        "Deployment/worker": "staging-4",
        "StatefulSet/store": "staging-4",
    }


def test_a_conflict_names_object_field_and_manager() -> None:
    conflict = Conflict("Deployment/web", [(".spec.paused", "kubectl-edit")])
    assert isinstance(conflict, Failed)
    assert "Deployment/web" in conflict.what
    assert ".spec.paused belongs to kubectl-edit" in conflict.what
    assert "--take-over" in conflict.now
