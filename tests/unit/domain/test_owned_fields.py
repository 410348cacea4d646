"""Whether an apply would surely change nothing, from the server's own account of who owns what."""

from __future__ import annotations

import json
from typing import Any

import pytest

from plimsoll.domain.manifests import copied
from plimsoll.domain.owned_fields import owns, settled

WEB = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "spec": {
                "containers": [
                    {
                        "name": "web",
                        "image": "web@sha256:1",
                        "args": ["serve", "--all"],
                        "ports": [{"containerPort": 80}],
                        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)2"}],
                    }
                ]
            }
        },
    },
}
# As an API server 1.34 books the manifest above.
FIELDS = {
    "f:metadata": {"f:labels": {"f:app": {}}},
    "f:spec": {
        "f:replicas": {},
        "f:selector": {},
        "f:template": {
            "f:spec": {
                "f:containers": {
                    'k:{"name":"web"}': {
                        ".": {},
                        "f:name": {},
                        "f:image": {},
                        "f:args": {},
                        "f:ports": {'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}},
                        "f:env": {
                            'k:{"name":"A"}': {".": {}, "f:name": {}, "f:value": {}},
                            'k:{"name":"B"}': {".": {}, "f:name": {}, "f:value": {}},
                        },
                    }
                }
            }
        },
    },
}


def live(**entry: object) -> dict[str, Any]:
    """Return the manifest as it stands on the server: with defaults, a status, and the books of two managers."""
    found = copied(WEB)
    ours = {"manager": "plimsoll", "operation": "Apply", "apiVersion": "apps/v1", "fieldsV1": copied(FIELDS), **entry}
    theirs = {"manager": "kube-controller-manager", "operation": "Update", "subresource": "status", "fieldsV1": {"f:status": {}}}
    found["metadata"] |= {"uid": "1", "resourceVersion": "7", "managedFields": [theirs, ours]}
    found["spec"] |= {"progressDeadlineSeconds": 600, "strategy": {"type": "RollingUpdate"}}
    container = found["spec"]["template"]["spec"]["containers"][0]
    container["terminationMessagePath"] = "/dev/termination-log"
    container["ports"][0]["protocol"] = "TCP"
    return found


def at(manifest: Any, path: str) -> Any:  # noqa: ANN401 -- any JSON value
    """Return what a path leads to: keys and indices, separated by dots."""
    for name in path.split("."):
        manifest = manifest[int(name) if name.isdecimal() else name]
    return manifest


def test_what_was_applied_and_left_alone_is_settled() -> None:
    assert settled(WEB, live())


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        ("metadata.labels", "app", "other"),
        ("metadata.labels", "new", "label"),
        ("spec", "replicas", 3),
        ("spec", "paused", False),
        ("spec.selector.matchLabels", "tier", "front"),
        ("spec.template.spec.containers.0", "image", "web@sha256:2"),
        ("spec.template.spec.containers.0", "args", ["serve"]),
        ("spec.template.spec.containers.0", "env", [{"name": "A", "value": "1"}]),
        ("spec.template.spec.containers.0", "env", [{"name": "A", "value": "1"}, {"name": "C", "value": "$(A)2"}]),
        ("spec.template.spec.containers.0", "ports", [{"containerPort": 81}]),
        ("spec.template.spec.containers.0", "ports", [{"containerPort": 80}, {"containerPort": 80}]),
    ],
)
def test_a_manifest_that_says_something_else_is_not_settled(path: str, key: str, value: object) -> None:
    wanted = copied(WEB)
    at(wanted, path)[key] = value
    assert not settled(wanted, live())


def test_a_field_that_the_manifest_no_longer_has_is_not_settled() -> None:
    wanted = copied(WEB)
    del wanted["spec"]["replicas"]
    assert not settled(wanted, live())
    wanted = copied(WEB)
    del wanted["metadata"]["labels"]
    assert not settled(wanted, live())


def test_another_order_of_named_items_is_not_settled() -> None:
    wanted = copied(WEB)
    at(wanted, "spec.template.spec.containers.0.env").reverse()
    assert not settled(wanted, live())


def test_what_others_put_between_our_items_is_no_drift() -> None:
    found = live()
    at(found, "spec.template.spec.containers").insert(0, {"name": "sidecar", "image": "mesh"})
    assert settled(WEB, found)


def test_a_field_that_was_taken_from_us_is_not_settled_although_its_value_is_ours_again() -> None:
    fields = copied(FIELDS)
    del fields["f:spec"]["f:replicas"]
    assert not settled(WEB, live(fieldsV1=fields))


@pytest.mark.parametrize(
    "entry",
    [
        {"manager": "kubectl"},
        {"operation": "Update"},
        {"subresource": "scale"},
        {"apiVersion": "apps/v1beta2"},
        {"fieldsV1": {}},
        {"fieldsV1": {**FIELDS, "i:0": {}}},
    ],
    ids=lambda entry: next(iter(entry)),
)
def test_books_that_are_not_ours_or_that_we_cannot_read_prove_nothing(entry: dict[str, Any]) -> None:
    assert not settled(WEB, live(**entry))


def test_an_amount_in_other_words_is_a_doubt() -> None:
    wanted = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"cpu": "0.5"}}}
    fields = {"f:spec": {"f:hard": {"f:cpu": {}}}}
    books = [{"manager": "plimsoll", "operation": "Apply", "apiVersion": "v1", "fieldsV1": fields}]
    found = {**wanted, "metadata": {"name": "q", "managedFields": books}, "spec": {"hard": {"cpu": "500m"}}}
    assert not settled(wanted, found)
    assert settled({**wanted, "spec": {"hard": {"cpu": "500m"}}}, found)


def test_a_set_is_settled_when_each_of_our_values_is_in_it() -> None:
    fields = {"f:metadata": {"f:finalizers": {".": {}, f"v:{json.dumps('a/b')}": {}}}}
    books = [{"manager": "plimsoll", "operation": "Apply", "apiVersion": "v1", "fieldsV1": fields}]
    wanted = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "finalizers": ["a/b"]}}
    found = {**wanted, "metadata": {"name": "c", "finalizers": ["theirs/c", "a/b"], "managedFields": books}}
    assert settled(wanted, found)
    assert not settled({**wanted, "metadata": {"name": "c", "finalizers": ["theirs/c"]}}, found)


def test_ownership_of_one_field_is_told() -> None:
    assert owns(live(), "spec", "replicas")
    assert not owns(live(), "spec", "paused")
    assert not owns(live(manager="kubectl"), "spec", "replicas")
