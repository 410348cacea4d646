"""Render environments and hold the objects to the schemas of Kubernetes and to our policies."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from plimsoll.domain.manifests import ref
from plimsoll.domain.policy import POLICIES, Finding, Validation, judge
from plimsoll.domain.policy_terms import Rendered
from plimsoll.domain.rendering import COMPOSED, OVERLAY, Rendering, bare
from plimsoll.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from plimsoll.domain.manifests import Manifest
    from plimsoll.domain.project import Environment, Project
    from plimsoll.ports import Renderer, Reporter, Schemas


def render(environment: Environment, *, overlay_only: bool, renderer: Renderer, images: Mapping[str, str]) -> Rendering:
    """Return the environment's objects. Raise Misconfigured when the overlay does not render."""
    form = OVERLAY if overlay_only else COMPOSED
    chosen = bare(environment) if overlay_only else environment
    return Rendering(environment=environment.name, form=form, objects=renderer.render(chosen, images))


def validate(
    project: Project, environments: Iterable[Environment], *, renderer: Renderer, schemas: Schemas, reporter: Reporter
) -> Validation:
    """Judge every environment twice: its overlay as it stands in git, and composed with what its settings add.

    Raise Failed with every finding, each with object, field and what to do; Misconfigured when an overlay does not render.
    """
    chosen = tuple(environments)
    objects = 0
    findings: dict[Finding, Finding] = {}
    for environment in chosen:
        with reporter.step(f"validating {environment.name}"):
            for form in (OVERLAY, COMPOSED):
                settings = bare(environment) if form == OVERLAY else environment
                rendered = _rendered(project, settings, renderer.render(settings, {}))
                objects += len(rendered.objects)
                for finding in _findings(rendered, form, schemas):
                    # What the overlay gets wrong is wrong in both forms; it is told once.
                    findings.setdefault(replace(finding, form=OVERLAY), finding)
    validation = Validation(
        environments=tuple(each.name for each in chosen),
        objects=objects,
        policies=len(POLICIES),
        findings=tuple(findings.values()),
    )
    require(validation)
    return validation


def require(validation: Validation) -> None:
    """Raise Failed when anything was found."""
    if validation.findings:
        count = len(validation.findings)
        lines = "\n".join(f"  - {finding}" for finding in validation.findings)
        raise Failed(
            f"the manifests break {count} rule{'s' if count != 1 else ''}:\n{lines}",
            where=", ".join(validation.environments),
            now="correct them; `inv kube.render --env E` shows the objects that were judged",
            code="manifests",
            report=validation,
        )


def _rendered(project: Project, environment: Environment, objects: tuple[Manifest, ...]) -> Rendered:
    return Rendered(
        environment=environment,
        objects=objects,
        part_of=project.name,
        services=frozenset(project.services),
        secrets={name: frozenset(spec.keys) for name, spec in project.secrets.items()},
        timeout=project.rollout.timeout,
    )


def _findings(rendered: Rendered, form: str, schemas: Schemas) -> tuple[Finding, ...]:
    shape = _against_schemas(rendered, form, schemas)
    return (*shape, *judge(rendered, form=form, misshapen=bool(shape)))


def _against_schemas(rendered: Rendered, form: str, schemas: Schemas) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            environment=rendered.environment.name,
            form=form,
            target=ref(manifest).short,
            path=path,
            rule="schema",
            row="14",
            what=what,
            now=now,
        )
        for manifest in rendered.objects
        for path, what, now in schemas.problems(manifest)
    )
