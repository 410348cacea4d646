from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from plimsoll.domain.policy import POLICIES, judge
from plimsoll.domain.policy_terms import Rendered, value
from plimsoll.domain.project import Environment
from tests.application import NAMESPACE, PART_OF, SECRETS, SERVICES, application
from tests.policy_breaks import BREAKS, put, remove

if TYPE_CHECKING:
    from tests.policy_breaks import Break

PRODUCTION = Environment(name="production", namespace=NAMESPACE, overlay="overlay", protected=True)
PUBLISHED = Environment(name="production", namespace=NAMESPACE, overlay="overlay", port=8080, node_port=30080)


def rendered(objects: list[dict[str, Any]], environment: Environment = PRODUCTION) -> Rendered:
    return Rendered(
        environment=environment,
        objects=tuple(objects),
        part_of=PART_OF,
        services=frozenset(SERVICES),
        secrets={name: frozenset(keys) for name, keys in SECRETS.items()},
    )


def test_an_application_that_keeps_every_policy_has_no_findings() -> None:
    assert judge(rendered(application()), form="overlay") == ()


@pytest.mark.parametrize("damage", BREAKS, ids=str)
def test_each_damage_is_noticed_by_its_policy_and_by_no_other(damage: Break) -> None:
    objects = application()
    damage.do(objects)
    findings = judge(rendered(objects), form="overlay")
    assert {finding.rule for finding in findings} == {damage.policy}


def test_every_policy_has_a_damage_that_it_notices() -> None:
    assert {damage.policy for damage in BREAKS} == {policy.id for policy in POLICIES}


def test_no_two_policies_share_an_id_and_each_says_where_it_comes_from_and_what_to_do() -> None:
    assert len({policy.id for policy in POLICIES}) == len(POLICIES)
    for policy in POLICIES:
        assert policy.row
        assert policy.sentence.endswith(".")
        assert policy.remedy


def test_sizes_are_not_asked_of_what_an_environment_adds_for_a_small_cluster() -> None:
    objects = application()
    for damage in BREAKS:
        if damage.policy in {"sizes", "replicas-floor", "replicas-ceiling"}:
            damage.do(objects)
    assert judge(rendered(objects), form="overlay") != ()
    assert judge(rendered(objects), form="composed") == ()


def test_two_pods_are_enough_where_nothing_is_protected() -> None:
    objects = application()
    put("HorizontalPodAutoscaler", "backend", "spec.minReplicas", 2)(objects)
    staging = Environment(name="staging", namespace=NAMESPACE, overlay="overlay")
    assert judge(rendered(objects, staging), form="overlay") == ()


def test_a_node_port_is_fine_where_the_settings_name_it_and_only_with_that_number() -> None:
    objects = application()
    assert {each.target for each in judge(rendered(objects, PUBLISHED), form="composed")} == {"the environment"}
    put("Service", "backend", "spec.type", "NodePort")(objects)
    put("Service", "backend", "spec.ports.0.nodePort", 30080)(objects)
    assert judge(rendered(objects, PUBLISHED), form="composed") == ()
    put("Service", "backend", "spec.ports.0.nodePort", 30081)(objects)
    assert [each.path for each in judge(rendered(objects, PUBLISHED), form="composed")] == ["spec.ports.0.nodePort"]


def test_a_sleep_before_the_signal_is_as_good_as_draining_after_it() -> None:
    objects = application()
    remove("ConfigMap", "backend-config")(objects)
    put("Deployment", "backend", "spec.template.spec.containers.0.envFrom", [])(objects)
    assert {each.rule for each in judge(rendered(objects), form="overlay")} == {"graceful-stop"}
    put("Deployment", "backend", "spec.template.spec.containers.0.lifecycle.preStop.sleep.seconds", 5)(objects)
    assert judge(rendered(objects), form="overlay") == ()


def test_what_no_service_leads_to_need_not_drain() -> None:
    objects = application()
    remove("Service", "backend")(objects)
    remove("Ingress", "check-in")(objects)
    put("ConfigMap", "backend-config", "data.SHUTDOWN_DELAY_SECONDS", "0")(objects)
    assert judge(rendered(objects), form="overlay") == ()


def test_every_damage_is_reported_at_once_with_object_field_and_remedy() -> None:
    objects = application()
    put("Deployment", "backend", "spec.replicas", 5)(objects)
    put("Deployment", "backend", "spec.template.spec.enableServiceLinks", value=True)(objects)
    findings = judge(rendered(objects), form="overlay")
    assert [(each.target, each.path, each.rule) for each in findings] == [
        ("Deployment/backend", "spec.replicas", "replicas-owned-once"),
        ("Deployment/backend", "spec.template.spec.enableServiceLinks", "no-service-links"),
    ]
    assert str(findings[1]) == (
        "production (overlay): Deployment/backend: spec.template.spec.enableServiceLinks is True, not False "
        "[no-service-links, row 23]; set enableServiceLinks false"
    )


def test_a_policy_that_cannot_read_an_object_is_left_out_only_where_the_schema_found_fault() -> None:
    objects = application()
    put("Ingress", "check-in", "spec", 1)(objects)
    with pytest.raises(AttributeError):
        judge(rendered(objects), form="overlay")
    assert {each.rule for each in judge(rendered(objects), form="overlay", misshapen=True)} <= {"ingress-routes"}


def test_judging_changes_nothing() -> None:
    objects = application()
    before = copy.deepcopy(objects)
    judge(rendered(objects), form="overlay")
    assert objects == before


@pytest.mark.parametrize(("path", "expected"), [("a.0.b", 1), ("a.1.b", None), ("a.x", None), ("a.0.b.c", None), ("z", None)])
def test_a_field_that_is_not_there_is_none(path: str, expected: int | None) -> None:
    assert value({"a": [{"b": 1}]}, path) == expected
