"""The ports Cluster, Identified and PodLogs: the same cases against the fake and against a real API server."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from plimsoll.adapters.kube_http import Request
from plimsoll.adapters.kube_logs import KubePodLogs
from plimsoll.domain import immutable
from plimsoll.domain.inventory import inventory_id, listed, parent
from plimsoll.domain.manifests import Conflict, copied, ref
from plimsoll.domain.owned_fields import owns, settled
from plimsoll.errors import Failed, Misconfigured
from plimsoll.workflows.apply import apply
from tests.contract import real_cluster
from tests.fake_cluster import FakeCluster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from plimsoll.adapters.kube import KubeCluster

MAP, DEPLOYMENT, JOB, LEASE = "v1/ConfigMap", "apps/v1/Deployment", "batch/v1/Job", "coordination.k8s.io/v1/Lease"


class Fake:
    """The fake, with a namespace and a second writer."""

    namespace = "shop"

    def __init__(self) -> None:
        self.cluster: Any = FakeCluster()
        self.logs: Any = self.cluster
        self.cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})

    def edit(self, kind: str, name: str, changes: dict[str, Any]) -> None:
        self.cluster.edit(kind, name, self.namespace, changes)

    def meanwhile(self, action: Callable[[], object]) -> None:
        """Do something while a watch is under way."""
        self.cluster.later(1, action)


class Real:
    """A real API server, with an own namespace and a second writer who edits as people do."""

    def __init__(self, cluster: KubeCluster, namespace: str) -> None:
        self.cluster: Any = cluster
        self.logs: Any = KubePodLogs(cluster)
        self.namespace = namespace

    def edit(self, kind: str, name: str, changes: dict[str, Any]) -> None:
        resource = self.cluster._known(kind, 10)
        request = Request(
            method="PATCH",
            path=resource.path(name, self.namespace),
            query={"fieldManager": "kubectl-edit"},
            body=changes,
            content_type="application/merge-patch+json",
            target=name,
            timeout=10,
        )
        self.cluster.connection.send(request)

    def meanwhile(self, action: Callable[[], object]) -> None:
        threading.Timer(1, action).start()


@pytest.fixture(scope="module")
def real() -> Iterator[Real]:
    cluster = real_cluster.connect()
    with real_cluster.namespace(cluster) as name:
        yield Real(cluster, name)


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.cluster)])
def site(request: pytest.FixtureRequest) -> Fake | Real:
    return Fake() if request.param == "fake" else request.getfixturevalue("real")


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """Return a name of this test's own, for all of them share the real namespace."""
    return "".join(char if char.isalnum() else "-" for char in request.node.originalname.removeprefix("test_"))[:50].strip("-")


def config_map(site: Fake | Real, name: str, data: dict[str, str], **metadata: object) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": site.namespace, **metadata},
        "data": data,
    }


def deployment(site: Fake | Real, name: str, **spec: object) -> dict[str, Any]:
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": "main", "image": "registry.k8s.io/pause:3.10"}]},
    }
    base = {"replicas": 0, "selector": {"matchLabels": {"app": name}}, "template": template}
    metadata = {"name": name, "namespace": site.namespace}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {**base, **spec}}


def lease(site: Fake | Real, name: str, holder: str, version: str | None = None) -> dict[str, Any]:
    metadata = {"name": name, "namespace": site.namespace, **({"resourceVersion": version} if version else {})}
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": {"holderIdentity": holder}}


def test_the_identity_of_a_cluster_stays(site: Fake | Real) -> None:
    first, second = site.cluster.identity(), site.cluster.identity()
    assert first.uid
    assert (first.server, first.uid) == (second.server, second.uid)
    assert first.server.startswith("https://")


def test_what_is_not_there_is_none(site: Fake | Real) -> None:
    assert site.cluster.get(MAP, "nowhere", site.namespace) is None
    assert site.cluster.get(MAP, "nowhere", "no-such-namespace") is None
    assert site.cluster.list(MAP, "no-such-namespace") == ()


def test_apply_creates_and_get_returns_it(site: Fake | Real, name: str) -> None:
    made = site.cluster.apply(config_map(site, name, {"a": "1"}))
    found = site.cluster.get(MAP, name, site.namespace)
    assert found == made
    assert found["apiVersion"] == "v1"
    assert found["kind"] == "ConfigMap"
    assert found["metadata"]["uid"]


def test_applying_the_same_again_changes_nothing(site: Fake | Real, name: str) -> None:
    first = site.cluster.apply(config_map(site, name, {"a": "1"}))
    time.sleep(1.1)  # field ownership is dated in whole seconds
    second = site.cluster.apply(config_map(site, name, {"a": "1"}))
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


def test_a_field_that_is_left_out_falls_away(site: Fake | Real, name: str) -> None:
    site.cluster.apply(config_map(site, name, {"a": "1", "b": "2"}, labels={"x": "y"}))
    after = site.cluster.apply(config_map(site, name, {"a": "1"}))
    assert after["data"] == {"a": "1"}
    assert "labels" not in after["metadata"]


def test_what_others_added_stays(site: Fake | Real, name: str) -> None:
    site.cluster.apply(config_map(site, name, {"a": "1"}))
    site.edit(MAP, name, {"data": {"theirs": "2"}})
    after = site.cluster.apply(config_map(site, name, {"a": "3"}))
    assert after["data"] == {"a": "3", "theirs": "2"}


def test_a_dry_run_answers_and_changes_nothing(site: Fake | Real, name: str) -> None:
    site.cluster.apply(config_map(site, name, {"a": "1"}))
    would = site.cluster.apply(config_map(site, name, {"a": "2"}), dry_run=True)
    assert would["data"] == {"a": "2"}
    assert site.cluster.get(MAP, name, site.namespace)["data"] == {"a": "1"}
    site.cluster.apply(config_map(site, f"{name}-new", {"a": "2"}), dry_run=True)
    assert site.cluster.get(MAP, f"{name}-new", site.namespace) is None


def test_a_field_that_somebody_else_changed_is_a_conflict_that_names_both(site: Fake | Real, name: str) -> None:
    site.cluster.apply(deployment(site, name))
    site.edit(DEPLOYMENT, name, {"spec": {"minReadySeconds": 7}})
    for dry_run in (True, False):
        with pytest.raises(Conflict) as caught:
            site.cluster.apply(deployment(site, name, minReadySeconds=3), dry_run=dry_run)
        assert caught.value.target == f"Deployment/{name}"
        assert caught.value.fields == ((".spec.minReadySeconds", "kubectl-edit"),)
    assert site.cluster.get(DEPLOYMENT, name, site.namespace)["spec"]["minReadySeconds"] == 7


def test_force_takes_a_field_over_for_good(site: Fake | Real, name: str) -> None:
    site.cluster.apply(deployment(site, name))
    site.edit(DEPLOYMENT, name, {"spec": {"minReadySeconds": 7}})
    assert site.cluster.apply(deployment(site, name, minReadySeconds=3), force=True)["spec"]["minReadySeconds"] == 3
    assert site.cluster.apply(deployment(site, name, minReadySeconds=4))["spec"]["minReadySeconds"] == 4


def test_the_same_value_as_somebody_elses_is_no_conflict(site: Fake | Real, name: str) -> None:
    site.cluster.apply(deployment(site, name))
    site.edit(DEPLOYMENT, name, {"spec": {"minReadySeconds": 7}})
    assert site.cluster.apply(deployment(site, name, minReadySeconds=7))["spec"]["minReadySeconds"] == 7


def test_containers_are_merged_by_name(site: Fake | Real, name: str) -> None:
    first = deployment(site, name)
    main = first["spec"]["template"]["spec"]["containers"][0]
    main["env"] = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    site.cluster.apply(first)
    main["env"] = [{"name": "B", "value": "3"}]
    (after,) = site.cluster.apply(first)["spec"]["template"]["spec"]["containers"]
    assert after["env"] == [{"name": "B", "value": "3"}]
    assert after["image"] == main["image"]


def test_the_generation_counts_specifications_not_labels(site: Fake | Real, name: str) -> None:
    manifest = deployment(site, name)
    first = site.cluster.apply(manifest)["metadata"]["generation"]
    manifest["metadata"]["labels"] = {"x": "y"}
    assert site.cluster.apply(manifest)["metadata"]["generation"] == first
    manifest["spec"]["minReadySeconds"] = 2
    assert site.cluster.apply(manifest)["metadata"]["generation"] == first + 1


def test_our_own_changes_are_dated_in_the_managed_fields(site: Fake | Real, name: str) -> None:
    made = site.cluster.apply(config_map(site, name, {"a": "1"}))
    (ours,) = [each for each in made["metadata"]["managedFields"] if each["manager"] == "plimsoll"]
    assert ours["operation"] == "Apply"
    assert ours["time"].endswith("Z")
    assert json.dumps(ours["fieldsV1"]).count("f:a") == 1


def test_the_servers_books_prove_what_an_apply_would_not_change(site: Fake | Real, name: str) -> None:
    manifest = deployment(site, name, minReadySeconds=3)
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)"}]
    container["ports"] = [{"containerPort": 80}, {"containerPort": 81, "name": "admin"}]
    site.cluster.apply(manifest)
    assert settled(manifest, site.cluster.get(DEPLOYMENT, name, site.namespace))
    site.edit(DEPLOYMENT, name, {"spec": {"minReadySeconds": 7}})
    assert not settled(manifest, site.cluster.get(DEPLOYMENT, name, site.namespace))
    site.edit(DEPLOYMENT, name, {"spec": {"minReadySeconds": 3}})
    assert not settled(manifest, site.cluster.get(DEPLOYMENT, name, site.namespace))
    site.cluster.apply(manifest, force=True)
    assert settled(manifest, site.cluster.get(DEPLOYMENT, name, site.namespace))


def test_a_field_that_is_disowned_keeps_its_value_when_it_is_left_out(site: Fake | Real, name: str) -> None:
    site.cluster.apply(deployment(site, name, replicas=0, minReadySeconds=7))
    live = site.cluster.get(DEPLOYMENT, name, site.namespace)
    assert site.cluster.disown(live, "spec", "minReadySeconds")
    assert not owns(site.cluster.get(DEPLOYMENT, name, site.namespace), "spec", "minReadySeconds")
    after = site.cluster.apply(deployment(site, name, replicas=0))
    assert after["spec"]["minReadySeconds"] == 7
    assert owns(after, "spec", "replicas")
    assert after["metadata"]["generation"] == live["metadata"]["generation"]


def test_what_changed_since_it_was_seen_is_not_disowned(site: Fake | Real, name: str) -> None:
    live = site.cluster.apply(deployment(site, name, minReadySeconds=7))
    site.edit(DEPLOYMENT, name, {"metadata": {"labels": {"x": "y"}}})
    assert not site.cluster.disown(live, "spec", "minReadySeconds")
    site.cluster.delete(DEPLOYMENT, name, site.namespace)
    assert not site.cluster.disown(live, "spec", "minReadySeconds")


def test_replicas_go_to_an_autoscaler_as_they_are_and_a_new_workload_starts_at_its_floor(site: Fake | Real, name: str) -> None:
    here: Any = SimpleNamespace(cluster=site.cluster, stop=SimpleNamespace(check=lambda: None))
    floors = {("Deployment", name): 2, ("Deployment", f"{name}-new"): 2}
    # No node takes its pods: only the number is looked at.
    manifest = deployment(site, name, replicas=5)
    manifest["spec"]["template"]["spec"]["nodeSelector"] = {"plimsoll.dev/no": "node"}
    before = site.cluster.apply(manifest)["metadata"]["generation"]
    del manifest["spec"]["replicas"]
    new = copied(manifest)
    new["metadata"]["name"] = f"{name}-new"
    apply(here, [manifest, new], take_over=False, floors=floors)
    kept, fresh = (site.cluster.get(DEPLOYMENT, each, site.namespace) for each in (name, f"{name}-new"))
    assert (kept["spec"]["replicas"], kept["metadata"]["generation"]) == (5, before)
    assert fresh["spec"]["replicas"] == 2
    assert not owns(kept, "spec", "replicas")
    assert not owns(fresh, "spec", "replicas")
    assert settled(manifest, kept)


def test_the_parent_of_an_inventory_and_its_members_are_found_by_their_labels(site: Fake | Real, name: str) -> None:
    member = listed(config_map(site, name, {"a": "1"}), inventory_id(name, "staging"))
    found = parent(name, "staging", [ref(member)], tooling="plimsoll/v1.2.3")
    found["metadata"]["namespace"] = site.namespace
    site.cluster.apply(member)
    site.cluster.apply(found)
    labels = found["metadata"]["labels"]["applyset.kubernetes.io/id"]
    members = site.cluster.list(MAP, labels=f"applyset.kubernetes.io/part-of={labels}")
    assert [each["metadata"]["name"] for each in members] == [name]


def test_an_immutable_field_is_the_users_in_a_dry_run_and_a_failure_later(site: Fake | Real, name: str) -> None:
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "registry.k8s.io/pause:3.10"}]}
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": site.namespace},
        "spec": {"suspend": True, "template": {"spec": pod}},
    }
    site.cluster.apply(job)
    pod["containers"] = [{"name": "main", "image": "registry.k8s.io/pause:3.11"}]
    for dry_run, kind in ((True, Misconfigured), (False, Failed)):
        with pytest.raises(kind) as caught:
            site.cluster.apply(job, dry_run=dry_run)
        assert type(caught.value) is kind
        assert caught.value.code == "refused"
        assert f"Job/{name}" in caught.value.what
        assert "field is immutable" in caught.value.what


def test_an_object_of_a_namespace_that_does_not_exist_is_refused(site: Fake | Real, name: str) -> None:
    manifest = config_map(site, name, {"a": "1"})
    manifest["metadata"]["namespace"] = "no-such-namespace"
    with pytest.raises(Failed, match='namespaces "no-such-namespace" not found'):
        site.cluster.apply(manifest)


def test_an_object_that_names_no_namespace_is_refused(site: Fake | Real, name: str) -> None:
    manifest = config_map(site, name, {"a": "1"})
    del manifest["metadata"]["namespace"]
    with pytest.raises(Misconfigured, match="names no namespace"):
        site.cluster.apply(manifest)


def test_only_one_of_two_creates(site: Fake | Real, name: str) -> None:
    assert site.cluster.write(lease(site, name, "first"), create=True)["spec"]["holderIdentity"] == "first"
    assert site.cluster.write(lease(site, name, "second"), create=True) is None
    assert site.cluster.get(LEASE, name, site.namespace)["spec"]["holderIdentity"] == "first"


def test_only_the_version_that_was_seen_is_replaced(site: Fake | Real, name: str) -> None:
    seen = site.cluster.write(lease(site, name, "first"), create=True)["metadata"]["resourceVersion"]
    taken = site.cluster.write(lease(site, name, "second", seen))
    assert taken["spec"]["holderIdentity"] == "second"
    assert taken["metadata"]["resourceVersion"] != seen
    assert site.cluster.write(lease(site, name, "third", seen)) is None
    assert site.cluster.write(lease(site, name, "third", taken["metadata"]["resourceVersion"])) is not None


def test_what_is_gone_is_not_replaced(site: Fake | Real, name: str) -> None:
    seen = site.cluster.write(lease(site, name, "first"), create=True)["metadata"]
    site.cluster.delete(LEASE, name, site.namespace)
    again = lease(site, name, "second", seen["resourceVersion"])
    again["metadata"]["uid"] = seen["uid"]
    assert site.cluster.write(again) is None


def test_a_lease_that_is_gone_is_made_anew_unless_its_uid_is_named(site: Fake | Real, name: str) -> None:
    seen = site.cluster.write(lease(site, name, "first"), create=True)["metadata"]
    site.cluster.delete(LEASE, name, site.namespace)
    made = site.cluster.write(lease(site, name, "second", seen["resourceVersion"]))
    assert made["metadata"]["uid"] != seen["uid"]


def test_a_replacement_must_not_name_another_uid(site: Fake | Real, name: str) -> None:
    seen = site.cluster.write(lease(site, name, "first"), create=True)["metadata"]
    site.cluster.delete(LEASE, name, site.namespace)
    made = site.cluster.write(lease(site, name, "second"), create=True)["metadata"]
    again = lease(site, name, "third", made["resourceVersion"])
    again["metadata"]["uid"] = seen["uid"]
    assert site.cluster.write(again) is None


def test_of_many_writers_at_once_exactly_one_wins(site: Fake | Real, name: str) -> None:
    seen = site.cluster.write(lease(site, name, "nobody"), create=True)["metadata"]["resourceVersion"]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: site.cluster.write(lease(site, name, f"w{number}", seen)), range(8)))
    winners = [answer["spec"]["holderIdentity"] for answer in answers if answer]
    assert winners == [site.cluster.get(LEASE, name, site.namespace)["spec"]["holderIdentity"]]


def test_deleting_twice_is_no_error(site: Fake | Real, name: str) -> None:
    site.cluster.apply(config_map(site, name, {"a": "1"}))
    site.cluster.delete(MAP, name, site.namespace)
    site.cluster.delete(MAP, name, site.namespace)
    assert site.cluster.get(MAP, name, site.namespace) is None


def test_only_the_very_object_that_is_named_by_its_uid_is_deleted(site: Fake | Real, name: str) -> None:
    first = site.cluster.apply(config_map(site, name, {"a": "1"}))["metadata"]["uid"]
    site.cluster.delete(MAP, name, site.namespace)
    second = site.cluster.apply(config_map(site, name, {"a": "2"}))["metadata"]["uid"]
    site.cluster.delete(MAP, name, site.namespace, uid=first)
    assert site.cluster.get(MAP, name, site.namespace)["metadata"]["uid"] == second
    site.cluster.delete(MAP, name, site.namespace, uid=second)
    assert site.cluster.get(MAP, name, site.namespace) is None


def test_what_belongs_to_a_deleted_object_goes_with_it(site: Fake | Real, name: str) -> None:
    owner = site.cluster.apply(config_map(site, name, {"a": "1"}))
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": owner["metadata"]["uid"]}
    site.cluster.apply(config_map(site, f"{name}-child", {"a": "1"}, ownerReferences=[reference]))
    site.cluster.delete(MAP, name, site.namespace)
    deadline = time.monotonic() + 30
    while site.cluster.get(MAP, f"{name}-child", site.namespace) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_list_knows_its_kind_and_selects_by_labels(site: Fake | Real, name: str) -> None:
    for suffix, labels in (("a", {"of": name, "tier": "web"}), ("b", {"of": name, "tier": "data"}), ("c", {"of": name})):
        site.cluster.apply(config_map(site, f"{name}-{suffix}", {"a": "1"}, labels=labels))

    def chosen(labels: str) -> list[str]:
        found = site.cluster.list(MAP, site.namespace, labels=labels)
        assert {(each["apiVersion"], each["kind"]) for each in found} <= {("v1", "ConfigMap")}
        return sorted(each["metadata"]["name"].removeprefix(f"{name}-") for each in found)

    assert chosen(f"of={name}") == ["a", "b", "c"]
    assert chosen(f"of={name},tier=web") == ["a"]
    assert chosen(f"of={name},tier!=web") == ["b", "c"]
    assert chosen(f"of={name},tier") == ["a", "b"]
    everywhere = site.cluster.list(MAP, labels=f"of={name}")
    assert {each["metadata"]["namespace"] for each in everywhere} == {site.namespace}


def test_a_wave_is_applied_by_many_threads_at_once(site: Fake | Real, name: str) -> None:
    maps = [config_map(site, f"{name}-{number}", {"a": str(number)}, labels={"of": name}) for number in range(40)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(site.cluster.apply, maps))
    assert len(site.cluster.list(MAP, site.namespace, labels=f"of={name}")) == 40


def changes(site: Fake | Real, labels: str, count: int, *, timeout: float = 20) -> list[tuple[str, str]]:
    """Return the first `count` changes that a watch sees, as (event, name)."""
    found: list[tuple[str, str]] = []
    with closing(site.cluster.watch([MAP], site.namespace, timeout=timeout, labels=labels)) as news:
        for change in news:
            if change is not None:
                found.append((change[0], change[1].get("metadata", {}).get("name", "")))
            if len(found) == count:
                break
    return found


def test_a_watch_tells_what_is_there_then_what_changes(site: Fake | Real, name: str) -> None:
    site.cluster.apply(config_map(site, name, {"a": "1"}, labels={"of": name}))
    site.meanwhile(lambda: site.cluster.apply(config_map(site, name, {"a": "2"}, labels={"of": name})))
    assert changes(site, f"of={name}", 3) == [("MODIFIED", name), ("SYNCED", ""), ("MODIFIED", name)]


def test_a_watch_tells_what_is_new_and_what_is_gone(site: Fake | Real, name: str) -> None:
    def act() -> None:
        site.cluster.apply(config_map(site, name, {"a": "1"}, labels={"of": name}))
        site.cluster.apply(config_map(site, f"{name}-other", {"a": "1"}))
        site.cluster.delete(MAP, name, site.namespace)

    site.meanwhile(act)
    assert changes(site, f"of={name}", 3) == [("SYNCED", ""), ("MODIFIED", name), ("DELETED", name)]


def test_a_quiet_watch_ticks_every_second_and_ends_in_time(site: Fake | Real, name: str) -> None:
    ticks = [change for change in site.cluster.watch([MAP], site.namespace, timeout=3, labels=f"of={name}") if change is None]
    assert 2 <= len(ticks) <= 4


def test_a_watch_of_several_kinds_tells_when_each_is_known(site: Fake | Real) -> None:
    kinds = [MAP, DEPLOYMENT, JOB, "v1/Pod", "v1/Event"]
    synced = set()
    with closing(site.cluster.watch(kinds, site.namespace, timeout=20)) as news:
        for change in news:
            if change is not None and change[0] == "SYNCED":
                synced.add(f"{change[1]['apiVersion']}/{change[1]['kind']}")
            if len(synced) == len(kinds):
                break
    assert synced == set(kinds)


def test_a_pod_that_is_not_there_has_said_nothing(site: Fake | Real) -> None:
    assert site.logs.logs(site.namespace, "nobody", "main") == ""
    assert site.logs.events(site.namespace, "no-such-uid") == ()
    assert site.logs.kubectl()[0] == "kubectl"


CASES = {
    path.stem: yaml.safe_load(path.read_text()) for path in sorted((Path(__file__).parents[1] / "cases/immutable").glob("*.yaml"))
}
CLUSTER_WIDE = {"StorageClass", "PriorityClass", "IngressClass", "CustomResourceDefinition"}


def await_established(real: Real, kind: str, name: str) -> None:
    """Wait until a kind is served: before that the server lets all of it change."""
    deadline = time.monotonic() + 30
    while "Established" not in json.dumps((real.cluster.get(kind, name) or {}).get("status")):
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.cluster
@pytest.mark.parametrize(
    "case", [case for case in CASES.values() if case["fields"]], ids=[n for n, c in CASES.items() if c["fields"]]
)
def test_what_the_table_calls_immutable_the_server_refuses(real: Real, case: dict[str, Any]) -> None:
    live, wanted = copied(case["live"]), copied(case["wanted"])
    for each in (live, wanted):
        if each["kind"] not in CLUSTER_WIDE:
            each["metadata"]["namespace"] = real.namespace
    kind, name = f"{live['apiVersion']}/{live['kind']}", live["metadata"]["name"]
    real.cluster.apply(live)
    try:
        if live["kind"] == "CustomResourceDefinition":
            await_established(real, kind, name)
        with pytest.raises(Misconfigured):
            real.cluster.apply(wanted, dry_run=True)
        found = real.cluster.get(kind, name, wanted["metadata"].get("namespace"))
        explained = immutable.explain(found, wanted)
        assert explained is not None
        assert all(field in explained.what for field in case["fields"])
    finally:
        real.cluster.delete(kind, name, wanted["metadata"].get("namespace"))
