"""Every policy, broken in this repository's own manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from plimsoll.domain.policy import POLICIES, judge
from tests.policy_breaks import BREAKS, GONE, Break, put
from tests.rendering import ENVIRONMENTS, FORMS, objects, rendered

if TYPE_CHECKING:
    from collections.abc import Callable

# What only this application has: the frontend's sleep, and the node port of the local cluster.
COMPOSED_BREAKS = (
    Break(
        "graceful-stop",
        "nginx leaves at once",
        put("Deployment", "frontend", "spec.template.spec.containers.0.lifecycle", GONE),
    ),
    Break("published-port", "another port", put("Service", "frontend", "spec.ports.0.nodePort", 31000)),
    Break("published-port", "not published", put("Service", "frontend", "spec.type", "ClusterIP")),
)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_environment_keeps_every_policy(name: str, form: str) -> None:
    assert [str(finding) for finding in judge(rendered(name, form), form=form)] == []


def _noticed(form: str, do: Callable[[list[dict[str, object]]], None]) -> set[str]:
    found = objects("production", form)
    do(found)
    return {finding.rule for finding in judge(rendered("production", form, found), form=form)}


@pytest.mark.parametrize("damage", BREAKS, ids=str)
def test_each_damage_to_production_is_noticed_by_its_policy_and_by_no_other(damage: Break) -> None:
    assert _noticed("overlay", damage.do) == {damage.policy}


@pytest.mark.parametrize("damage", COMPOSED_BREAKS, ids=str)
def test_each_damage_to_what_runs_on_the_local_cluster_is_noticed_too(damage: Break) -> None:
    assert _noticed("composed", damage.do) == {damage.policy}


def test_every_policy_is_broken_by_some_damage() -> None:
    assert {damage.policy for damage in BREAKS} == {policy.id for policy in POLICIES}


def test_the_component_for_small_clusters_would_not_pass_for_production() -> None:
    findings = judge(rendered("production", "composed"), form="overlay")
    assert {finding.rule for finding in findings} >= {"sizes", "replicas-floor", "replicas-ceiling"}
