"""Whether we may release: what the doctor says about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft202012Validator

from plimsoll.domain.rbac import Right
from plimsoll.domain.rbac_objects import Account
from plimsoll.domain.tools import State
from plimsoll.domain.tools_verdict import Diagnosis
from plimsoll.errors import EnvironmentLacks, Misconfigured
from plimsoll.workflows.rights import check_rights, render_rights, rights_of
from tests.fake_site import PROJECT, STAGING, Overlay

if TYPE_CHECKING:
    from collections.abc import Callable

    from plimsoll.domain.tools_verdict import Check

SCHEMAS = Path(__file__).parents[3] / "plimsoll" / "schemas"


def fits(name: str, told: dict[str, object]) -> None:
    Draft202012Validator(json.loads((SCHEMAS / f"{name}-1.json").read_text())).validate(json.loads(json.dumps(told)))


def checked(may: Callable[[Right], bool], *, guard: Callable[[], object] = lambda: None, needed: bool = True) -> Check:
    found = check_rights(
        "staging", rights=lambda: rights_of(PROJECT, STAGING, Overlay()), guard=guard, may=may, needed_here=needed
    )
    fits("doctor", Diagnosis(checks=(found,)).to_json())
    return found


def test_all_rights_are_one_good_line() -> None:
    found = checked(lambda _right: True)
    assert (found.state, found.good, found.repair) == (State.OK, True, "")
    assert found.found == f"{found.wanted} of {found.wanted}"


def test_missing_ones_are_named_with_their_verbs_and_place_and_what_grants_them() -> None:
    found = checked(lambda right: right.resource not in {"deployments", "leases"})
    assert (found.state, found.good) == (State.DENIED, False)
    assert found.repair == "./inv kube.rbac --env staging"
    for words in (
        "create, delete, get, list, patch, watch deployments.apps in the namespace hello-staging",
        "create leases.coordination.k8s.io in the namespace plimsoll",
        "get, update leases.coordination.k8s.io 'hello-staging' in the namespace plimsoll",
    ):
        assert words in found.note


def test_where_nobody_means_to_release_a_missing_right_is_no_failure() -> None:
    assert checked(lambda _right: False, needed=False).good


@pytest.mark.parametrize(
    "error",
    [EnvironmentLacks("the API server does not answer", where="https://x"), Misconfigured("another cluster", now="run x")],
)
def test_a_cluster_that_cannot_be_asked_is_a_line_too(error: Exception) -> None:
    def guard() -> None:
        raise error

    asked: list[Right] = []
    found = checked(lambda right: bool(asked.append(right)), guard=guard)
    assert (found.state, found.good, asked) == (State.NOT_RUNNING, False, [])
    assert str(error).splitlines()[0] in found.note


def test_what_is_rendered_is_what_is_checked_and_fits_its_schema() -> None:
    rendered = render_rights(PROJECT, STAGING, Account.parse("deployer"), renderer=Overlay())
    fits("kube.rbac", rendered.to_json())
    granted = {
        Right(role["metadata"].get("namespace", ""), group, resource, verb, name)
        for role in rendered.objects
        for rule in role.get("rules", ())
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames", ("",))
    }
    assert granted == rights_of(PROJECT, STAGING, Overlay())
