"""`inv release.*` through the front door, before an API server that holds the ledger of a fake world."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from tests.contract.scripted_api import Reply, ScriptedApi
from tests.fake_site import PRODUCTION, STAGING, World, images
from tests.git_repository import repository
from tests.unit.test_schemas import check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.scripted_api import Asked

ROOT = Path(__file__).parents[2]
CONFIG_MAPS = "/api/v1/namespaces/plimsoll/configmaps"
UID = "5e5a5c0e-0000-4000-8000-0242ac120002"
SETTINGS = """
[project]
name = "hello"
source = "https://example.com/hello"
[registry]
repository = "registry.example.com/hello"
local = false
[bases.python]
suite = "trixie"
kind = "runtime"
packages = ["python3-minimal"]
[services.web]
dockerfile = "web.Dockerfile"
context = "web"
bases = ["python"]
[environments.staging]
namespace = "hello-staging"
overlay = "k8s/staging"
remote = {{ context = "here", server = "{server}", uid = "{uid}" }}
[environments.production]
namespace = "hello-production"
overlay = "k8s/production"
protected = true
remote = {{ context = "here", server = "{server}", uid = "{uid}" }}
"""


class Clone:
    """A repository whose environments are on one cluster: two releases of staging, the first of them in production, too."""

    def __init__(self, folder: Path) -> None:
        self.world = World()
        self.world.deploy()
        self.world.deploy(environment=PRODUCTION, proven=self.world.history(STAGING))
        self.world.overlay.settings = "greeting=good day"
        self.world.deploy(images(web="2"))
        self.server = ScriptedApi(self.answer)
        files = {
            "plimsoll.toml": SETTINGS.format(server=self.server.url, uid=UID),
            "tasks.py": "from plimsoll.tasks import collect\n\nns = collect()\n",
            "invoke.yaml": (ROOT / "invoke.yaml").read_text(),
        }
        self.folder = repository(folder / "clone", files).root
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "KUBECONFIG": str(self.server.kubeconfig(folder)),
            "XDG_STATE_HOME": str(folder / "state"),
            "GITHUB_ACTIONS": "",
        }

    def answer(self, asked: Asked) -> Reply:
        """Answer from the fake cluster; only reading is possible."""
        assert asked.method == "GET", f"{asked.method} {asked.path}: these tasks write nothing"
        if asked.path == "/api/v1/namespaces/kube-system":
            return Reply(body={"metadata": {"name": "kube-system", "uid": UID}})
        if asked.path == CONFIG_MAPS:
            found = self.world.cluster.list("v1/ConfigMap", "plimsoll", labels=unquote(asked.query["labelSelector"]))
            return Reply(body={"metadata": {}, "items": list(found)})
        one = self.world.cluster.get("v1/ConfigMap", asked.path.removeprefix(f"{CONFIG_MAPS}/"), "plimsoll")
        return Reply(body=one) if one else Reply(404, {"message": f"no {asked.path}"})

    def inv(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "plimsoll.tasks", *words],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def told(self, code: int, *words: str) -> Any:  # noqa: ANN401 -- whatever the contract says
        """Run a task with --json, expect its exit code, and return what it printed, held to its schema."""
        done = self.inv(*words, "--json")
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        found = json.loads(done.stdout)
        check(found)
        return found


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Clone]:
    made = Clone(tmp_path)
    with closing(made.server):
        yield made


def test_a_release_is_shown_for_programs_and_for_people(clone: Clone) -> None:
    told = clone.told(0, "release.show", "production-1")
    assert (told["environment"], told["state"], told["manifests"]["whole"]) == ("production", "verified", True)
    assert {item["key"]: item["standing"] for item in told["gate"]["items"]}["staging"] == "met"
    said = clone.inv("release.show", "production-1")
    assert said.returncode == 0
    assert "production-1 verified" in said.stdout
    assert "verified as staging-1" in said.stdout


def test_releases_of_two_environments_are_compared(clone: Clone) -> None:
    told = clone.told(0, "release.diff", "production-1", "staging-2")
    assert [image["service"] for image in told["images"]] == ["web"]
    assert [each["object"] for each in told["configuration"]] == ["ConfigMap/web-config"]
    assert "greeting=hello → greeting=good day" in clone.inv("release.diff", "production-1", "staging-2").stdout
    assert clone.told(0, "release.diff", "production-1", "staging-1")["same"] is True


def test_a_release_is_exported_once_and_never_over_something_else(clone: Clone) -> None:
    told = clone.told(0, "release.export", "staging-2")
    assert told["file"] == "hello-staging-2.tar.gz"
    assert (clone.folder / told["file"]).stat().st_size == told["bytes"]
    assert clone.told(0, "release.export", "staging-2")["sha256"] == told["sha256"]
    refused = clone.told(2, "release.export", "staging-1", "--out", told["file"])
    assert refused["error"]["code"] == "out-exists"
    assert clone.told(2, "release.export", "staging-1", "--out", "nowhere/x.tar.gz")["error"]["where"] == "--out"


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("release.show", "staging-22"), "did you mean staging-2"),
        (("release.export", "stagin-2"), "did you mean a release of 'staging'?"),
        (("release.diff", "staging-1", "nonsense"), "environments: production, staging"),
    ],
)
def test_an_unknown_release_is_misconfigured_and_gets_a_suggestion(clone: Clone, words: tuple[str, ...], hint: str) -> None:
    error = clone.told(2, *words)["error"]
    assert error["code"] == "unknown-release"
    assert hint in error["now"]


def test_a_damaged_record_fails_and_hides_no_other(clone: Clone) -> None:
    clone.world.cluster.edit("v1/ConfigMap", "hello-staging-1", "plimsoll", {"data": {"release.json": "{}"}})
    assert clone.told(1, "release.show", "staging-1")["error"]["code"] == "record-damaged"
    assert clone.told(0, "release.show", "staging-2")["release"] == "staging-2"
    assert "hello-staging-1 cannot be read" in clone.inv("history", "--env", "staging").stdout


def test_only_protected_environments_have_a_gate_and_glass(clone: Clone) -> None:
    assert clone.told(2, "release.gate", "--env", "staging")["error"]["code"] == "no-gate"
    assert "did you mean 'production'?" in clone.told(2, "release.gate", "--env", "produktion")["error"]["now"]
    error = clone.told(2, "deploy", "--env", "staging", "--version", "staging-1", "--break-glass", "checkout is down")["error"]
    assert "staging has no gate to pass" in error["what"]
    error = clone.told(2, "deploy", "--env", "production", "--version", "staging-1", "--break-glass", "hurry")["error"]
    assert error["where"] == "--break-glass"
