from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

import plimsoll
from plimsoll.adapters.kube_schema import KubernetesSchemas
from plimsoll.config import load
from plimsoll.domain.policy import POLICIES
from plimsoll.domain.project import SecretSpec
from plimsoll.domain.rendering import COMPOSED, OVERLAY
from plimsoll.errors import Failed
from plimsoll.ui.errors import error_object
from plimsoll.workflows.render import render, validate
from tests.application import NAMESPACE, PART_OF, SECRETS, application
from tests.fakes import FakeReporter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plimsoll.domain.project import Environment, Project

SCHEMAS = Path(plimsoll.__file__).parent / "schemas"
OBJECT = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "check-in-local"}}


class OneObject:
    """Renders the same object for everybody and remembers what it was asked for (port Renderer)."""

    def __init__(self) -> None:
        self.asked: list[Environment] = []

    def render(self, environment: Environment, images: Mapping[str, str]) -> tuple[dict[str, Any], ...]:
        self.asked.append(environment)
        return ({**OBJECT, "images": dict(images)},)


class FixedSchema:
    """Finds fault with whatever it is told to (port Schemas)."""

    def __init__(self, *problems: tuple[str, str, str]) -> None:
        self._problems = problems

    def problems(self, _manifest: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
        return self._problems


def fits(contract: str, printed: dict[str, Any]) -> None:
    schema = json.loads((SCHEMAS / f"{contract}-1.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(printed)


@pytest.fixture
def project(root: Path) -> Project:
    return load(root).project


def test_an_environment_is_rendered_as_it_is_deployed(project: Project) -> None:
    renderer = OneObject()
    local = project.environments["local"]
    rendering = render(local, overlay_only=False, renderer=renderer, images={"backend": "x@sha256:0"})
    assert renderer.asked == [local]
    fits("kube.render", rendering.to_json())
    assert rendering.to_json() == {
        "schema": "plimsoll.kube.render/1",
        "environment": "local",
        "form": COMPOSED,
        "objects": [{**OBJECT, "images": {"backend": "x@sha256:0"}}],
    }


def test_an_overlay_alone_has_neither_components_nor_node_port(project: Project) -> None:
    renderer = OneObject()
    rendering = render(project.environments["local"], overlay_only=True, renderer=renderer, images={})
    assert rendering.form == OVERLAY
    assert [(each.components, each.node_port, each.namespace) for each in renderer.asked] == [((), None, "check-in-local")]


def test_every_environment_is_judged_in_both_forms_and_everything_wrong_is_told_at_once(project: Project) -> None:
    renderer = OneObject()
    with pytest.raises(Failed) as failure:
        validate(project, project.environments.values(), renderer=renderer, schemas=FixedSchema(), reporter=FakeReporter())
    assert [each.name for each in renderer.asked] == ["local", "local", "staging", "staging", "production", "production"]
    fits("kube.validate", error_object(failure.value, "kube.validate"))
    validation = failure.value.report.to_json()  # type: ignore[union-attr] -- the report of this error is a Validation
    assert validation["passed"] is False
    assert validation["environments"] == ["local", "staging", "production"]
    assert (validation["objects"], validation["policies"]) == (6, len(POLICIES))
    found = {(each["environment"], each["form"], each["rule"]) for each in validation["findings"]}
    for name in ("local", "staging", "production"):
        # What is wrong in both forms is told once; the node port is missing only where the settings ask for one.
        assert {(name, OVERLAY, "default-deny"), (name, COMPOSED, "published-port")} <= found
        assert (name, COMPOSED, "default-deny") not in found
    assert failure.value.what.startswith(f"the manifests break {len(validation['findings'])} rules:\n  - local (overlay): ")
    assert failure.value.exit_code == 1


def test_what_keeps_every_rule_is_told_with_how_much_was_judged(project: Project) -> None:
    class Application:
        def render(self, _environment: Environment, _images: Mapping[str, str]) -> tuple[dict[str, Any], ...]:
            return tuple(application())

    class AnyShape:
        def problems(self, _manifest: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
            return ()

    shop = replace(
        project,
        name=PART_OF,
        secrets={name: SecretSpec(name=name, keys=dict.fromkeys(keys, 32)) for name, keys in SECRETS.items()},
    )
    production = replace(project.environments["production"], namespace=NAMESPACE, components=(), port=None, node_port=None)
    validation = validate(shop, [production], renderer=Application(), schemas=AnyShape(), reporter=FakeReporter())
    fits("kube.validate", validation.to_json())
    assert validation.to_json() == {
        "schema": "plimsoll.kube.validate/1",
        "passed": True,
        "environments": ["production"],
        "objects": 2 * len(application()),
        "policies": len(POLICIES),
        "findings": [],
    }


def test_faults_of_shape_and_of_policy_are_told_together(project: Project) -> None:
    schemas = FixedSchema(("spec", "is missing", "add it"))
    with pytest.raises(Failed) as failure:
        validate(project, [project.environments["local"]], renderer=OneObject(), schemas=schemas, reporter=FakeReporter())
    lines = failure.value.what.splitlines()
    assert "  - local (overlay): Namespace/check-in-local: spec is missing [schema, row 14]; add it" in lines
    assert any("default-deny, row 24" in line for line in lines)


def test_a_policy_that_cannot_read_a_misshapen_object_leaves_it_to_the_schema(project: Project) -> None:
    class Misshapen(OneObject):
        def render(self, environment: Environment, images: Mapping[str, str]) -> tuple[dict[str, Any], ...]:
            broken = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "backend"}, "spec": 1}
            return (*super().render(environment, images), broken)

    with pytest.raises(Failed, match="not of type 'object'"):
        validate(
            project,
            [project.environments["local"]],
            renderer=Misshapen(),
            schemas=KubernetesSchemas("1.34"),
            reporter=FakeReporter(),
        )
