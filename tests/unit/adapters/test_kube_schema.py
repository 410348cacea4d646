from __future__ import annotations

import copy
from typing import Any

import pytest

from plimsoll.adapters.kube_schema import KubernetesSchemas

SCHEMAS = KubernetesSchemas("1.34")
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "backend", "labels": {"a": "b"}},
    "spec": {"selector": {"a": "b"}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
}
INGRESS = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "Ingress",
    "metadata": {"name": "web"},
    "spec": {"rules": [{"http": {"paths": [{"path": "/", "backend": {"service": {"name": "web", "port": 3001}}}]}}]},
}


def test_an_object_that_the_api_takes_has_no_problems() -> None:
    assert SCHEMAS.problems(SERVICE) == ()


def test_a_field_that_the_api_does_not_know_is_named_with_the_one_that_was_meant() -> None:
    service: dict[str, Any] = copy.deepcopy(SERVICE)
    service["spec"]["ports"][0]["targetport"] = 80
    assert SCHEMAS.problems(service) == (
        ("spec.ports.0", "has 'targetport', which the API does not know", "did you mean targetPort?"),
    )


def test_a_field_unlike_any_other_is_told_with_all_that_exist() -> None:
    service: dict[str, Any] = {**SERVICE, "zzz": 1}
    ((path, what, now),) = SCHEMAS.problems(service)
    assert (path, what) == ("the object", "has 'zzz', which the API does not know")
    assert now == "known fields: apiVersion, kind, metadata, spec, status"


def test_everything_wrong_is_found_at_once() -> None:
    assert [(path, what) for path, what, _now in SCHEMAS.problems(INGRESS)] == [
        ("spec.rules.0.http.paths.0", "'pathType' is a required property"),
        ("spec.rules.0.http.paths.0.backend.service.port", "3001 is not of type 'object', 'null'"),
    ]


def test_a_value_that_fits_none_of_several_types_names_each() -> None:
    service: dict[str, Any] = copy.deepcopy(SERVICE)
    service["spec"]["ports"][0]["targetPort"] = []
    assert {path for path, _what, _now in SCHEMAS.problems(service)} == {"spec.ports.0.targetPort"}


@pytest.mark.parametrize(
    ("api", "kind"), [("v1", "Servise"), ("extensions/v1beta1", "Ingress"), ("policy/v1beta1", "PodDisruptionBudget")]
)
def test_a_kind_that_this_version_does_not_serve_is_refused(api: str, kind: str) -> None:
    ((path, what, _now),) = SCHEMAS.problems({"apiVersion": api, "kind": kind, "metadata": {"name": "x"}})
    assert path == "apiVersion"
    assert what == f"{api!r} has no kind {kind!r}"


def test_custom_resources_are_left_to_the_api_server() -> None:
    assert SCHEMAS.problems({"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": {"name": "x"}}) == ()


def test_a_version_without_schemas_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no schemas of Kubernetes 1\.2"):
        KubernetesSchemas("1.2")
