"""The manifests as data: layout, figures, and what a release must never disturb."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from plimsoll.adapters.kube_schema import KubernetesSchemas
from plimsoll.domain.manifests import containers, ref
from plimsoll.wiring.render import KUBERNETES
from tests.rendering import ENVIRONMENTS, FORMS, ROOT, objects, one, project

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = ROOT / "infrastructure" / "kubernetes"
FILES = sorted(FOLDER.rglob("*.yaml"))


def documents(file: Path) -> list[Any]:
    return list(yaml.safe_load_all(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_object_fits_the_strict_schema(name: str, form: str) -> None:
    schemas = KubernetesSchemas(KUBERNETES)
    assert {str(ref(each)): schemas.problems(each) for each in objects(name, form) if schemas.problems(each)} == {}


def test_the_schemas_are_those_of_the_kubernetes_that_runs() -> None:
    versions = tomllib.loads((ROOT / "infrastructure" / "versions.toml").read_text(encoding="utf-8"))
    built = [source["version"] for source in versions["tools"]["kubectl"]["sources"] if source["kind"] == "build"]
    assert [version.rpartition(".")[0] for version in built] == [KUBERNETES]


def test_each_file_holds_one_object() -> None:
    assert [str(file) for file in FILES if len(documents(file)) != 1] == []


@pytest.mark.parametrize("part", ["base", "components"])
def test_each_object_lies_in_a_file_that_a_kustomization_lists(part: str) -> None:
    listed = set()
    for file in (FOLDER / part).rglob("kustomization.yaml"):
        content = documents(file)[0]
        names = [*content.get("resources", ()), *(each["path"] for each in content.get("patches", ()) if "path" in each)]
        listed |= {(file.parent / name).resolve() for name in names}
    assert [
        file for file in FILES if file.is_relative_to(FOLDER / part) and file.name != "kustomization.yaml" and file not in listed
    ] == []


def test_each_component_says_what_it_is_for_in_a_few_lines() -> None:
    for folder in sorted(each for each in (FOLDER / "components").iterdir() if each.is_dir()):
        lines = (folder / "README.md").read_text(encoding="utf-8").splitlines()
        assert 3 <= len(lines) <= 25, folder.name


def test_overlays_hold_only_differences() -> None:
    for file in (FOLDER / "overlays").rglob("*.yaml"):
        if file.name == "kustomization.yaml":
            assert documents(file)[0]["resources"] == ["../../base"], file
        else:
            assert isinstance(documents(file)[0], list), f"{file} is a whole object; write the difference as a JSON patch"


def test_names_of_namespaces_images_and_node_ports_stand_in_the_settings_alone() -> None:
    settings = project()
    said_there = [each.namespace for each in settings.environments.values()]
    said_there += [str(each.node_port) for each in settings.environments.values()]
    said_there += [settings.registry.repository, settings.registry.host]
    for file in FILES:
        text = file.read_text(encoding="utf-8")
        assert [word for word in said_there if word in text] == [], file


def test_every_service_of_the_settings_runs_and_nothing_else_does() -> None:
    for name in ENVIRONMENTS:
        images = {container["image"] for each in objects(name) for container in containers(each)}
        assert images == set(project().services)


# Row 18 and 19: environment -> (pods at least, pods at most) of backend and frontend, in the overlay and on the local cluster.
SCALES = {"local": ((2, 10), (2, 3)), "staging": ((2, 10), (2, 3)), "production": ((3, 10), (2, 3))}


@pytest.mark.parametrize("name", ENVIRONMENTS)
@pytest.mark.parametrize("service", ["backend", "frontend"])
def test_pods_scale_between_the_bounds_of_their_environment(name: str, service: str) -> None:
    found = []
    for form in FORMS:
        autoscaler = one(objects(name, form), "HorizontalPodAutoscaler", service)
        found.append((autoscaler["spec"]["minReplicas"], autoscaler["spec"]["maxReplicas"]))
    assert tuple(found) == SCALES[name]


# Row 22.
RESOURCES = {
    "backend": {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}},
    "frontend": {"requests": {"cpu": "200m", "memory": "256Mi"}, "limits": {"cpu": "500m", "memory": "512Mi"}},
}


@pytest.mark.parametrize("name", ENVIRONMENTS)
@pytest.mark.parametrize("service", sorted(RESOURCES))
def test_overlays_request_and_bound_what_production_rests_on(name: str, service: str) -> None:
    (container,) = containers(one(objects(name, "overlay"), "Deployment", service))
    assert container["resources"] == RESOURCES[service]


@pytest.mark.parametrize("service", sorted(RESOURCES))
def test_on_a_small_cluster_requests_shrink_and_limits_stay(service: str) -> None:
    (container,) = containers(one(objects("production"), "Deployment", service))
    assert container["resources"]["limits"] == RESOURCES[service]["limits"]
    assert container["resources"]["requests"] != RESOURCES[service]["requests"]


# Row 21.
PROBES = {
    "startupProbe": {"periodSeconds": 1, "timeoutSeconds": 2, "failureThreshold": 60},
    "livenessProbe": {"periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 3},
    "readinessProbe": {"periodSeconds": 2, "timeoutSeconds": 2, "failureThreshold": 3},
}
PATHS = {
    "backend": {"startupProbe": "/health/live", "livenessProbe": "/health/live", "readinessProbe": "/health/ready"},
    "frontend": {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/"},
}


@pytest.mark.parametrize("service", sorted(PATHS))
@pytest.mark.parametrize("probe", sorted(PROBES))
def test_probes_ask_the_right_question_at_the_right_pace(service: str, probe: str) -> None:
    (container,) = containers(one(objects("production"), "Deployment", service))
    found = dict(container[probe])
    assert found.pop("httpGet") == {"path": PATHS[service][probe], "port": "http"}
    assert found == PROBES[probe]


def test_a_data_store_that_is_busy_is_not_restarted() -> None:
    for name in ("postgres", "redis"):
        (container,) = containers(one(objects("production"), "StatefulSet", name))
        assert set(container["livenessProbe"]) & {"exec", "tcpSocket"} == {"tcpSocket"}
        assert "exec" in container["readinessProbe"]


def test_no_password_is_an_argument_of_a_process() -> None:
    for each in objects("production"):
        for container in containers(each):
            words = " ".join([*container.get("command", ()), *container.get("args", ())]).lower()
            assert "pass" not in words
            assert "$(" not in words


def test_a_change_of_the_backends_configuration_leaves_the_data_stores_alone() -> None:
    # The local overlay changes LOG_LEVEL, staging does not.
    for name in ("postgres", "redis"):
        local, staging = (one(objects(environment), "StatefulSet", name) for environment in ("local", "staging"))
        assert local["spec"] == staging["spec"]
    configurations = [
        {each["metadata"]["name"] for each in objects(name) if each["metadata"]["name"].startswith("backend-config")}
        for name in ("local", "staging")
    ]
    assert configurations[0].isdisjoint(configurations[1])


def test_production_insists_on_zones_and_a_small_cluster_does_not() -> None:
    for service in ("backend", "frontend"):
        for form, wanted in (("overlay", "DoNotSchedule"), ("composed", "ScheduleAnyway")):
            pod = one(objects("production", form), "Deployment", service)["spec"]["template"]["spec"]
            assert [each["whenUnsatisfiable"] for each in pod["topologySpreadConstraints"]] == [wanted]


def test_staging_and_production_are_reached_through_their_own_host() -> None:
    hosts = {}
    for name in ("staging", "production"):
        ingress = one(objects(name), "Ingress", "check-in")
        (rule,) = ingress["spec"]["rules"]
        hosts[name] = rule["host"]
        routes = [(each["path"], each["pathType"], each["backend"]["service"]["name"]) for each in rule["http"]["paths"]]
        assert routes == [("/api", "Prefix", "backend"), ("/", "Prefix", "frontend")]
    assert hosts == {"staging": "staging.check-in.example.com", "production": "check-in.example.com"}


def test_the_migration_runs_the_backends_image_with_the_databases_password_alone() -> None:
    job = one(objects("production"), "Job", "backend-migrate")
    (container,) = containers(job)
    assert (container["image"], container["args"]) == ("backend", ["python3", "-m", "checkin.migrate"])
    secrets = [each["valueFrom"]["secretKeyRef"]["key"] for each in container["env"] if "valueFrom" in each]
    assert secrets == ["database-password"]
