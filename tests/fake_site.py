"""A small application and all that a release of it needs, over the fake cluster: what tests of the release engine start from."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from plimsoll.domain.approval import Approval
from plimsoll.domain.gate import Terms
from plimsoll.domain.images import Image, ScanSummary, digest
from plimsoll.domain.project import (
    ClusterSettings,
    Environment,
    Project,
    Registry,
    RolloutSettings,
    SecretSpec,
    Service,
    SmokeCheck,
)
from plimsoll.domain.promotion import Candidate
from plimsoll.domain.release import Release, SmokeResult, State
from plimsoll.errors import Interrupted
from plimsoll.workflows.deploy import deploy
from plimsoll.workflows.deploy_plan import DeployRequest, Supply, show_plan
from plimsoll.workflows.rollback import RollbackRequest, rollback
from plimsoll.workflows.site import Actor, Site
from tests.fake_cluster import FakeCluster
from tests.fakes import FakeClock, FakeReporter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from plimsoll.domain.ledger import History
    from plimsoll.domain.outcome import DeployResult, RollbackResult
    from plimsoll.domain.plan import DeployPlan
    from plimsoll.domain.plan_file import SavedPlan
    from plimsoll.domain.plan_report import PlanResult

REPOSITORY = "localhost:5001/hello"
REVISION = "0123456789abcdef0123456789abcdef01234567"
STAGING = Environment(name="staging", namespace="hello-staging", overlay="overlays/staging", port=8081, node_port=30081)
PRODUCTION = replace(
    STAGING,
    name="production",
    namespace="hello-production",
    overlay="overlays/production",
    protected=True,
    port=8082,
    node_port=30082,
)
PROJECT = Project(
    name="hello",
    source="https://example.org/hello",
    registry=Registry(repository=REPOSITORY),
    cluster=ClusterSettings(name="hello"),
    services={
        name: Service(name=name, dockerfile=f"{name}.Dockerfile", context=name, bases=()) for name in ("web", "worker", "store")
    },
    bases={},
    environments={each.name: each for each in (STAGING, PRODUCTION)},
    secrets={"hello-secrets": SecretSpec(name="hello-secrets", keys={"store-password": 32})},
    smoke=(SmokeCheck(name="ready", path="/health/ready"), SmokeCheck(name="greetings", path="/api/greetings")),
    rollout=RolloutSettings(timeout=60, rollback_timeout=60, smoke_timeout=10, grace=10),
)


def image(
    service: str, content: str = "1", *, schema: str | None = None, tag: str | None = None, verdict: str = "clean"
) -> Image:
    """Return an image whose digest follows from its service and content."""
    found = digest(f"sha256:{hashlib.sha256(f'{service} {content}'.encode()).hexdigest()}")
    return Image(
        service=service,
        repository=f"{REPOSITORY}/{service}",
        tag=tag or found.removeprefix("sha256:")[:16],
        digest=found,
        unpacked_bytes=10_000_000,
        labels={"org.opencontainers.image.revision": REVISION},
        scan=ScanSummary(verdict=verdict, database_date="2030-01-01T00:00:00Z"),
        schema=schema,
    )


def images(web: str = "1", worker: str = "1", *, schema: str = "schema-1") -> dict[str, Image]:
    """Return the images of the application; `web` carries the migrations."""
    return {"web": image("web", web, schema=schema), "worker": image("worker", worker), "store": image("store")}


def record(**changes: Any) -> Release:  # noqa: ANN401 -- the fields of a Release
    """Return the pending record of a release, with the given fields changed."""
    release = Release(
        name="staging-3",
        environment="staging",
        number=3,
        state=State.PENDING,
        git_revision=REVISION,
        dirty=False,
        images=images(),
        content="sha256:abc",
        actor="ada",
        started_at="2030-01-02T03:04:05Z",
        workloads={"Deployment/web": "staging-2"},
        inventory=("v1/ConfigMap:hello-staging:web-config",),
        smoke=(SmokeResult(name="ready", path="/health/ready", passed=True, status=200, seconds=0.01),),
        secrets={"hello-secrets/store-password": "salt:hash"},
        timings={"workloads": 3.25},
    )
    return replace(release, **changes)


@dataclass
class Overlay:
    """A renderer (port) of the application: `change` may edit the objects of the next render."""

    settings: str = "greeting=hello"
    change: Callable[[list[dict[str, Any]]], None] = field(default=lambda _objects: None)

    def render(self, environment: Environment, references: Mapping[str, str]) -> tuple[dict[str, Any], ...]:
        """Return the objects of `environment` with the references filled in."""
        suffix = "".join("bcdfghkmt2456789"[int(char, 16)] for char in hashlib.sha256(self.settings.encode()).hexdigest()[:10])
        config = f"web-config-{suffix}"
        objects = [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": environment.namespace}},
            _object("v1", "ConfigMap", config, environment, data={"settings": self.settings}),
            _object("v1", "ServiceAccount", "web", environment),
            _service("store", environment),
            _workload("StatefulSet", "store", environment, references),
            _job("web-migrate", environment, references),
            _service("web", environment),
            _workload("Deployment", "web", environment, references, config=config),
            _workload("Deployment", "worker", environment, references),
            _autoscaler("web", environment),
        ]
        self.change(objects)
        return tuple(objects)


def _object(api: str, kind: str, name: str, environment: Environment, **rest: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": environment.namespace}, **rest}


def _labels(name: str) -> dict[str, str]:
    return {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "hello"}


def _service(name: str, environment: Environment) -> dict[str, Any]:
    return _object("v1", "Service", name, environment, spec={"selector": _labels(name), "ports": [{"port": 80}]})


def _workload(
    kind: str, name: str, environment: Environment, references: Mapping[str, str], *, config: str | None = None
) -> dict[str, Any]:
    container: dict[str, Any] = {
        "name": name,
        "image": references.get(name, name),
        "env": [{"name": "GREETING", "value": "hi"}],
        "resources": {"requests": {"cpu": "10m"}},
    }
    if config:
        container["envFrom"] = [{"configMapRef": {"name": config}}]
    template = {"metadata": {"labels": _labels(name)}, "spec": {"containers": [container]}}
    spec = {"replicas": 1, "selector": {"matchLabels": _labels(name)}, "template": template}
    return _object("apps/v1", kind, name, environment, spec=spec)


def _job(name: str, environment: Environment, references: Mapping[str, str]) -> dict[str, Any]:
    container = {"name": "migrate", "image": references.get("web", "web"), "args": ["migrate"]}
    template = {"metadata": {"labels": _labels("migrate")}, "spec": {"containers": [container], "restartPolicy": "Never"}}
    return _object("batch/v1", "Job", name, environment, spec={"backoffLimit": 0, "template": template})


def _autoscaler(name: str, environment: Environment) -> dict[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    spec = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 3}
    return _object("autoscaling/v2", "HorizontalPodAutoscaler", name, environment, spec=spec)


class FakeHttp:
    """Answers 200 to everything (port Http), unless `answers` has another status, or an exception's text, for a path's end."""

    def __init__(self) -> None:
        self.answers: dict[str, int | str] = {}
        self.asked: list[str] = []

    def get(self, url: str, *, timeout: float) -> SimpleNamespace:  # noqa: ARG002 -- the port's own word
        self.asked.append(url)
        found = next((answer for end, answer in self.answers.items() if url.endswith(end)), 200)
        if isinstance(found, str):
            return SimpleNamespace(status=None, body="", error=found)
        return SimpleNamespace(status=found, body="fine", error="")


class FakeRegistry:
    """Has every image but those in `gone` (port ImageRegistry)."""

    def __init__(self) -> None:
        self.gone: set[str] = set()

    def digest(self, reference: str) -> str | None:
        return None if reference in self.gone else reference.partition("@")[2]

    def push(self, image: Image, *, reporter: FakeReporter) -> SimpleNamespace:  # noqa: ARG002 -- the port's own words
        return SimpleNamespace(pushed=True, bytes_moved=1)


class FakeStop:
    """A signal that arrives when a test sends it (port Stop)."""

    def __init__(self) -> None:
        self.sent = False
        self.ignored = False

    def check(self) -> None:
        if self.sent and not self.ignored:
            raise Interrupted("stopped by SIGTERM")

    def ignore(self) -> None:
        self.ignored = True

    @contextmanager
    def listening(self) -> Iterator[None]:
        yield


class World:
    """The application's environments on one fake cluster, driven as the tasks drive them."""

    def __init__(self, behaviour: str | Callable[[dict[str, Any]], str] = "ready") -> None:
        self.clock = FakeClock()
        self.cluster = FakeCluster(self.clock, behaviour=behaviour)
        self.reporter = FakeReporter()
        self.http = FakeHttp()
        self.registry = FakeRegistry()
        self.overlay = Overlay()
        self.schemas = SimpleNamespace(problems=lambda _manifest: ())
        self.published: list[dict[str, Image]] = []
        self.asked: list[str] = []
        self.stop = FakeStop()
        self.project = PROJECT
        self.host = "here"

    def site(self, environment: Environment = STAGING) -> Site:
        """Return the site of one environment, as a process of its own would have it."""
        return Site(
            project=self.project,
            environment=environment,
            cluster=self.cluster,
            guard=lambda: None,
            server_time=self.cluster.server_time,
            logs=self.cluster,
            http=self.http,
            clock=self.clock,
            reporter=self.reporter,
            stop=self.stop,
            actor=Actor(name="ada", host=self.host, pid=1, token="first"),  # noqa: S106 -- it tells processes apart, and opens nothing,
        )

    def deploy(
        self,
        released: Mapping[str, Image] | None = None,
        environment: Environment = STAGING,
        *,
        dirty: bool = False,
        proven: History | None = None,
        terms: Terms | None = None,
        dry_run: bool = False,
        take_over: bool = False,
        data_loss: bool = False,
        wait_lock: float = 30,
        saved: SavedPlan | None = None,
        attested: bool = False,
    ) -> DeployResult:
        """Deploy images, or a saved plan, as `inv deploy` would."""
        candidate = saved.candidate if saved else Candidate(images=released or images(), git_revision=REVISION, dirty=dirty)
        request = DeployRequest(
            candidate=candidate,
            proven=proven,
            terms=terms or Terms(),
            saved=saved,
            attested=attested,
            dry_run=dry_run,
            take_over=take_over,
            data_loss=data_loss,
            wait_lock=wait_lock,
        )
        return deploy(request, self.site(environment), self._supply(), approve=self._approve)

    def plan(
        self,
        released: Mapping[str, Image] | None = None,
        environment: Environment = STAGING,
        **request: Any,  # noqa: ANN401 -- the fields of a DeployRequest
    ) -> PlanResult:
        """Plan a deploy, as `inv plan` would."""
        supply = self._supply(recorded=request.pop("recorded", False))
        candidate = Candidate(images=released or images(), git_revision=REVISION, dirty=request.pop("dirty", False))
        return show_plan(DeployRequest(candidate=candidate, **request), self.site(environment), supply)

    def _supply(self, *, recorded: bool = False) -> Supply:
        return Supply(
            renderer=self.overlay,
            schemas=lambda: self.schemas,
            registry=self.registry,
            publish=self._publish,
            recorded=recorded,
        )

    def rollback(self, to: str | None = None, environment: Environment = STAGING, *, wait_lock: float = 30) -> RollbackResult:
        """Roll back, as `inv rollback` would."""
        request = RollbackRequest(to=to, wait_lock=wait_lock)
        return rollback(request, self.site(environment), approve=lambda target, _left: self.asked.append(target.name))

    def history(self, environment: Environment = STAGING) -> History:
        return self.site(environment).ledger.history()

    def states(self, environment: Environment = STAGING) -> dict[str, str]:
        """Return release -> state, oldest first."""
        return {release.name: release.state.value for release in self.history(environment).releases}

    def release(self, name: str, environment: Environment = STAGING) -> Release:
        found = self.history(environment).named(name)
        assert found is not None, f"no record {name}"
        return found

    def live(self, kind: str, name: str, environment: Environment = STAGING) -> dict[str, Any]:
        found = self.cluster.get(kind, name, environment.namespace)
        assert found is not None, f"{kind}/{name} is not there"
        return found

    def mark(self, workload: str, kind: str = "apps/v1/Deployment", environment: Environment = STAGING) -> str | None:
        """Return the release that a workload's pods say they are."""
        env = self.live(kind, workload, environment)["spec"]["template"]["spec"]["containers"][0].get("env", [])
        return next((each["value"] for each in env if each["name"] == "RELEASE"), None)

    def writes(self) -> list[tuple[str, str, str]]:
        """Return the requests that changed environments: verb, kind, name. Lock and ledger do not count."""
        return [
            (call.verb, call.kind.rpartition("/")[2], call.name)
            for call in self.cluster.calls
            if call.verb in {"apply", "create", "replace", "delete"}
            and not call.dry_run
            and call.namespace != "plimsoll"
            and call.name != "plimsoll"
        ]

    def free(self, environment: Environment = STAGING) -> bool:
        """Tell whether nobody holds the environment's lock."""
        lease = self.cluster.get("coordination.k8s.io/v1/Lease", f"hello-{environment.name}", "plimsoll")
        return lease is None or not lease["spec"].get("holderIdentity")

    def _publish(self, found: Mapping[str, Image]) -> dict[str, Image]:
        self.published.append(dict(found))
        return dict(found)

    def _approve(self, plan: DeployPlan) -> Approval:
        self.asked.append(plan.environment)
        return Approval(kind="typed", by="grace", at="2030-01-02T03:04:05Z")
