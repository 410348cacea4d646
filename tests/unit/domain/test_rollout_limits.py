"""What is waited for and how long: settings, annotations, and what is refused before anything is applied."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from plimsoll.domain.project import RolloutSettings
from plimsoll.domain.rollout_declared import declared_in, parse
from plimsoll.domain.rollout_limits import KNOWN, limits_from, limits_of, problems, waited
from plimsoll.domain.rollout_rules import Limits

API = {
    **dict.fromkeys(("Deployment", "StatefulSet", "DaemonSet"), "apps/v1"),
    **dict.fromkeys(("Job", "CronJob"), "batch/v1"),
    **dict.fromkeys(("Service", "PersistentVolumeClaim", "ConfigMap", "Pod"), "v1"),
    **dict.fromkeys(("Ingress", "NetworkPolicy"), "networking.k8s.io/v1"),
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "PodDisruptionBudget": "policy/v1",
    "CustomResourceDefinition": "apiextensions.k8s.io/v1",
    "APIService": "apiregistration.k8s.io/v1",
    "RoleBinding": "rbac.authorization.k8s.io/v1",
    "HTTPRoute": "gateway.networking.k8s.io/v1",
    "Certificate": "cert-manager.io/v1",
}


def thing(kind: str, *, spec: dict[str, Any] | None = None, **annotations: str) -> dict[str, Any]:
    named = {f"plimsoll.dev/{name.replace('_', '-')}": text for name, text in annotations.items()}
    return {"apiVersion": API[kind], "kind": kind, "metadata": {"name": "web", "annotations": named}, "spec": spec or {}}


@pytest.mark.parametrize(
    "kind",
    [
        "Deployment",
        "StatefulSet",
        "DaemonSet",
        "Job",
        "CronJob",
        "Pod",
        "PersistentVolumeClaim",
        "Ingress",
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
        "CustomResourceDefinition",
        "APIService",
        "HTTPRoute",
        "Certificate",
    ],
)
def test_kinds_with_a_verdict_and_custom_resources_are_waited_for(kind: str) -> None:
    assert waited(thing(kind))


@pytest.mark.parametrize("kind", ["ConfigMap", "NetworkPolicy", "RoleBinding", "Service"])
def test_what_only_has_to_be_there_is_not(kind: str) -> None:
    assert not waited(thing(kind))


def test_a_service_is_waited_for_when_it_is_a_load_balancer() -> None:
    assert waited(thing("Service", spec={"type": "LoadBalancer"}))


def test_an_object_may_say_itself_whether_it_is_waited_for() -> None:
    assert not waited(thing("Deployment", wait="false"))
    assert waited(thing("ConfigMap", wait="true"))


def test_settings_become_limits_under_the_same_names() -> None:
    settings = RolloutSettings(
        crash_restarts=4, readiness_flaps=5, grace=6, configuration_grace=7, probe_grace=8, scale_up_grace=9
    )
    assert limits_from(settings) == Limits(
        crash_restarts=4, readiness_flaps=5, grace=6, configuration_grace=7, probe_grace=8, scale_up_grace=9
    )
    assert limits_from(RolloutSettings()) == Limits()


def test_a_setting_below_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="readiness_flaps must not be negative"):
        RolloutSettings(readiness_flaps=-1)


def test_annotations_change_the_limits_of_their_object_alone() -> None:
    manifest = thing(
        "Deployment", crash_restarts="5", readiness_flaps="7", grace="2m", configuration_grace="0s", probe_grace="5m",
        scale_up_grace="10m", timeout="15m",
    )  # fmt: skip
    assert limits_of(manifest, Limits()) == Limits(
        crash_restarts=5, readiness_flaps=7, grace=120, configuration_grace=0, probe_grace=300, scale_up_grace=600, timeout=900
    )
    assert limits_of(thing("Deployment"), Limits(grace=3)) == Limits(grace=3)
    assert problems(manifest) == ()


@pytest.mark.parametrize(
    ("manifest", "path", "what", "now"),
    [
        (thing("Deployment", crash_restarts="many"), "plimsoll.dev/crash-restarts", "'many', no whole number", "correct"),
        (thing("Deployment", crash_restarts="-1"), "plimsoll.dev/crash-restarts", "no whole number", "correct"),
        (thing("Deployment", grace="30"), "plimsoll.dev/grace", "is no duration", "correct"),
        (thing("Deployment", timeout="0s"), "plimsoll.dev/timeout", "no time at all", "correct"),
        (thing("Ingress", wait="yes"), "plimsoll.dev/wait", 'neither "true" nor "false"', "correct"),
        (thing("Deployment", crash_restart="1"), "plimsoll.dev/crash-restart]", "is not known", "plimsoll.dev/crash-restarts?"),
        (thing("Certificate", ready="phase=Running"), "plimsoll.dev/ready", "write status.FIELD=VALUE", "correct"),
        (thing("CustomResourceDefinition", failed="status.phase"), "plimsoll.dev/failed", "is no condition", "correct"),
        (thing("Deployment", ready="status.phase=Running"), "plimsoll.dev/ready", "is for definitions", "take it out"),
        (
            thing("Deployment", spec={"template": {"metadata": {"annotations": {"plimsoll.dev/grace": "1m"}}}}),
            "spec.template.metadata.annotations[plimsoll.dev/grace]",
            "nobody reads it",
            "metadata.annotations of the Deployment",
        ),
        (
            thing("StatefulSet", spec={"selector": {"matchLabels": {"app": "a"}}, "template": {"metadata": {"labels": {}}}}),
            "spec.selector",
            "does not match spec.template.metadata.labels",
            "give the template the labels",
        ),
        (
            thing("DaemonSet", spec={"selector": {"matchExpressions": [{"key": "app", "operator": "Like"}]}, "template": {}}),
            "spec.selector",
            "cannot be read",
            "correct it",
        ),
    ],
)
def test_what_no_wait_could_go_by_is_a_problem_with_its_path(manifest: dict[str, Any], path: str, what: str, now: str) -> None:
    ((at, told, remedy),) = problems(manifest)
    assert path in at
    assert what in told
    assert now in remedy


def test_other_annotations_are_none_of_our_business() -> None:
    assert problems(thing("Deployment", after="Deployment/store")) == ()


def test_a_limit_that_cannot_be_read_leaves_the_one_of_the_settings() -> None:
    assert limits_of(thing("Deployment", grace="soon", crash_restarts="3"), Limits(grace=11)) == Limits(
        grace=11, crash_restarts=3
    )


def test_the_guide_names_every_annotation_and_the_defaults_that_hold() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "waiting.md").read_text(encoding="utf-8")
    assert [name for name in KNOWN if name not in guide] == []
    for name, default in dataclasses.asdict(RolloutSettings()).items():
        if name in guide and name not in {"timeout", "rollback_timeout"}:
            unit = "" if name in {"crash_restarts", "readiness_flaps"} else "s"
            assert f"| `{name}` | {default}{unit} |" in guide


@pytest.mark.parametrize(
    "text",
    ["", "status=Ready", "spec.replicas=1", "status.phase", "status.phase=", "status.phase==Ready", "status.phase=A,status.b=C",
     "status.phase=A B", "status..phase=A", "status.phase!=A", "status.conditions[]=True", "x status.phase=A", "status.phase=A|"],
)  # fmt: skip
def test_anything_but_a_field_and_its_values_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="such as status"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("status.phase=Running", {"phase": "Running"}),
        ("status.phase=Pending|Running", {"phase": "Running"}),
        ("status.sync.done=true", {"sync": {"done": True}}),
        ("status.readyReplicas=3", {"readyReplicas": 3}),
        ("status.conditions[Synced]=True", {"conditions": [{"type": "Other"}, {"type": "Synced", "status": "True"}]}),
    ],
)  # fmt: skip
def test_an_expression_holds_where_the_field_has_the_value(text: str, status: dict[str, Any]) -> None:
    expression = parse(text)
    assert expression.holds({"status": status})
    assert not expression.holds({"status": {}})
    assert not expression.holds({})
    assert expression.path == text.partition("=")[0]


@pytest.mark.parametrize("status", [{"phase": {"deep": 1}}, {"phase": ["Running"]}, {"phase": None}, {"phase": 0.5}, "Running"])
def test_a_status_of_another_shape_is_not_ready_and_no_crash(status: Any) -> None:  # noqa: ANN401 -- any JSON value
    assert not parse("status.phase=Running").holds({"status": status})
    assert not parse("status.phase[Ready]=True").holds({"status": status})
    assert parse("status.phase=Running").missing({"status": status})


def test_an_unreadable_declaration_names_its_annotation() -> None:
    with pytest.raises(ValueError, match=r"plimsoll\.dev/failed: 'phase' is no condition"):
        declared_in({"plimsoll.dev/ready": "status.phase=Running", "plimsoll.dev/failed": "phase"})
    assert declared_in({"other": "1"}) is None
