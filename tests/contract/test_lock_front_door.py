"""`inv lock.*` through its front door: real processes and the real adapter, before an API server that keeps what it is given."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from tests.contract.remote_shop import SETTINGS, UID
from tests.contract.scripted_api import Reply, ScriptedApi

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.scripted_api import Asked

ROOT = Path(__file__).parents[2]
LEASES = {"resources": [{"name": "leases", "kind": "Lease", "namespaced": True}]}
KUBE_SYSTEM = "/api/v1/namespaces/kube-system"


class Store:
    """Keeps objects by path and tells writers that come too late, as an API server does."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {KUBE_SYSTEM: {"metadata": {"name": "kube-system", "uid": UID}}}
        self._version = 0
        self._lock = threading.Lock()

    def answer(self, asked: Asked) -> Reply:
        """Serve one request."""
        if asked.path == "/apis/coordination.k8s.io/v1":
            return Reply(body=LEASES)
        with self._lock:
            path = f"{asked.path}/{asked.body['metadata']['name']}" if asked.method == "POST" else asked.path
            found = self.objects.get(path)
            if asked.method == "GET":
                return Reply(body=found) if found else Reply(404, {"message": "not found"})
            given = asked.body["metadata"].get("resourceVersion")
            late = found is not None if asked.method == "POST" else found is None or given != found["metadata"]["resourceVersion"]
            if late:
                return Reply(409, {"reason": "Conflict", "message": "somebody else was first"})
            self._version += 1
            metadata = {**asked.body["metadata"], "resourceVersion": str(self._version), "uid": f"uid-{path}"}
            self.objects[path] = {**asked.body, "metadata": metadata}
            return Reply(201, self.objects[path])


class Repository:
    """A repository with one remote environment, in which several people work."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store()
        self.server = ScriptedApi(self.store.answer)
        (folder / "plimsoll.toml").write_text(SETTINGS.replace("SERVER", self.server.url).replace("UID", UID))
        (folder / "tasks.py").write_text("from plimsoll.tasks import collect\nns = collect()\n")
        (folder / "invoke.yaml").write_text((ROOT / "invoke.yaml").read_text())
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "KUBECONFIG": str(self.server.kubeconfig(folder)),
            "XDG_STATE_HOME": str(folder / "state"),
            "GITHUB_ACTIONS": "",
        }

    def start(self, who: str, task: str, *words: str) -> subprocess.Popen[str]:
        """Start a task with `--json` in the name of somebody."""
        return subprocess.Popen(
            [sys.executable, "-m", "plimsoll.tasks", task, "--env", "staging", "--json", *words],
            cwd=self.folder,
            env={**self.environment, "GITHUB_ACTOR": who},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def inv(self, who: str, task: str, *words: str) -> tuple[int, dict[str, Any]]:
        """Run a task and return its exit code and its JSON, which fits its schema."""
        return ended(self.start(who, task, *words), task)


def ended(child: subprocess.Popen[str], task: str) -> tuple[int, dict[str, Any]]:
    """Wait for a task and return its exit code and its JSON, which fits its schema."""
    with child:
        printed, said = child.communicate(timeout=60)
    assert "Traceback" not in said
    told = json.loads(printed)
    Draft202012Validator(json.loads((ROOT / "plimsoll" / "schemas" / f"{task}-1.json").read_text())).validate(told)
    return child.returncode, told


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    made = Repository(tmp_path)
    with closing(made.server):
        yield made


def test_of_several_processes_that_acquire_at_once_exactly_one_does(repository: Repository) -> None:
    people = ["ada", "bob", "eve", "zoe"]
    children = [repository.start(who, "lock.acquire", "--reason", f"for {who}") for who in people]
    outcomes = [ended(child, "lock.acquire") for child in children]
    assert sorted(code for code, _told in outcomes) == [0, 1, 1, 1]
    winner = next(told["hold"]["actor"] for code, told in outcomes if code == 0)
    errors = [told["error"] for code, told in outcomes if code == 1]
    assert {error["code"] for error in errors} == {"lock-held"}
    assert all(f"staging is held by {winner} until" in error["what"] and f"for {winner}" in error["what"] for error in errors)


def test_a_hold_from_its_beginning_to_its_end(repository: Repository) -> None:
    code, told = repository.inv("eve", "lock.acquire", "--reason", "load test", "--for", "2h")
    assert (code, told["hold"]["actor"], told["hold"]["reason"]) == (0, "eve", "load test")
    code, told = repository.inv("zoe", "rollback")
    assert (code, told["error"]["code"]) == (1, "lock-held")
    assert [each.method for each in repository.server.asked if each.method in {"PATCH", "PUT", "DELETE"}] == []
    code, told = repository.inv("zoe", "lock.release")
    assert (code, told["error"]["code"]) == (2, "not-your-hold")
    code, told = repository.inv("zoe", "lock.break", "--reason", "eve is away")
    assert (code, told["hold"]) == (0, None)
    code, told = repository.inv("ada", "lock.status")
    assert (code, [each["what"] for each in told["events"]]) == (0, ["acquired", "broken"])
    code, told = repository.inv("eve", "lock.release")
    assert (code, told["error"]["code"]) == (1, "not-held")


@pytest.mark.parametrize(("words", "where"), [(("--reason", " "), "--reason"), (("--reason", "x", "--for", "2d"), "--for")])
def test_what_no_hold_may_be_is_refused_before_anything_is_written(
    repository: Repository, words: tuple[str, ...], where: str
) -> None:
    code, told = repository.inv("eve", "lock.acquire", *words)
    assert (code, told["error"]["where"]) == (2, where)
    assert list(repository.store.objects) == [KUBE_SYSTEM]


def test_a_reason_is_asked_for(repository: Repository) -> None:
    child = repository.start("eve", "lock.acquire")
    with child:
        _printed, said = child.communicate(timeout=60)
    assert child.returncode == 2
    assert "reason" in said
