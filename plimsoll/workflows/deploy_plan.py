"""Making the plan of a deploy: render, observe, decide. Nothing is written."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from plimsoll.domain.diff import Change, in_texts
from plimsoll.domain.gate import Terms
from plimsoll.domain.inventory import inventory_id
from plimsoll.domain.manifests import prepare, ref
from plimsoll.domain.plan import decide
from plimsoll.domain.plan_drift import moved, stale
from plimsoll.domain.plan_file import require_cluster
from plimsoll.domain.plan_report import PlanResult
from plimsoll.domain.promotion import invalid, judge, lacking, objections
from plimsoll.domain.pruning import Pruning
from plimsoll.domain.rollout_limits import problems
from plimsoll.errors import EnvironmentLacks
from plimsoll.workflows.definitions import declarations
from plimsoll.workflows.deploy_observe import observe
from plimsoll.workflows.hold import remark
from plimsoll.workflows.lock import holder_of
from plimsoll.workflows.secrets import hider

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from plimsoll.domain.images import Image
    from plimsoll.domain.ledger import History
    from plimsoll.domain.manifests import Manifest
    from plimsoll.domain.plan import DeployPlan
    from plimsoll.domain.plan_file import SavedPlan
    from plimsoll.domain.project import RolloutSettings
    from plimsoll.domain.promotion import Candidate
    from plimsoll.ports import ImageRegistry, Renderer, Schemas
    from plimsoll.workflows.site import Site


@dataclass(frozen=True, kw_only=True)
class DeployRequest:
    """What the user asked for: `candidate` are the images, `proven` the ledger that must have verified them, None without one.

    `terms` are what the gate of a protected environment is judged by.

    `saved` is the plan that is carried out, and nothing else; with `attested` an approval was handed over, which is verified
    where none would be needed, too. With `data_loss` what holds data is pruned like anything else.
    """

    candidate: Candidate
    proven: History | None = None
    terms: Terms = field(default_factory=Terms)
    saved: SavedPlan | None = None
    attested: bool = False
    dry_run: bool = False
    take_over: bool = False
    data_loss: bool = False
    wait_lock: float = 30.0

    def pruning(self, settings: RolloutSettings) -> Pruning:
        """Return how far pruning may go."""
        return Pruning(keep=settings.keep_configurations, data_loss=self.data_loss)


@dataclass(frozen=True, kw_only=True)
class Supply:
    """Where a deploy gets its objects and images from.

    `schemas` judge objects of a namespace that does not exist yet, about which no API server can be asked. `publish` does what is
    missing of scan and push, and returns the images with their verdicts; images of a `recorded` release are not pushed.
    """

    renderer: Renderer
    schemas: Callable[[], Schemas]
    registry: ImageRegistry
    publish: Callable[[Mapping[str, Image]], Mapping[str, Image]]
    recorded: bool = False


def show_plan(request: DeployRequest, site: Site, supply: Supply) -> PlanResult:
    """Return what a deploy would do now, and of which cluster that is true. Nothing is written or published."""
    site.guard()
    images = request.candidate.images
    plan, _ = make_plan(request, site, images, supply)
    if supply.recorded and (gone := absent(images, supply.registry)):
        plan = replace(plan, refusals=(*plan.refusals, lacking(gone)))
    holder = holder_of(site.cluster, site.project.name, site.environment.name)
    return PlanResult(
        plan=plan,
        cluster=cluster_uid(site),
        candidate=request.candidate,
        protected=site.environment.protected,
        remarks=(*remark(site), *((f"locked by {holder}",) if holder else ())),
    )


def absent(images: Mapping[str, Image], registry: ImageRegistry) -> tuple[str, ...]:
    """Return the references of those images that the registry does not have."""
    return tuple(sorted(each.reference for each in images.values() if registry.digest(each.reference) != each.digest))


def cluster_uid(site: Site) -> str:
    """Return by what the cluster is known: the UID of the namespace kube-system."""
    found = site.cluster.get("v1/Namespace", "kube-system")
    if found is None:
        raise EnvironmentLacks(
            "the cluster has no namespace kube-system, by whose UID it would be recognised",
            where=site.environment.name,
            now="see whether this is a Kubernetes cluster that has finished starting",
        )
    return str(found["metadata"]["uid"])


def require_current(request: DeployRequest, site: Site, plan: DeployPlan, history: History) -> None:
    """Raise Misconfigured naming what moved when `plan`, made just now, is not the one that was saved."""
    saved = request.saved
    if saved is None:
        return
    require_cluster(saved, cluster_uid(site))
    if saved.plan_digest != plan.digest:
        raise stale(moved(saved.plan, plan.to_json(), history, number=saved.number), plan.environment)


def make_plan(request: DeployRequest, site: Site, images: Mapping[str, Image], supply: Supply) -> tuple[DeployPlan, History]:
    """Return what a deploy of `images` would do, and the history it was decided from."""
    environment = site.environment
    history = site.ledger.history()
    objects = request.saved.unmarked if request.saved else _rendered(site, images, supply)
    observed = observe(site, objects, history)
    unasked = [each for each in objects if ref(each) not in observed.answers and ref(each) not in observed.refused]
    coming = frozenset(each["metadata"]["name"] for each in objects if each["kind"] == "CustomResourceDefinition")
    declarations(site.cluster, map(ref, objects), site.reporter, besides=coming)
    refusals = (
        *(refusal for each in objects for refusal in invalid(ref(each), problems(each))),
        *(refusal for each in unasked for refusal in invalid(ref(each), supply.schemas().problems(each))),
        *judge(environment, replace(request.candidate, images=images), proven=request.proven, terms=request.terms),
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
        pruning=request.pruning(site.project.rollout),
    )
    return _without_secrets(plan, site), history


def _without_secrets(plan: DeployPlan, site: Site) -> DeployPlan:
    """Return the plan without the environment's secret values, wherever in the cluster somebody has copied them to."""
    hide = hider(site.cluster, site.environment.namespace, site.project.secrets.values())
    told = [
        replace(change, fields=tuple(Change(f.path, in_texts(f.before, hide), in_texts(f.after, hide)) for f in change.fields))
        for change in plan.changes
    ]
    return replace(plan, changes=tuple(told))


def _rendered(site: Site, images: Mapping[str, Image], supply: Supply) -> tuple[Manifest, ...]:
    environment = site.environment
    rendered = supply.renderer.render(environment, {service: image.reference for service, image in images.items()})
    inventory = inventory_id(site.project.name, environment.name)
    return prepare(rendered, namespace=environment.namespace, part_of=site.project.name, inventory=inventory)
