"""The inventory of an environment: its ID, its members, and the parent object that stands for it."""

from __future__ import annotations

from plimsoll.domain.inventory import inventory_id, is_listed, listed, parent
from plimsoll.domain.manifests import Ref

WEB = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop", "labels": {"a": "b"}}}
DEPLOYMENT = Ref("apps/v1", "Deployment", "shop", "web")
ROLE = Ref("rbac.authorization.k8s.io/v1", "ClusterRole", "", "shop")
SERVICE = Ref("v1", "Service", "other", "web")


def test_the_id_is_the_one_of_the_specification() -> None:
    # printf 'shop-staging.plimsoll.ConfigMap.' | openssl dgst -sha256 -binary | basenc --base64url
    assert inventory_id("shop", "staging") == "applyset-Mo7SELeZ1Hat2SJ_jm2vTTf42KWwGNSa6iqwxMUfp-U-v1"


def test_another_environment_has_another_id() -> None:
    assert inventory_id("shop", "staging") != inventory_id("shop", "production")
    assert len(inventory_id("a" * 63, "b" * 63)) <= 63


def test_a_member_carries_the_id_and_its_pods_do_not() -> None:
    manifest = {**WEB, "spec": {"template": {"metadata": {"labels": {"app": "web"}}, "spec": {}}}}
    member = listed(manifest, "applyset-x-v1")
    assert member["metadata"]["labels"] == {"a": "b", "applyset.kubernetes.io/part-of": "applyset-x-v1"}
    assert member["spec"] == manifest["spec"]
    assert is_listed(member)
    assert not is_listed(manifest)


def test_the_parent_names_the_kinds_and_namespaces_of_its_members() -> None:
    metadata = parent("shop", "staging", [DEPLOYMENT, ROLE, SERVICE], tooling="plimsoll/v1.2.3")["metadata"]
    assert (metadata["name"], metadata["namespace"]) == ("shop-staging", "plimsoll")
    assert metadata["labels"]["applyset.kubernetes.io/id"] == inventory_id("shop", "staging")
    assert metadata["annotations"] == {
        "applyset.kubernetes.io/tooling": "plimsoll/v1.2.3",
        "applyset.kubernetes.io/contains-group-kinds": "ClusterRole.rbac.authorization.k8s.io,Deployment.apps,Service",
        "applyset.kubernetes.io/additional-namespaces": "other,shop",
    }


def test_while_a_release_is_under_way_the_parent_names_what_was_and_what_will_be() -> None:
    before = parent("shop", "staging", [SERVICE], tooling="plimsoll/v1.2.3")
    annotations = parent("shop", "staging", [DEPLOYMENT], tooling="plimsoll/v1.2.3", before=before)["metadata"]["annotations"]
    assert annotations["applyset.kubernetes.io/contains-group-kinds"] == "Deployment.apps,Service"
    assert annotations["applyset.kubernetes.io/additional-namespaces"] == "other,shop"
