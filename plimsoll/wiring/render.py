"""Composition of rendering and validation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll import wiring
from plimsoll.workflows import render as workflow

if TYPE_CHECKING:
    from plimsoll.domain.policy import Validation
    from plimsoll.domain.rendering import Rendering
    from plimsoll.ports import Renderer, Reporter, Schemas

# The minor version whose schemas decide: that of the kind node that Plimsoll builds (a test holds the two together).
KUBERNETES = "1.34"


def renderer() -> Renderer:
    """Return what turns this repository's overlays into objects."""
    from plimsoll.adapters.kustomize import KustomizeRenderer
    from plimsoll.wiring.tools import ensure_tool

    return KustomizeRenderer(wiring.root(), lambda: ensure_tool("kubectl"))


def schemas() -> Schemas:
    """Return the schemas of the Kubernetes API."""
    from plimsoll.adapters.kube_schema import KubernetesSchemas

    return KubernetesSchemas(KUBERNETES)


def render(name: str, *, overlay_only: bool) -> Rendering:
    """Return the objects of the environment called `name`, with image names as they stand in git."""
    return workflow.render(wiring.environment(name), overlay_only=overlay_only, renderer=renderer(), images={})


def validate(name: str | None, reporter: Reporter) -> Validation:
    """Judge the environment called `name`, or all of them."""
    project = wiring.project()
    chosen = (wiring.environment(name),) if name else tuple(project.environments.values())
    return workflow.validate(project, chosen, renderer=renderer(), schemas=schemas(), reporter=reporter)
