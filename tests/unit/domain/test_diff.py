"""What a release changes, field by field, without noise and without secrets."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from plimsoll.domain.diff import Change, changes, hidden_paths, redact, touches_template
from plimsoll.domain.manifests import marked

Json = dict[str, Any]


def deployment(**container: object) -> Json:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "labels": {"tier": "front"}},
        "spec": {"strategy": {"type": "RollingUpdate"}, "template": {"spec": {"containers": [{"name": "web", **container}]}}},
    }


def test_equal_objects_have_no_changes() -> None:
    assert changes(deployment(image="a"), deployment(image="a")) == ()


def test_a_changed_field_is_named_by_a_path_that_lasts() -> None:
    (change,) = changes(deployment(image="a"), deployment(image="b"))
    assert change == Change("spec.template.spec.containers[web].image", "a", "b")
    assert touches_template((change,))


def test_fields_that_come_and_go_have_nothing_on_one_side() -> None:
    assert changes(deployment(), deployment(image="b")) == (Change("spec.template.spec.containers[web].image", None, "b"),)
    assert changes(deployment(image="b"), deployment()) == (Change("spec.template.spec.containers[web].image", "b", None),)


def test_what_the_server_sets_by_itself_is_no_change() -> None:
    live = deployment(image="a")
    live["status"] = {"readyReplicas": 2}
    live["metadata"] |= {
        "uid": "1",
        "resourceVersion": "7",
        "generation": 3,
        "creationTimestamp": "then",
        "managedFields": [{"manager": "x"}],
        "annotations": {"deployment.kubernetes.io/revision": "4"},
    }
    assert changes(live, deployment(image="a")) == ()


def test_the_mark_of_a_release_is_no_change() -> None:
    assert changes(marked(deployment(image="a"), "staging-1"), marked(deployment(image="a"), "staging-2")) == ()
    assert changes(marked(deployment(image="a"), "staging-1"), deployment(image="a")) == ()


def test_a_change_outside_the_pod_template_rolls_nothing() -> None:
    wanted = deployment(image="a")
    wanted["metadata"]["labels"]["tier"] = "back"
    wanted["spec"]["strategy"]["type"] = "Recreate"
    found = changes(deployment(image="a"), wanted)
    assert {change.path for change in found} == {"metadata.labels.tier", "spec.strategy.type"}
    assert not touches_template(found)


def test_an_item_added_to_a_list_of_named_objects_is_that_item_alone() -> None:
    wanted = deployment(env=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}])
    assert changes(deployment(env=[{"name": "A", "value": "1"}]), wanted) == (
        Change("spec.template.spec.containers[web].env[B]", None, {"name": "B", "value": "2"}),
    )


def test_another_order_of_named_objects_is_shown_as_names() -> None:
    first, second = {"name": "A", "value": "1"}, {"name": "B", "value": "2"}
    (change,) = changes(deployment(env=[first, second]), deployment(env=[second, first]))
    assert change == Change("spec.template.spec.containers[web].env", ["[A]", "[B]"], ["[B]", "[A]"])


def test_a_list_without_names_is_shown_whole() -> None:
    (change,) = changes(deployment(args=["a"]), deployment(args=["a", "b"]))
    assert change == Change("spec.template.spec.containers[web].args", ["a"], ["a", "b"])


def test_values_of_a_secret_are_never_shown_nor_their_lengths() -> None:
    live = {"kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "c2hvcnQ=", "b": "eA=="}}
    wanted = copy.deepcopy(live)
    wanted["data"] = {"a": "YSBsb25nZXIgb25l", "c": "eQ=="}
    found = changes(live, wanted)
    assert found == (Change("data.a", "***", "***"), Change("data.b", "***", None), Change("data.c", None, "***"))


def test_variables_that_are_named_like_secrets_are_masked_but_their_references_are_not() -> None:
    live = deployment(env=[{"name": "DB_PASSWORD", "value": "first-word"}])
    found = changes(live, deployment(env=[{"name": "DB_PASSWORD", "value": "two"}]))
    assert found == (Change("spec.template.spec.containers[web].env[DB_PASSWORD].value", "***", "***"),)
    reference = {"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    shown = str(changes(live, deployment(env=[reference])))
    assert "secretKeyRef" in shown
    assert "first-word" not in shown


def test_secrets_inside_a_list_that_is_shown_whole_are_masked() -> None:
    found = changes(deployment(), deployment(env=[{"name": "API_TOKEN", "value": "hush"}, {"name": "MODE", "value": "fast"}]))
    assert "hush" not in str(found)
    assert "fast" in str(found)


def test_configuration_under_a_secret_name_is_masked() -> None:
    live = {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"smtp-password": "one", "mode": "slow"}}
    wanted = copy.deepcopy(live)
    wanted["data"] = {"smtp-password": "two", "mode": "fast"}
    assert changes(live, wanted) == (Change("data.smtp-password", "***", "***"), Change("data.mode", "slow", "fast"))


def test_configuration_that_comes_or_goes_as_a_whole_is_masked_under_a_secret_name() -> None:
    bare = {"kind": "ConfigMap", "metadata": {"name": "c"}}
    full = {**bare, "data": {"smtp-password": "hush", "mode": "slow"}, "binaryData": {"api-token": "dHdv"}}
    for live, wanted in ((bare, full), (full, bare)):
        shown = str(changes(live, wanted))
        assert "slow" in shown
        assert "hush" not in shown
        assert "dHdv" not in shown


# What stands where, and whether it is shown: (path, value, what is shown of it).
SHOWN = [
    ("spec.template.spec.containers[web].env[DB_PASSWORD].value", "hush", "***"),
    ("spec.template.spec.containers[web].env[DB_PASSWORD_FILE].value", "/run/secrets/db", "/run/secrets/db"),
    ("spec.template.spec.containers[web].env[DB_PASSWORD_FILE].value", "hush", "***"),
    ("spec.template.spec.containers[web].env[DB_PASSWORD].value", "/hush", "***"),
    ("spec.template.spec.containers[web].env[DB_PASSWORD].value", "", ""),
    ("spec.parameters[api-key].value", "hush", "***"),
    ("spec.template.spec.containers[web].env[DATABASE_URL].value", "pg://me:hush@db/x", "pg://me:***@db/x"),
    ("spec.template.spec.containers[web].env[DATABASE_URL].value", "pg://db:5432/x", "pg://db:5432/x"),
    ("spec.template.spec.containers[web].args", ["--db-password=hush", "-v"], ["--db-password=***", "-v"]),
    ("spec.template.spec.containers[web].command", ["sh", "-c", "TOKEN=hush run"], ["sh", "-c", "TOKEN=*** run"]),
    ("data", {"settings": "a=b", "client_secret": "hush"}, {"settings": "a=b", "client_secret": "***"}),
    ("data.settings", "mode=slow\nsmtp_password=hush\nport=1", "mode=slow\nsmtp_password=***\nport=1"),
    ("spec.auth.password", "hush", "***"),
    ("spec.tls.secretName", "web-tls", "web-tls"),
    ("spec.template.spec.automountServiceAccountToken", False, False),
]


@pytest.mark.parametrize(("path", "value", "shown"), SHOWN)
def test_a_value_is_shown_without_what_is_secret_in_it(path: str, value: object, shown: object) -> None:
    assert redact(path, value) == shown


def test_the_paths_of_what_is_never_shown_are_named() -> None:
    env = [{"name": "DB_PASSWORD", "value": "hush"}, {"name": "MODE", "value": "fast"}]
    assert hidden_paths(deployment(env=env)) == ("spec.template.spec.containers[web].env[DB_PASSWORD].value",)
    assert hidden_paths({"kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "eA=="}}) == ("data.a",)
    reference = {"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    assert hidden_paths(deployment(env=[reference])) == ()
