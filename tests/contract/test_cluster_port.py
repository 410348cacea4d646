"""The port Cluster: reading and applying, the same cases against the fake and against a real API server."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from plimsoll.domain.inventory import inventory_id, listed, parent
from plimsoll.domain.manifests import Conflict, copied, ref
from plimsoll.domain.owned_fields import owns, settled
from plimsoll.errors import Failed, Misconfigured
from plimsoll.workflows.apply import apply
from tests.contract.cluster_site import DEPLOYMENT, MAP, config_map, deployment

if TYPE_CHECKING:
    from tests.contract.cluster_site import Fake, Real


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
