"""What the API server's refusals become: exit code, name of the object, field, right and manager."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from plimsoll.adapters.kube_errors import refusal, unreachable, untrusted
from plimsoll.domain.manifests import Conflict
from plimsoll.errors import EnvironmentLacks, Failed, Misconfigured

if TYPE_CHECKING:
    from plimsoll.errors import PlimsollError

INVALID = {
    "message": 'Deployment.apps "backend" is invalid: spec.replicas: Invalid value: -1',
    "reason": "Invalid",
    "details": {"causes": [{"field": "spec.replicas", "message": "Invalid value: -1: must be greater than or equal to 0"}]},
}
RIGHT = (
    'deployments.apps "backend" is forbidden: User "ci" cannot patch resource "deployments" in API group "apps" '
    'in the namespace "shop"'
)


def told(status: int, answer: dict[str, Any], **more: bool) -> PlimsollError:
    return refusal(status, answer, target="Deployment/backend", server="https://api.test", context="staging", **more)


def test_a_conflict_names_every_field_and_its_manager() -> None:
    causes = [
        {"reason": "FieldManagerConflict", "message": 'conflict with "kubectl-edit" using apps/v1', "field": ".spec.replicas"},
        {"reason": "FieldManagerConflict", "message": 'conflict with "hpa" using apps/v1', "field": ".spec.paused"},
    ]
    found = told(409, {"reason": "Conflict", "details": {"causes": causes}})
    assert isinstance(found, Conflict)
    assert found.fields == ((".spec.replicas", "kubectl-edit"), (".spec.paused", "hpa"))
    assert found.target == "Deployment/backend"


def test_an_invalid_object_is_the_users_in_a_dry_run_and_a_failure_later() -> None:
    assert type(told(422, INVALID, dry_run=True)) is Misconfigured
    found = told(422, INVALID)
    assert type(found) is Failed
    assert "Deployment/backend: spec.replicas: Invalid value: -1" in found.what


def test_a_missing_right_is_named_with_verb_resource_and_place() -> None:
    found = told(403, {"message": RIGHT})
    assert type(found) is Misconfigured
    assert found.what == "ci may not patch deployments.apps in the namespace shop"
    everywhere = told(
        403, {"message": 'nodes is forbidden: User "ci" cannot list resource "nodes" in API group "" at the cluster scope'}
    )
    assert everywhere.what == "ci may not list nodes in the whole cluster"


def test_a_refusal_by_admission_is_no_missing_right() -> None:
    found = told(403, {"message": 'pods "x" is forbidden: exceeded quota: small'})
    assert type(found) is Failed
    assert "exceeded quota" in found.what


def test_credentials_that_are_not_accepted_are_a_matter_of_settings() -> None:
    found = told(401, {"message": "Unauthorized"})
    assert type(found) is Misconfigured
    assert "staging" in found.where


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_server_that_is_not_able_to_answer_is_a_lack(status: int) -> None:
    assert isinstance(told(status, {"message": "try again"}), EnvironmentLacks)


def test_an_answer_without_words_still_names_its_status() -> None:
    assert "status 418" in told(418, {}).what


@pytest.mark.parametrize("error", [unreachable("https://api.test", "refused"), untrusted("https://api.test", "self-signed")])
def test_silence_and_mistrust_say_where_and_what_now(error: PlimsollError) -> None:
    assert error.where == "https://api.test"
    assert error.now
