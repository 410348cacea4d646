"""The rights that releasing this repository's own environments takes."""

from __future__ import annotations

import pytest

from plimsoll.adapters.kube_schema import KubernetesSchemas
from plimsoll.domain.rbac import needed
from plimsoll.domain.rbac_objects import Account, role_objects
from plimsoll.wiring.render import KUBERNETES
from tests.rendering import ENVIRONMENTS, objects, project


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_kind_of_an_environment_is_granted_and_nothing_in_the_whole_cluster_but_namespaces(name: str) -> None:
    found = objects(name)
    rights = needed(found, application="check-in", environment=project().environments[name], secrets=project().secrets)
    granted = {(right.group, right.resource) for right in rights if right.verb == "patch"}
    groups = [each["apiVersion"].rpartition("/")[0] for each in found]
    assert len({(group, each["kind"]) for group, each in zip(groups, found, strict=True)} | {("", "ConfigMap")}) == len(granted)
    assert {right.resource for right in rights if not right.namespace} == {"namespaces"}
    assert not [right for right in rights if "*" in str(right)]
    schemas = KubernetesSchemas(KUBERNETES)
    roles = role_objects(rights, "check-in", name, Account.parse("deployer"))
    assert [schemas.problems(each) for each in roles if schemas.problems(each)] == []
