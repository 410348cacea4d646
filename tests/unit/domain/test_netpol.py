"""What NetworkPolicies mean, by the rules of the Kubernetes documentation, on policies small enough to see."""

from __future__ import annotations

from typing import Any

import pytest

from plimsoll.domain.netpol import Peer, judge, pod, pods, selects

WEB = pod("web", "shop", {"app": "web"}, address="10.1.0.2")
API = Peer(name="api", namespace="shop", labels={"app": "api"}, ports={"http": (8080, "TCP"), "stats": (8125, "UDP")})
OTHER = pod("other", "elsewhere", {"app": "web"})
OUTSIDE = Peer(name="outside", address="203.0.113.7")


def policy(spec: dict[str, Any], *, namespace: str = "shop", name: str = "p") -> dict[str, Any]:
    return {"kind": "NetworkPolicy", "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def to_api(*rules: dict[str, Any]) -> list[dict[str, Any]]:
    return [policy({"podSelector": {"matchLabels": {"app": "api"}}, "policyTypes": ["Ingress"], "ingress": list(rules)})]


def allowed(objects: list[dict[str, Any]], source: Peer, target: Peer = API, port: int = 8080, protocol: str = "TCP") -> bool:
    return judge(objects, source, target, port, protocol).allowed


def test_without_policies_everybody_may_talk_to_everybody() -> None:
    assert allowed([], WEB)
    assert allowed([], OUTSIDE)
    assert allowed([], API, OUTSIDE, 443)


def test_a_selected_pod_takes_only_what_a_rule_allows() -> None:
    policies = to_api({"from": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": [{"port": 8080}]})
    assert allowed(policies, WEB)
    assert not allowed(policies, WEB, port=8081)
    assert not allowed(policies, WEB, protocol="UDP")
    assert not allowed(policies, pod("cron", "shop", {"app": "cron"}))
    assert not allowed(policies, OUTSIDE)


def test_a_pod_selector_alone_means_the_policys_own_namespace() -> None:
    policies = to_api({"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]})
    assert not allowed(policies, OTHER)


def test_a_namespace_selector_alone_means_every_pod_there() -> None:
    policies = to_api({"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "elsewhere"}}}]})
    assert allowed(policies, OTHER)
    assert not allowed(policies, WEB)


def test_both_selectors_in_one_entry_must_match_together() -> None:
    there = {"matchLabels": {"kubernetes.io/metadata.name": "elsewhere"}}
    together = to_api({"from": [{"namespaceSelector": there, "podSelector": {"matchLabels": {"app": "cron"}}}]})
    apart = to_api({"from": [{"namespaceSelector": there}, {"podSelector": {"matchLabels": {"app": "cron"}}}]})
    assert not allowed(together, OTHER)
    assert allowed(apart, OTHER)


def test_an_empty_namespace_selector_means_every_namespace_but_nothing_outside() -> None:
    policies = to_api({"from": [{"namespaceSelector": {}}]})
    assert allowed(policies, OTHER)
    assert not allowed(policies, OUTSIDE)


@pytest.mark.parametrize("rule", [{}, {"from": []}, {"from": None, "ports": []}])
def test_a_rule_without_peers_and_ports_allows_everything(rule: dict[str, Any]) -> None:
    assert allowed(to_api(rule), OUTSIDE, port=1)


def test_no_rules_allow_nothing() -> None:
    assert not allowed(to_api(), WEB)


def test_an_address_block_admits_its_addresses_but_for_its_holes() -> None:
    policies = to_api({"from": [{"ipBlock": {"cidr": "203.0.113.0/24", "except": ["203.0.113.128/25"]}}]})
    assert allowed(policies, OUTSIDE)
    assert not allowed(policies, Peer(name="hole", address="203.0.113.200"))
    assert not allowed(policies, WEB)
    assert not allowed(policies, OTHER)


def test_a_named_port_is_the_targets_own() -> None:
    policies = to_api({"ports": [{"port": "http"}, {"port": "stats", "protocol": "UDP"}]})
    assert allowed(policies, WEB, port=8080)
    assert allowed(policies, WEB, port=8125, protocol="UDP")
    assert not allowed(policies, WEB, port=8125)
    assert not allowed(policies, WEB, port=80)


def test_a_range_of_ports_includes_both_ends() -> None:
    policies = to_api({"ports": [{"port": 8000, "endPort": 8080}]})
    assert allowed(policies, WEB, port=8000)
    assert allowed(policies, WEB, port=8080)
    assert not allowed(policies, WEB, port=8081)


def test_a_port_without_number_means_every_port_of_its_protocol() -> None:
    policies = to_api({"ports": [{"protocol": "UDP"}]})
    assert allowed(policies, WEB, port=1, protocol="UDP")
    assert not allowed(policies, WEB, port=1)


def test_both_ends_must_agree() -> None:
    inward = to_api({"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]})
    silent = policy({"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Egress"]}, name="silent")
    may = policy(
        {
            "podSelector": {"matchLabels": {"app": "web"}},
            "policyTypes": ["Egress"],
            "egress": [{"to": [{"podSelector": {"matchLabels": {"app": "api"}}}], "ports": [{"port": "http"}]}],
        },
        name="may",
    )
    verdict = judge([*inward, silent], WEB, API, 8080)
    assert (verdict.allowed, verdict.reason) == (False, "no egress rule of silent allows it")
    verdict = judge([*inward, silent, may], WEB, API, 8080)
    assert (verdict.allowed, verdict.reason) == (True, "ingress by p")
    verdict = judge([*inward, silent, may], WEB, API, 9090)
    assert not verdict.allowed


def test_policies_add_up() -> None:
    first = to_api({"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]})
    second = to_api({"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]})
    assert allowed([*first, *second], OUTSIDE)
    assert allowed([*first, *second], WEB)


def test_where_types_are_not_said_ingress_is_meant_and_egress_only_with_a_rule() -> None:
    quiet = policy({"podSelector": {}})
    assert not allowed([quiet], WEB)
    assert allowed([quiet], API, OUTSIDE, 443)
    spoken = policy({"podSelector": {}, "egress": [{"ports": [{"port": 53}]}]})
    assert not allowed([spoken], API, OUTSIDE, 443)
    assert allowed([spoken], API, OUTSIDE, 53)


def test_a_policy_of_another_namespace_selects_nobody_here() -> None:
    assert allowed([policy({"podSelector": {}}, namespace="elsewhere")], WEB)


def test_a_policy_without_namespace_is_of_the_default_one() -> None:
    nowhere = {"kind": "NetworkPolicy", "metadata": {"name": "p"}, "spec": {"podSelector": {}}}
    assert allowed([nowhere], WEB)
    assert not allowed([nowhere], OUTSIDE, pod("api", "default", {}))


@pytest.mark.parametrize(
    ("expression", "matching", "other"),
    [
        ({"key": "app", "operator": "In", "values": ["web", "api"]}, {"app": "api"}, {}),
        ({"key": "app", "operator": "NotIn", "values": ["db"]}, {}, {"app": "db"}),
        ({"key": "app", "operator": "Exists"}, {"app": ""}, {"tier": "x"}),
        ({"key": "app", "operator": "DoesNotExist"}, {"tier": "x"}, {"app": "web"}),
    ],
)
def test_an_expression_selects_by_its_operator(
    expression: dict[str, Any], matching: dict[str, str], other: dict[str, str]
) -> None:
    assert selects({"matchExpressions": [expression]}, matching)
    assert not selects({"matchExpressions": [expression]}, other)


def test_an_operator_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="no operator 'Like'"):
        selects({"matchExpressions": [{"key": "app", "operator": "Like"}]}, {})


def test_each_workload_becomes_a_pod_with_its_labels_ports_and_namespace() -> None:
    template = {
        "metadata": {"labels": {"app": "api"}},
        "spec": {"containers": [{"name": "api", "ports": [{"name": "http", "containerPort": 80}, {"containerPort": 81}]}]},
    }
    found = pods(
        [
            {"kind": "Namespace", "metadata": {"name": "shop", "labels": {"team": "a"}}},
            {"kind": "Deployment", "metadata": {"name": "api", "namespace": "shop"}, "spec": {"template": template}},
            {"kind": "Job", "metadata": {"name": "once"}, "spec": {"template": {"spec": {"containers": []}}}},
            {"kind": "Service", "metadata": {"name": "api", "namespace": "shop"}, "spec": {}},
        ]
    )
    assert found["api"].namespace_labels == {"team": "a", "kubernetes.io/metadata.name": "shop"}
    assert found["api"].ports == {"http": (80, "TCP")}
    assert found["once"].namespace == "default"
    assert found["once"].labels == {}
    assert set(found) == {"api", "once"}
