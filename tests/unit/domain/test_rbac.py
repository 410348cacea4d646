"""The least rights that a deployer needs: nothing that a release does is missing, and nothing else is in there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from plimsoll.adapters.kube_schema import KubernetesSchemas
from plimsoll.domain.manifests import ref
from plimsoll.domain.project import SecretSpec
from plimsoll.domain.rbac import Right, needed, plural_of, recorded
from plimsoll.domain.rbac_objects import Account, role_objects, rules
from plimsoll.errors import Failed, Misconfigured
from plimsoll.wiring.render import KUBERNETES
from plimsoll.workflows.status import history, status
from tests.fake_site import STAGING, World, images

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plimsoll.domain.project import Environment
    from plimsoll.workflows.site import Site
    from tests.fake_cluster import Call

PLACE = "hello-staging"
VERBS = {
    "get": ("get",),
    "list": ("list",),
    "watch": ("list", "watch"),
    # A server-side apply is a patch, and needs the right to create for what is not there yet.
    "apply": ("patch", "create"),
    "patch": ("patch",),
    "create": ("create",),
    "replace": ("update",),
    "delete": ("delete",),
    "logs": ("get",),
}
PLURALS = {
    "v1/ConfigMap": ("", "configmaps"),
    "v1/Event": ("", "events"),
    "v1/Namespace": ("", "namespaces"),
    "v1/PersistentVolumeClaim": ("", "persistentvolumeclaims"),
    "v1/Pod": ("", "pods"),
    "v1/Secret": ("", "secrets"),
    "v1/Service": ("", "services"),
    "v1/ServiceAccount": ("", "serviceaccounts"),
    "apps/v1/Deployment": ("apps", "deployments"),
    "apps/v1/ReplicaSet": ("apps", "replicasets"),
    "apps/v1/StatefulSet": ("apps", "statefulsets"),
    "autoscaling/v2/HorizontalPodAutoscaler": ("autoscaling", "horizontalpodautoscalers"),
    "batch/v1/Job": ("batch", "jobs"),
    "coordination.k8s.io/v1/Lease": ("coordination.k8s.io", "leases"),
    "discovery.k8s.io/v1/EndpointSlice": ("discovery.k8s.io", "endpointslices"),
}


class Guarded(World):
    """Asks before each wave which cluster it is, as real environments do."""

    def site(self, environment: Environment = STAGING) -> Site:
        return replace(super().site(environment), guard=self.cluster.identity)


def asked(call: Call) -> Iterator[Right]:
    """Yield the rights that a request takes."""
    for kind in call.kind.split(","):
        group, plural = PLURALS[kind]
        for verb in VERBS[call.verb]:
            name = "" if verb in {"list", "watch", "create"} else call.name
            yield Right(call.namespace, group, f"{plural}/log" if call.verb == "logs" else plural, verb, name)


def everything() -> set[Right]:
    """Do all that is done to an environment, and return the rights that it took."""
    world = Guarded()
    # The namespace is there already, as it is where somebody granted rights in it.
    world.cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": PLACE}})
    world.deploy()
    world.overlay.settings = "greeting=good day"
    more = SecretSpec(name="hello-secrets", keys={"store-password": 32, "token": 32})
    world.project = replace(world.project, secrets={"hello-secrets": more})
    world.deploy(images(web="2"))
    leaving = pod_of(world)
    world.cluster.put({**leaving, "metadata": {**leaving["metadata"], "name": "old", "deletionTimestamp": "now"}})
    crash(world)
    world.rollback()
    free_a_stuck_pod(world)
    kill_and_repair(world)
    remove_all(world)
    hold(world)
    status(world.site())
    history(world.site())
    return {right for call in world.cluster.calls for right in asked(call)}


def pod_of(world: World) -> dict[str, Any]:
    """Return a pod; that the test looks at it takes no right of a deployer."""
    before = len(world.cluster.calls)
    found = world.live("v1/Pod", "store-0")
    del world.cluster.calls[before:]
    return found


def crash(world: World) -> None:
    world.cluster.behaviour = lambda workload: "crash" if images(web="3")["web"].digest in str(workload) else "ready"
    world.cluster.said["web", "web", False] = "no settings"
    with pytest.raises(Failed):
        world.deploy(images(web="3"))
    world.cluster.behaviour = "ready"


def free_a_stuck_pod(world: World) -> None:
    pod = pod_of(world)
    pod["metadata"]["labels"]["controller-revision-hash"] = "store-older"
    pod["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
    world.cluster.put(pod, "kubelet")
    world.deploy(images(web="4"))


def kill_and_repair(world: World) -> None:
    class Killed(BaseException):
        pass

    def die(call: Call) -> None:
        if call.verb == "create" and call.kind == "v1/ConfigMap" and call.name.endswith(f"-{number}"):
            raise Killed

    number = world.history().next_number
    world.cluster.on_call.append(die)
    with pytest.raises(Killed):
        world.deploy(images(web="6"))
    world.cluster.on_call.clear()
    world.deploy(images(web="7"))


def remove_all(world: World) -> None:
    def only_a_namespace(objects: list[dict[str, Any]]) -> None:
        objects[:] = [each for each in objects if each["kind"] == "Namespace"]

    world.overlay.change = only_a_namespace
    # Configuration outlives its release by a few others; with that over, it goes as well.
    rollout = replace(world.project.rollout, keep_configurations=1)
    world.project = replace(world.project, rollout=rollout)
    world.deploy(images(web="8"))


def hold(world: World) -> None:
    world.site().holds.acquire("eve", "load test", "1h")
    world.site().holds.release("eve")


def granted() -> frozenset[Right]:
    world = World()
    objects = world.overlay.render(STAGING, {})
    return needed(objects, application="hello", environment=STAGING, secrets=("hello-secrets",))


def test_whatever_a_release_asks_of_the_api_server_is_granted_and_nothing_else_is() -> None:
    used, rights = everything(), granted()
    missing = {right for right in used if not any(each.covers(right) for each in rights)}
    idle = {right for right in rights if not any(right.covers(each) for each in used)}
    assert sorted(map(str, missing)) == []
    assert sorted(map(str, idle)) == []


def test_the_rendered_roles_grant_the_rights_and_no_more() -> None:
    objects = role_objects(granted(), "hello", "staging", Account.parse("ci/deployer"))
    found = set()
    for role in objects:
        for rule in role.get("rules", ()):
            found |= {
                Right(role["metadata"].get("namespace", ""), group, resource, verb, name)
                for group in rule["apiGroups"]
                for resource in rule["resources"]
                for verb in rule["verbs"]
                for name in rule.get("resourceNames", [""])
            }
    assert found == granted()
    assert "*" not in str(objects)


def test_the_rendered_objects_fit_the_api_and_are_bound_to_the_account() -> None:
    objects = role_objects(granted(), "hello", "staging", Account.parse("ci/deployer"))
    schemas = KubernetesSchemas(KUBERNETES)
    assert [schemas.problems(each) for each in objects if schemas.problems(each)] == []
    assert [ref(each).short for each in objects] == [
        "Namespace/ci", "Namespace/hello-staging", "Namespace/plimsoll", "ServiceAccount/deployer",
        "ClusterRole/plimsoll-hello-staging", "ClusterRoleBinding/plimsoll-hello-staging",
        "Role/plimsoll-hello-staging", "RoleBinding/plimsoll-hello-staging",
        "Role/plimsoll-hello-staging", "RoleBinding/plimsoll-hello-staging",
    ]  # fmt: skip
    subjects = [each["subjects"] for each in objects if "subjects" in each]
    assert subjects == [[{"kind": "ServiceAccount", "name": "deployer", "namespace": "ci"}]] * 3


def test_a_release_never_takes_the_roles_for_its_own_and_prunes_them() -> None:
    objects = role_objects(granted(), "hello", "staging", Account.parse("deployer"))
    assert not [each for each in objects if "app.kubernetes.io/managed-by" in each["metadata"].get("labels", {})]


def only(*objects: dict[str, Any], environment: Environment = STAGING) -> set[str]:
    """Return in words what these objects take beyond what every environment does."""
    base = needed((), application="hello", environment=environment)
    more = needed(objects, application="hello", environment=environment)
    return {str(right) for right in more - base}


def manifest(api: str, kind: str, name: str = "x", **rest: Any) -> dict[str, Any]:  # noqa: ANN401 -- fields of an object
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name}, **rest}


def test_where_no_address_leads_the_smoke_test_may_ask_through_the_api_server() -> None:
    hidden = replace(STAGING, port=None, node_port=None)
    more = needed((), application="hello", environment=hidden) - needed((), application="hello", environment=STAGING)
    assert {str(right) for right in more} == {
        "get services/proxy in the namespace hello-staging",
        "list services in the namespace hello-staging",
    }


def test_what_holds_data_may_not_be_deleted() -> None:
    claim = manifest("v1", "PersistentVolumeClaim")
    assert not [right for right in only(claim) if right.startswith("delete")]


def test_what_is_in_no_namespace_is_granted_by_name() -> None:
    found = only(manifest("scheduling.k8s.io/v1", "PriorityClass", "high"))
    assert found == {
        "create priorityclasses.scheduling.k8s.io in the whole cluster",
        *(f"{verb} priorityclasses.scheduling.k8s.io 'high' in the whole cluster" for verb in ("get", "patch", "delete")),
    }


def test_custom_resources_are_found_under_the_plural_that_their_definition_gives() -> None:
    spec = {"group": "shop.example", "names": {"kind": "Ox", "plural": "oxen"}, "scope": "Namespaced"}
    definition = manifest("apiextensions.k8s.io/v1", "CustomResourceDefinition", "oxen.shop.example", spec=spec)
    found = only(definition, manifest("shop.example/v1", "Ox"))
    verbs = ("get", "list", "watch", "create", "patch", "delete")
    assert {f"{verb} oxen.shop.example in the namespace {PLACE}" for verb in verbs} <= found
    assert "list customresourcedefinitions.apiextensions.k8s.io in the whole cluster" in found


def test_what_only_an_earlier_release_had_is_looked_after_too() -> None:
    world = World()
    world.deploy()
    world.overlay.change = lambda objects: objects.remove(next(each for each in objects if each["kind"] == "StatefulSet"))
    world.deploy(images(web="2"))
    present = world.overlay.render(STAGING, {})
    now = needed(present, application="hello", environment=STAGING)
    earlier = needed((*present, *recorded(world.history())), application="hello", environment=STAGING)
    own = {f"{verb} statefulsets.apps in the namespace {PLACE}" for verb in ("get", "list", "watch", "create", "patch", "delete")}
    claims = {f"{verb} persistentvolumeclaims in the namespace {PLACE}" for verb in ("list", "watch")}
    assert {str(right) for right in earlier - now} == own | claims


def test_nobody_hands_out_more_than_is_theirs() -> None:
    rule = {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}
    role = manifest("rbac.authorization.k8s.io/v1", "Role", "reader", rules=[rule])
    own = manifest("rbac.authorization.k8s.io/v1", "RoleBinding", roleRef={"kind": "Role", "name": "reader"})
    others = manifest("rbac.authorization.k8s.io/v1", "RoleBinding", "y", roleRef={"kind": "ClusterRole", "name": "view"})
    found = only(role, own, others)
    assert f"get nodes in the namespace {PLACE}" in found
    assert f"bind clusterroles.rbac.authorization.k8s.io 'view' in the namespace {PLACE}" in found
    assert not [right for right in found if "'reader'" in right]


@pytest.mark.parametrize(
    ("kind", "plural"),
    [
        ("NetworkPolicy", "networkpolicies"), ("Ingress", "ingresses"), ("Endpoints", "endpoints"), ("Deployment", "deployments"),
        ("StorageClass", "storageclasses"), ("PodDisruptionBudget", "poddisruptionbudgets"),
    ],
)  # fmt: skip
def test_plurals_are_those_of_the_api(kind: str, plural: str) -> None:
    assert plural_of(kind) == plural


def test_resources_with_the_same_verbs_share_a_rule() -> None:
    rights = [Right("a", "apps", resource, verb) for resource in ("deployments", "statefulsets") for verb in ("get", "list")]
    assert rules(rights) == [{"apiGroups": ["apps"], "resources": ["deployments", "statefulsets"], "verbs": ["get", "list"]}]


@pytest.mark.parametrize("text", ["", "Deployer", "a/b/c", "/x", "x/"])
def test_an_account_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        Account.parse(text)
    assert refused.value.where == "--service-account"
