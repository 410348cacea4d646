"""The cluster through the front door: idempotent, back after a reboot, honest about what a change would lose."""

from __future__ import annotations

import subprocess
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.clone import PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.clone import Clone

pytestmark = [pytest.mark.engine, pytest.mark.cluster, pytest.mark.timeout(1200)]
NODE, REGISTRY = f"{PROJECT}-control-plane", f"{PROJECT}-registry"


def docker(*words: str) -> str:
    done = subprocess.run(("docker", *words), capture_output=True, text=True, check=True, timeout=120)
    return done.stdout


def eventually(check: Callable[[], Any], *, within: float) -> Any:  # noqa: ANN401 -- whatever the check finds
    """Return what `check` finds once it finds something."""
    deadline = time.monotonic() + within
    while not (found := check()):
        assert time.monotonic() < deadline, f"nothing within {within} s"
        time.sleep(1)
    return found


def kubeconfig(clone: Clone) -> Path:
    return Path(clone.ok("cluster.status", "--json").json["kubeconfig"])


def test_a_second_up_does_nothing_and_is_quick(clone: Clone) -> None:
    said = clone.ok("cluster.up", "--json")
    assert said.json["done"] == []
    assert said.json["state"] == "running"
    assert said.seconds < 15


def test_nodes_know_how_busy_they_are(staging: Clone) -> None:
    eventually(lambda: staging.ok("cluster.status", "--json").json["metrics"], within=90)

    def utilisation() -> str:
        words = ("get", "hpa", "backend", "--namespace", "check-in-staging")
        shown = docker("exec", NODE, "kubectl", *words, "--output", "jsonpath={.status.currentMetrics}")
        return shown if "averageUtilization" in shown else ""

    assert eventually(utilisation, within=120)


def test_after_a_reboot_up_brings_back_nodes_registry_and_release(staging: Clone) -> None:
    before = staging.status()["release"]
    docker("stop", NODE, REGISTRY)
    stopped = staging.ok("cluster.status", "--json").json
    assert (stopped["state"], stopped["registry"]["state"]) == ("stopped", "exited")
    assert staging.inv("status", "--env", "staging").code == 4

    said = staging.ok("cluster.up", "--json")
    assert said.json["done"] == ["start the nodes", "start the registry"]
    status = staging.status()
    assert (status["release"], status["state"]) == (before, "verified")
    address = status["url"]

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"{address}/health/ready", timeout=2) as answer:  # noqa: S310 -- our own address
                return bool(answer.status == 200)
        except OSError:
            return False

    assert eventually(answers, within=120)


def test_a_killed_node_comes_back_too(staging: Clone) -> None:
    docker("kill", NODE)
    assert staging.ok("cluster.up", "--json").json["done"] == ["start the nodes"]


def test_a_lost_kubeconfig_and_identity_are_found_again_and_one_line_says_so(staging: Clone) -> None:
    path = kubeconfig(staging)
    path.unlink()
    (path.parent / f"{PROJECT}.uid").unlink(missing_ok=True)
    said = staging.ok("status", "--env", "staging", "--json")
    assert said.json["state"] == "verified"
    assert said.stderr.count("the kubeconfig was lost") == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert "was lost" not in staging.ok("status", "--env", "staging", "--json").stderr


def test_the_users_own_kubeconfig_is_never_written(clone: Clone) -> None:
    own = Path.home() / ".kube" / "config"
    assert PROJECT not in (own.read_text() if own.exists() else "")
    assert kubeconfig(clone) != own


def test_a_changed_configuration_says_what_would_be_lost_and_changes_nothing(staging: Clone) -> None:
    staging.edit("plimsoll.toml", "port = 18082", "port = 18083")
    refused = staging.inv("cluster.up", "--json")
    assert refused.code == 2
    assert "--recreate" in refused.json["error"]["now"]
    assert "18082 -> 30082" in refused.json["error"]["what"]
    assert "recorded release" in refused.json["error"]["what"]
    assert any("18083" in change for change in staging.ok("cluster.status", "--json").json["changes"])
    assert staging.status()["state"] == "verified"


def test_several_nodes_say_what_they_need(staging: Clone) -> None:
    staging.edit("plimsoll.toml", "nodes = 1", "nodes = 3")
    refused = staging.inv("cluster.up", "--json")
    assert refused.code == 2
    assert "nodes" in refused.json["error"]["what"]


def test_a_taken_port_is_named_with_its_holder_before_anything_is_made(staging: Clone) -> None:
    staging.edit("plimsoll.toml", f'name = "{PROJECT}"\nnodes', f'name = "{PROJECT}-2"\nnodes')
    refused = staging.inv("cluster.up", "--json")
    assert refused.code == 4
    assert "18080" in refused.json["error"]["what"]
    assert NODE in refused.json["error"]["what"]
    assert f"{PROJECT}-2" not in docker("ps", "--all", "--format", "{{.Names}}")


def test_a_loaded_image_moves_once(clone: Clone) -> None:
    image = docker("inspect", "--format", "{{.Config.Image}}", REGISTRY).strip()
    first = clone.ok("cluster.load", image, "--json").json
    assert first["reference"].startswith(f"localhost:5091/{PROJECT}/")
    again = clone.ok("cluster.load", image, "--json").json
    assert (again["reference"], again["layers_moved"]) == (first["reference"], 0)
    assert clone.inv("cluster.load", "plimsoll/nobody:1").code == 2


def test_a_cluster_that_somebody_else_made_is_left_alone(staging: Clone) -> None:
    docker("exec", NODE, "mv", "/kind/plimsoll.json", "/kind/kept.json")
    try:
        for words in (("cluster.up",), ("cluster.down", "--yes")):
            refused = staging.inv(*words)
            assert refused.code == 2
            assert "did not make" in refused.stderr
    finally:
        docker("exec", NODE, "mv", "/kind/kept.json", "/kind/plimsoll.json")
    assert staging.status()["state"] == "verified"
