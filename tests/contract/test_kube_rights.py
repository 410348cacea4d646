"""Asking an API server what we may do: the adapter, `inv kube.rbac`, and `inv doctor` through their front door."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from plimsoll.adapters.kube import KubeCluster
from plimsoll.adapters.kube_rights import may
from plimsoll.domain.rbac import Right
from plimsoll.errors import Failed
from tests.contract import real_cluster
from tests.contract.remote_shop import SETTINGS, UID
from tests.contract.scripted_api import Reply, ScriptedApi
from tests.needs import need_program

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.contract.scripted_api import Asked

ROOT = Path(__file__).parents[2]
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "web"}]}},
    },
}


def verdicts(allowed: Callable[[dict[str, str]], bool]) -> Callable[[Asked], Reply]:
    def answer(asked: Asked) -> Reply:
        if asked.path == "/api/v1/namespaces/kube-system":
            return Reply(body={"metadata": {"name": "kube-system", "uid": UID}})
        if asked.path == "/api/v1/namespaces/plimsoll/configmaps":
            return Reply(body={"items": []})
        assert (asked.method, asked.path) == ("POST", REVIEWS)
        return Reply(201, {"status": {"allowed": allowed(asked.body["spec"]["resourceAttributes"])}})

    return answer


def test_a_right_is_asked_for_as_the_api_server_knows_it(tmp_path: Path) -> None:
    with closing(ScriptedApi(verdicts(lambda attributes: attributes["verb"] == "get"))) as server:
        connection = KubeCluster.connect(server.kubeconfig(tmp_path), "here").connection
        assert may(connection, Right("shop", "", "pods/log", "get"))
        assert not may(connection, Right("", "scheduling.k8s.io", "priorityclasses", "patch", "high"))
    assert [each.body["spec"]["resourceAttributes"] for each in server.asked] == [
        {"namespace": "shop", "verb": "get", "resource": "pods", "subresource": "log"},
        {"verb": "patch", "group": "scheduling.k8s.io", "resource": "priorityclasses", "name": "high"},
    ]


def test_an_api_server_that_refuses_the_question_is_no_yes(tmp_path: Path) -> None:
    with closing(ScriptedApi(lambda _asked: Reply(400, {"message": "what?"}))) as server, pytest.raises(Failed, match=r"what\?"):
        may(KubeCluster.connect(server.kubeconfig(tmp_path), "here").connection, Right("shop", "", "pods", "get"))


@pytest.mark.cluster
def test_a_real_api_server_answers() -> None:
    connection = real_cluster.connect().connection
    assert may(connection, Right("default", "", "pods/log", "get"))
    assert may(connection, Right("", "", "namespaces", "patch", "plimsoll"))


def repository(folder: Path, server: ScriptedApi) -> dict[str, str]:
    """Make a repository with one remote environment, and return the variables of whoever works in it."""
    (folder / "plimsoll.toml").write_text(SETTINGS.replace("SERVER", server.url).replace("UID", UID))
    (folder / "tasks.py").write_text("from plimsoll.tasks import collect\nns = collect()\n")
    (folder / "invoke.yaml").write_text((ROOT / "invoke.yaml").read_text())
    (folder / "infrastructure").mkdir()
    (folder / "infrastructure" / "versions.toml").symlink_to(ROOT / "infrastructure" / "versions.toml")
    (folder / "k8s").mkdir()
    (folder / "k8s" / "kustomization.yaml").write_text(yaml.safe_dump({"namespace": "shop-staging", "resources": ["web.yaml"]}))
    (folder / "k8s" / "web.yaml").write_text(yaml.safe_dump(DEPLOYMENT))
    need_program("kubectl")
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "KUBECONFIG": str(server.kubeconfig(folder)),
        "XDG_STATE_HOME": str(folder / "state"),
        "GITHUB_ACTIONS": "",
    }


def inv(folder: Path, environment: dict[str, str], *words: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "plimsoll.tasks", *words],
        cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def rights_line(told: dict[str, Any]) -> dict[str, Any]:
    schema = json.loads((ROOT / "plimsoll" / "schemas" / "doctor-1.json").read_text())
    Draft202012Validator(schema).validate(told)
    return next(each for each in told["tools"] if each["name"] == "rights in staging")


def test_the_rights_are_printed_as_yaml_and_as_json_and_grant_what_the_overlay_holds(tmp_path: Path) -> None:
    with closing(ScriptedApi(verdicts(lambda _attributes: True))) as server:
        environment = repository(tmp_path, server)
        code, printed, said = inv(tmp_path, environment, "kube.rbac", "--env", "staging", "--service-account", "ci/deployer")
        assert (code, said) == (0, "")
        told = json.loads(inv(tmp_path, environment, "kube.rbac", "--env", "staging", "--json")[1])
        assert server.asked == [], "rendering asks no cluster"
    objects = list(yaml.safe_load_all(printed))
    assert "&id" not in printed
    assert {"kind": "ServiceAccount", "name": "deployer", "namespace": "ci"} in objects[-1]["subjects"]
    (role,) = (each for each in objects if each["kind"] == "Role" and each["metadata"]["namespace"] == "shop-staging")
    apps = [rule["resources"] for rule in role["rules"] if rule["apiGroups"] == ["apps"]]
    assert apps == [["deployments"], ["replicasets"]]
    Draft202012Validator(json.loads((ROOT / "plimsoll" / "schemas" / "kube.rbac-1.json").read_text())).validate(told)


def test_the_doctor_names_what_we_may_not_do_and_it_counts_where_the_environment_is_named(tmp_path: Path) -> None:
    def answer(attributes: dict[str, str]) -> bool:
        return attributes["resource"] != "deployments"

    with closing(ScriptedApi(verdicts(answer))) as server:
        environment = repository(tmp_path, server)
        _code, printed, _said = inv(tmp_path, environment, "doctor", "--json")
        line = rights_line(json.loads(printed))
        assert (line["state"], line["needed"]) == ("denied", False)
        code, printed, _said = inv(tmp_path, environment, "doctor", "--env", "staging", "--json")
        line = rights_line(json.loads(printed))
    assert (code, line["needed"], line["repair"]) == (4, True, "./inv kube.rbac --env staging")
    assert "create, delete, get, list, patch, watch deployments.apps in the namespace shop-staging" in line["note"]


def test_a_cluster_out_of_reach_is_a_line_of_the_doctor_and_no_failure_of_it(tmp_path: Path) -> None:
    server = ScriptedApi(verdicts(lambda _attributes: True))
    environment = repository(tmp_path, server)
    server.close()
    _code, printed, _said = inv(tmp_path, environment, "doctor", "--json")
    line = rights_line(json.loads(printed))
    assert (line["state"], line["needed"], "does not answer" in line["note"]) == ("not running", False, True)
