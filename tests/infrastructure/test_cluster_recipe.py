"""The recipe of the kind node and what is installed into a cluster, as data: its parts agree with each other and the pins."""

from __future__ import annotations

import ipaddress
import json
import re
from pathlib import Path
from typing import Any

import pytest

from plimsoll.adapters.yaml_file import documents
from plimsoll.wiring import tools

ROOT = Path(__file__).parents[2]
CLUSTER = ROOT / "infrastructure" / "cluster"
NODE = CLUSTER / "node"
GO_MOD = (NODE / "go.mod").read_text()
REQUIRED = dict(re.findall(r"^\t(\S+) (v\S+)(?: // indirect)?$", GO_MOD, re.MULTILINE))


def tool(name: str, kind: str) -> str:
    return next(each.version for each in tools.versions().tools[name].sources if each.kind == kind)


def one(manifests: tuple[dict[str, Any], ...], kind: str) -> dict[str, Any]:
    (found,) = [each for each in manifests if each["kind"] == kind]
    return found


def test_the_kubectl_that_is_taken_from_the_node_is_of_the_release_that_is_compiled() -> None:
    assert REQUIRED["k8s.io/kubernetes"] == f"v{tool('kubectl', 'build')}"


def test_the_nodes_own_files_are_of_the_kind_that_makes_the_cluster() -> None:
    assert REQUIRED["sigs.k8s.io/kind"] == f"v{tool('kind', 'download')}"


def test_the_libraries_of_kubernetes_are_all_of_its_release() -> None:
    replaced = re.findall(r"^\t(k8s\.io/\S+) => \1 (v\S+)$", GO_MOD, re.MULTILINE)
    minor_and_patch = REQUIRED["k8s.io/kubernetes"].removeprefix("v1.")
    assert len(replaced) > 20
    assert {version for _module, version in replaced} == {f"v0.{minor_and_patch}"}


def test_every_module_that_is_compiled_has_its_hash() -> None:
    hashed = {tuple(line.split()[:2]) for line in (NODE / "go.sum").read_text().splitlines()}
    replaced = dict(re.findall(r"^\t(k8s\.io/\S+) => \S+ (v\S+)$", GO_MOD, re.MULTILINE))
    wanted = {(module, f"{replaced.get(module, version)}/go.mod") for module, version in REQUIRED.items()}
    assert wanted - hashed == set()


def test_a_pulled_node_is_of_the_same_minor_release() -> None:
    reference = tools.versions().images["kindest-node"].reference
    assert re.search(r":(v1\.\d+)\.", reference)[1] == ".".join(REQUIRED["k8s.io/kubernetes"].split(".")[:2])  # type: ignore[index]  # -- a pin without a tag fails here


def test_metrics_server_is_of_one_release_wherever_it_comes_from() -> None:
    assert f":{REQUIRED['sigs.k8s.io/metrics-server']}@" in tools.versions().images["metrics-server"].reference


def test_the_root_file_systems_of_the_dockerfiles_are_those_of_the_pins() -> None:
    named = {name.upper().replace("-", "_") + "_ROOT" for name in ("node", "node-build")}
    assert {"node", "node-build"} <= set(tools.versions().packages)
    for dockerfile, expected in (("node.Dockerfile", named), ("registry.Dockerfile", {"NODE_BUILD_ROOT"})):
        text = (CLUSTER / dockerfile).read_text()
        assert set(re.findall(r"^ARG (\w+_ROOT)$", text, re.MULTILINE)) == expected


def test_every_file_of_the_recipe_enters_the_image() -> None:
    copied = (CLUSTER / "node.Dockerfile").read_text() + (CLUSTER / "registry.Dockerfile").read_text()
    names = [path.name for path in NODE.iterdir()]
    assert [name for name in names if name not in copied] == []


def test_the_built_nodes_network_lies_within_the_pods_range() -> None:
    (kind,) = documents(CLUSTER / "kind.yaml")
    plugin = json.loads((NODE / "10-ptp.conflist").read_text())["plugins"][0]
    subnet = ipaddress.ip_network(plugin["ipam"]["ranges"][0][0]["subnet"])
    assert subnet.subnet_of(ipaddress.ip_network(kind["networking"]["podSubnet"]))  # type: ignore[arg-type]  # -- both are IPv4


def test_exactly_the_services_range_is_refused_where_nobody_serves() -> None:
    (kind,) = documents(CLUSTER / "kind.yaml")
    unit = (NODE / "unserved-services.service").read_text()
    assert set(re.findall(r"--destination (\S+)", unit)) == {kind["networking"]["serviceSubnet"]}
    assert set(re.findall(r"--append (\S+)", unit)) == {"OUTPUT", "FORWARD"}


def test_the_api_server_listens_on_this_machine_only() -> None:
    (kind,) = documents(CLUSTER / "kind.yaml")
    assert kind["networking"]["apiServerAddress"] == "127.0.0.1"


def test_nodes_look_registries_up_where_plimsoll_writes_them() -> None:
    (kind,) = documents(CLUSTER / "kind.yaml")
    assert any('config_path = "/etc/containerd/certs.d"' in patch for patch in kind["containerdConfigPatches"])


def test_kind_templates_the_network_manifest_as_it_demands() -> None:
    text = (NODE / "default-cni.yaml").read_text()
    assert "would you kindly template this file" in text
    assert "{{ .PodSubnet }}" in text


def test_the_registry_lets_images_be_deleted_and_listens_where_nodes_ask() -> None:
    (settings,) = documents(CLUSTER / "registry.yml")
    assert settings["storage"]["delete"]["enabled"] is True
    assert settings["http"]["addr"] == ":5000"


class TestMetricsServer:
    manifests = documents(CLUSTER / "metrics-server.yaml")

    def test_its_image_is_left_to_plimsoll(self) -> None:
        (container,) = one(self.manifests, "Deployment")["spec"]["template"]["spec"]["containers"]
        assert (container["name"], container["image"], container["imagePullPolicy"]) == (*["metrics-server"] * 2, "IfNotPresent")

    def test_it_is_hardened_and_small(self) -> None:
        (container,) = one(self.manifests, "Deployment")["spec"]["template"]["spec"]["containers"]
        security = container["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security["readOnlyRootFilesystem"] is True
        assert security["allowPrivilegeEscalation"] is False
        assert container["resources"]["requests"]["cpu"] == "20m"

    def test_the_service_leads_to_it_and_the_api_to_the_service(self) -> None:
        service, api = one(self.manifests, "Service"), one(self.manifests, "APIService")
        labels = one(self.manifests, "Deployment")["spec"]["template"]["metadata"]["labels"]
        assert service["spec"]["selector"].items() <= labels.items()
        assert api["spec"]["service"] == {"name": service["metadata"]["name"], "namespace": service["metadata"]["namespace"]}

    @pytest.mark.parametrize("role", ["system:auth-delegator", "plimsoll:metrics-server"])
    def test_it_may_ask_who_its_callers_are_and_what_kubelets_measure(self, role: str) -> None:
        bindings = [each for each in self.manifests if each["kind"] == "ClusterRoleBinding" and each["roleRef"]["name"] == role]
        assert [subject["name"] for each in bindings for subject in each["subjects"]] == ["metrics-server"]
