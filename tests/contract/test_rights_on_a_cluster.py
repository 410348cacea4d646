"""A service account with the rendered rights and no others releases on a real API server, which knows what each request takes."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from plimsoll.adapters.kube import KubeCluster
from plimsoll.adapters.kube_clock import server_time
from plimsoll.adapters.kube_http import Request
from plimsoll.adapters.kube_logs import KubePodLogs
from plimsoll.adapters.kube_rights import may
from plimsoll.adapters.kube_schema import KubernetesSchemas
from plimsoll.adapters.system import SystemClock
from plimsoll.domain.project import SecretSpec
from plimsoll.domain.promotion import Candidate
from plimsoll.domain.rbac import Right, needed
from plimsoll.domain.rbac_objects import Account, role_objects
from plimsoll.errors import Misconfigured
from plimsoll.wiring.render import KUBERNETES
from plimsoll.workflows.deploy import deploy
from plimsoll.workflows.deploy_plan import DeployRequest, Supply
from plimsoll.workflows.rollback import RollbackRequest, rollback
from plimsoll.workflows.site import Actor, Site
from plimsoll.workflows.status import history, status
from tests.contract import real_cluster
from tests.fake_site import PROJECT, REVISION, STAGING, FakeHttp, FakeRegistry, FakeStop, images
from tests.fakes import FakeReporter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from plimsoll.domain.outcome import DeployResult
    from plimsoll.domain.project import Environment

pytestmark = pytest.mark.cluster
NAME = f"plimsoll-rights-{os.getpid()}"
LABELS = {"app": "web"}


@dataclass
class Overlay:
    """An environment without pods: its Deployment has no replicas, so that no image is needed."""

    settings: str = "bcdfg"
    extras: bool = True

    def render(self, environment: Environment, references: Mapping[str, str]) -> tuple[dict[str, Any], ...]:
        """Return the objects of the environment (port Renderer)."""

        def inside(api: str, kind: str, name: str, **rest: object) -> dict[str, Any]:
            return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": environment.namespace}, **rest}

        container = {"name": "web", "image": references.get("web", "web")}
        template = {"metadata": {"labels": LABELS}, "spec": {"containers": [container]}}
        spec = {"replicas": 0, "selector": {"matchLabels": LABELS}, "template": template}
        extras = [
            inside("v1", "ServiceAccount", "web"),
            inside("policy/v1", "PodDisruptionBudget", "web", spec={"maxUnavailable": 1, "selector": {"matchLabels": LABELS}}),
            inside("networking.k8s.io/v1", "NetworkPolicy", "web", spec={"podSelector": {}}),
        ]
        return (
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": environment.namespace}},
            inside("v1", "ConfigMap", f"web-{self.settings}", data={"settings": self.settings}),
            inside("v1", "Service", "web", spec={"selector": LABELS, "ports": [{"port": 80}]}),
            inside("apps/v1", "Deployment", "web", spec=spec),
            *(extras if self.extras else ()),
        )


class Deployer:
    """Somebody who works as a service account, with the rights that were rendered for it."""

    def __init__(self, cluster: KubeCluster, overlay: Overlay) -> None:
        self.cluster = cluster
        self.overlay = overlay
        self.reporter = FakeReporter()
        self.environment = replace(STAGING, name="test", namespace=NAME)
        secrets = {"keys": SecretSpec(name="keys", keys={"a": 24})}
        environments = {"test": self.environment}
        self.project = replace(PROJECT, name=NAME, environments=environments, smoke=(), secrets=secrets)

    def site(self) -> Site:
        return Site(
            project=self.project,
            environment=self.environment,
            cluster=self.cluster,
            guard=self.cluster.identity,
            server_time=lambda: server_time(self.cluster.connection),
            logs=KubePodLogs(self.cluster),
            http=FakeHttp(),
            clock=SystemClock(),
            reporter=self.reporter,
            stop=FakeStop(),
            actor=Actor(name="robot", host="here", pid=os.getpid(), token="one"),  # noqa: S106 -- tells processes apart
        )

    def deploy(self, web: str) -> DeployResult:
        candidate = Candidate(images=images(web=web), git_revision=REVISION, dirty=False)
        schemas = KubernetesSchemas(KUBERNETES)
        supply = Supply(renderer=self.overlay, schemas=lambda: schemas, registry=FakeRegistry(), publish=lambda found: found)
        return deploy(DeployRequest(candidate=candidate), self.site(), supply, approve=lambda _plan: None)


def token(admin: KubeCluster) -> str:
    """Return a token of the service account, as the API server issues it."""
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
    path = f"/api/v1/namespaces/{NAME}/serviceaccounts/deployer/token"
    answer = admin.connection.send(Request(method="POST", path=path, body=body, target="TokenRequest", timeout=10))
    return str(answer.json()["status"]["token"])


@contextmanager
def granted(admin: KubeCluster, objects: tuple[dict[str, Any], ...]) -> Iterator[None]:
    """Apply the rendered objects for the block; afterwards they are gone, with all that was released."""
    for each in objects:
        admin.apply(each)
    try:
        yield
    finally:
        for each in reversed(objects):
            if each["metadata"]["name"] != "plimsoll":
                admin.delete(f"{each['apiVersion']}/{each['kind']}", each["metadata"]["name"], each["metadata"].get("namespace"))
        for kind in ("v1/ConfigMap", "coordination.k8s.io/v1/Lease"):
            for each in admin.list(kind, "plimsoll", labels=f"plimsoll.dev/application={NAME}"):
                admin.delete(kind, each["metadata"]["name"], "plimsoll")
        admin.delete("v1/ConfigMap", f"{NAME}-test", "plimsoll")


def as_deployer(admin: KubeCluster, folder: Path) -> KubeCluster:
    """Return the cluster as the service account sees it."""
    entries = yaml.safe_load(Path(real_cluster.kubeconfig_for_tests()).read_text())
    (context,) = (each["context"] for each in entries["contexts"] if each["name"] == admin.connection.access.context)
    (cluster,) = (each for each in entries["clusters"] if each["name"] == context["cluster"])
    path = folder / "kubeconfig"
    path.write_text(
        yaml.safe_dump(
            {
                "clusters": [cluster],
                "users": [{"name": "deployer", "user": {"token": token(admin)}}],
                "contexts": [{"name": "deployer", "context": {"cluster": cluster["name"], "user": "deployer"}}],
            }
        )
    )
    return KubeCluster.connect(path, "deployer")


def test_the_rendered_rights_are_enough_for_all_that_is_done_to_an_environment(tmp_path: Path) -> None:
    admin, overlay = real_cluster.connect(), Overlay()
    person = Deployer(admin, overlay)
    rendered = overlay.render(person.environment, {})
    rights = needed(rendered, application=NAME, environment=person.environment, secrets=person.project.secrets)
    with granted(admin, role_objects(rights, NAME, "test", Account.parse(f"{NAME}/deployer"))):
        person.cluster = as_deployer(admin, tmp_path)
        assert [str(right) for right in sorted(rights) if not may(person.cluster.connection, right)] == []
        assert person.deploy("1").outcome == "released"
        assert person.deploy("1").outcome == "unchanged"
        overlay.settings, overlay.extras = "hkmtb", False
        more = SecretSpec(name="keys", keys={"a": 24, "b": 24})
        rollout = replace(person.project.rollout, keep_configurations=1)
        person.project = replace(person.project, secrets={"keys": more}, rollout=rollout)
        assert person.deploy("2").outcome == "released"
        back = rollback(RollbackRequest(), person.site(), approve=lambda _target, _left: None)
        assert back.release.content_of == "test-1"
        # From now on only the newest stays whole: records and manifests of the others go.
        person.project = replace(person.project, rollout=replace(rollout, keep_releases=1))
        assert person.deploy("3").outcome == "released"
        person.site().holds.acquire("robot", "test", "1h")
        person.site().holds.release("robot")
        assert status(person.site()).release.name == "test-4"
        assert len(history(person.site()).releases) == 4
        assert [line for line in person.reporter.lines("warn") if "may not" in line or "could not" in line] == []
        refused(person.cluster)


def refused(cluster: KubeCluster) -> None:
    """Try what is no part of releasing: it is refused, by name."""
    with pytest.raises(Misconfigured) as missing:
        cluster.list("v1/Secret", NAME)
    assert missing.value.code == "right-missing"
    for right in (
        Right("kube-system", "", "secrets", "get"),
        Right("", "", "namespaces", "delete", NAME),
        Right("plimsoll", "", "secrets", "get"),
        Right(NAME, "", "pods/exec", "create"),
        Right("plimsoll", "coordination.k8s.io", "leases", "update", "somebody-elses"),
    ):
        assert not may(cluster.connection, right), str(right)
