"""This repository's own environments, rendered with the real kustomize, once per run."""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plimsoll.adapters.kustomize import KustomizeRenderer
from plimsoll.config import load
from plimsoll.domain.policy_terms import Rendered
from plimsoll.domain.rendering import OVERLAY, bare
from tests.needs import need_program

if TYPE_CHECKING:
    from plimsoll.domain.project import Project

ROOT = Path(__file__).parents[1]
ENVIRONMENTS = ("local", "staging", "production")
FORMS = ("overlay", "composed")


@cache
def project() -> Project:
    return load(ROOT).project


def renderer(root: Path = ROOT) -> KustomizeRenderer:
    return KustomizeRenderer(root, lambda: Path(need_program("kubectl")))


@cache
def _objects(name: str, form: str) -> tuple[dict[str, Any], ...]:
    environment = project().environments[name]
    return renderer().render(bare(environment) if form == OVERLAY else environment, {})


def objects(name: str, form: str = "composed") -> list[dict[str, Any]]:
    """Return a copy of the environment's objects, to be read or broken."""
    return copy.deepcopy(list(_objects(name, form)))


def rendered(name: str, form: str, changed: list[dict[str, Any]] | None = None) -> Rendered:
    """Return the environment's objects, or `changed` ones, with what they are judged against."""
    environment = project().environments[name]
    return Rendered(
        environment=bare(environment) if form == OVERLAY else environment,
        objects=tuple(objects(name, form) if changed is None else changed),
        part_of=project().name,
        services=frozenset(project().services),
        secrets={secret: frozenset(spec.keys) for secret, spec in project().secrets.items()},
        timeout=project().rollout.timeout,
    )


def one(found: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    """Return the object of that kind and name."""
    (match,) = (each for each in found if each["kind"] == kind and each["metadata"]["name"] == name)
    return match
