"""Verdicts over observed state: one case file per row of the rules and per edge of readiness (tests/cases/rollout/*.yaml).

A case names objects tersely: apiVersion and UID follow from kind and name; `owner` and `about` are `Kind/name`; `seen_for` are
the seconds since its faults were first seen, `declared` what a definition declares about its kind. An object that stands in a
case more than once was watched through these states, in that order.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from plimsoll.domain.manifests import Ref
from plimsoll.domain.rollout import Doomed, Progressing, Ready, verdict, watched
from plimsoll.domain.rollout_declared import declared_in
from plimsoll.domain.rollout_observed import Observed
from plimsoll.domain.rollout_rules import Limits
from plimsoll.domain.rollout_table import RULES

if TYPE_CHECKING:
    from plimsoll.domain.rollout import Verdict
    from plimsoll.domain.rollout_rules import Rule

CASES = {
    path.stem: yaml.safe_load(path.read_text()) for path in sorted((Path(__file__).parents[2] / "cases/rollout").glob("*.yaml"))
}
API = {
    **dict.fromkeys(("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"), "apps/v1"),
    **dict.fromkeys(("Pod", "PersistentVolumeClaim", "Service", "Event"), "v1"),
    **dict.fromkeys(("Job", "CronJob"), "batch/v1"),
    "Ingress": "networking.k8s.io/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "PodDisruptionBudget": "policy/v1",
    "CustomResourceDefinition": "apiextensions.k8s.io/v1",
    "APIService": "apiregistration.k8s.io/v1",
    "Certificate": "example.com/v1",
}


def expand(short: dict[str, Any]) -> dict[str, Any]:
    """Return an object as the API writes it from its terse form in a case file."""
    kind = short["kind"]
    if kind == "Event":
        about_kind, _, about = short["about"].partition("/")
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "type": short.get("type", "Warning"),
            "metadata": {"name": f"{about}.{short['reason']}", "namespace": "shop", "uid": f"event {about}"},
            "involvedObject": {"kind": about_kind, "name": about, "uid": short["about"]},
            "lastTimestamp": short.get("time", "2030-01-02T03:04:05Z"),
            **{key: short[key] for key in ("reason", "message")},
        }
    metadata = {
        "name": short["name"],
        "namespace": "shop",
        "uid": f"{kind}/{short['name']}",
        "generation": short.get("generation", 0),
    }
    metadata |= {key: short[key] for key in ("labels", "annotations") if key in short}
    if "deleting" in short:
        metadata["deletionTimestamp"] = short["deleting"]
    if "owner" in short:
        metadata["ownerReferences"] = [{"uid": short["owner"], "controller": True}]
    if "applied" in short:
        metadata["managedFields"] = [{"manager": "plimsoll", "operation": "Apply", "time": short["applied"]}]
    return {
        "apiVersion": API[kind],
        "kind": kind,
        "metadata": metadata,
        "spec": short.get("spec", {}),
        **({"status": short["status"]} if "status" in short else {}),
    }


def judge(case: dict[str, Any], rules: tuple[Rule, ...] = RULES) -> Verdict:
    kind, _, name = case["workload"].partition("/")
    observed = Observed(expand(each) for each in case["objects"])

    workload = Ref(API[kind], kind, "shop", name)
    limits = Limits(**case.get("limits", {}))
    own = {kind: declared_in(annotations) for kind, annotations in case.get("declared", {}).items()}
    declared = {kind: each for kind, each in own.items() if each}
    first = verdict(workload, observed, now=1000.0, limits=limits, declared=declared, rules=rules)
    if not isinstance(first, Progressing):
        return first
    since = {fault.key: 1000.0 - case.get("seen_for", 0) for fault in first.faults}
    return verdict(workload, observed, now=1000.0, since=since, limits=limits, declared=declared, rules=rules)


@pytest.mark.parametrize("name", CASES)
def test_verdict_is_what_the_case_says(name: str) -> None:
    case = CASES[name]
    found = judge(case)
    assert type(found).__name__.lower() == case["verdict"], case["sentence"]
    if isinstance(found, Doomed):
        told = {**found.cause.to_json()}
        message = case["cause"].get("message", "")
        assert message in told["message"], case["sentence"]
        wanted = {key: value for key, value in case["cause"].items() if key != "message"}
        assert {key: told[key] for key in wanted} == wanted, case["sentence"]
    elif isinstance(found, Progressing):
        assert case.get("missing", "") in found.missing, case["sentence"]
        assert [fault.rule.name for fault in found.faults] == case.get("faults", []), case["sentence"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_is_held_by_a_case_that_fails_without_it(rule: Rule) -> None:
    held_by = [name for name, case in CASES.items() if case.get("cause", {}).get("rule") == rule.name]
    assert held_by, f"no case ends with the rule {rule.name}"
    others = tuple(each for each in RULES if each is not rule)
    for name in held_by:
        found = judge(CASES[name], others)
        assert not isinstance(found, Doomed) or found.cause.rule != rule.name, name


def test_cases_name_only_rules_that_exist() -> None:
    names = {rule.name for rule in RULES}
    for case in CASES.values():
        assert {case["cause"]["rule"]} <= names if "cause" in case else set(case.get("faults", [])) <= names


def test_a_workload_whose_kind_was_not_listed_yet_is_no_deleted_one() -> None:
    found = verdict(Ref("apps/v1", "Deployment", "shop", "backend"), Observed())
    assert isinstance(found, Progressing)
    assert found.missing == "not looked at yet"


def test_watching_a_deployment_takes_its_replica_sets_pods_and_events() -> None:
    refs = [Ref("apps/v1", "Deployment", "shop", name) for name in ("a", "b")] + [Ref("batch/v1", "Job", "shop", "c")]
    assert watched(refs) == ("apps/v1/Deployment", "batch/v1/Job", "apps/v1/ReplicaSet", "v1/Pod", "v1/Event")


def test_an_object_made_anew_under_its_old_name_is_a_new_object() -> None:
    observed = Observed([expand({"kind": "Pod", "name": "probe", "status": {"phase": "Running"}})])
    again = expand(
        {"kind": "Pod", "name": "probe", "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
    )
    again["metadata"]["uid"] = "another"
    observed.take("MODIFIED", again)
    # The news of the first one's end may arrive after the second one's beginning.
    observed.take("DELETED", expand({"kind": "Pod", "name": "probe"}))
    assert isinstance(verdict(Ref("v1", "Pod", "shop", "probe"), observed), Ready)


def test_an_event_belongs_to_the_workload_at_the_top() -> None:
    observed = Observed(expand(each) for each in CASES["readiness-probe-fails"]["objects"])
    event = expand(CASES["readiness-probe-fails"]["objects"][-1])
    assert observed.root(event) == "Deployment/backend"
    observed.take("DELETED", event)
    found = verdict(Ref("apps/v1", "Deployment", "shop", "backend"), observed)
    assert isinstance(found, Progressing)
    assert "503" not in found.missing
