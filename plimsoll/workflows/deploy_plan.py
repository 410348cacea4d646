"""Making the plan of a deploy: render, observe, decide. Nothing is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plimsoll.domain.manifests import prepare, ref
from plimsoll.domain.plan import decide
from plimsoll.domain.promotion import invalid, judge, objections
from plimsoll.workflows.deploy_observe import observe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from plimsoll.domain.images import Image
    from plimsoll.domain.ledger import History
    from plimsoll.domain.plan import DeployPlan
    from plimsoll.domain.promotion import Candidate
    from plimsoll.ports import ImageRegistry, Renderer, Schemas
    from plimsoll.workflows.site import Site


@dataclass(frozen=True, kw_only=True)
class DeployRequest:
    """What the user asked for: `candidate` are the images, `proven` the ledger that must have verified them, None without one."""

    candidate: Candidate
    proven: History | None = None
    dry_run: bool = False
    take_over: bool = False
    wait_lock: float = 30.0


@dataclass(frozen=True, kw_only=True)
class Supply:
    """Where a deploy gets its objects and images from.

    `schemas` judge objects of a namespace that does not exist yet, about which no API server can be asked. `publish` does what is
    missing of scan and push, and returns the images with their verdicts.
    """

    renderer: Renderer
    schemas: Callable[[], Schemas]
    registry: ImageRegistry
    publish: Callable[[Mapping[str, Image]], Mapping[str, Image]]


def make_plan(request: DeployRequest, site: Site, images: Mapping[str, Image], supply: Supply) -> tuple[DeployPlan, History]:
    """Return what a deploy of `images` would do, and the history it was decided from."""
    environment = site.environment
    history = site.ledger.history()
    rendered = supply.renderer.render(environment, {service: image.reference for service, image in images.items()})
    objects = prepare(rendered, namespace=environment.namespace, part_of=site.project.name)
    observed = observe(site, objects, history)
    unasked = [each for each in objects if ref(each) not in observed.answers and ref(each) not in observed.refused]
    refusals = (
        *(refusal for each in unasked for refusal in invalid(ref(each), supply.schemas().problems(each))),
        *judge(environment, images, dirty=request.candidate.dirty, proven=request.proven),
        *objections(observed, take_over=request.take_over),
    )
    plan = decide(
        objects,
        observed,
        history,
        environment=environment,
        images=images,
        secrets=site.project.secrets.values(),
        refusals=refusals,
    )
    return plan, history
