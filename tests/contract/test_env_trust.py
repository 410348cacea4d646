"""`inv env.trust` through its front door, before an API server of our own."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft202012Validator

from tests.contract.scripted_api import Reply, ScriptedApi

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "plimsoll" / "schemas" / "env.trust-1.json").read_text())
UID = "5e5a5c0e-0000-4000-8000-0242ac120002"
REMOTE = '  remote = { context = "here" }   # the big one'
SETTINGS = f"""# A shop.
[project]
name = "shop"
source = "https://example.com/shop"
[registry]
repository = "registry.example.com/shop"
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
namespace = "shop-staging"
overlay = "k8s/staging"
{REMOTE}
[environments.local]
namespace = "shop"
overlay = "k8s/local"
"""


class Repository:
    """A repository with one remote environment, and the API server behind its context."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = ScriptedApi(lambda asked: self.answer(asked.path))
        self.settings = folder / "plimsoll.toml"
        self.settings.write_text(SETTINGS)
        (folder / "tasks.py").write_text("from plimsoll.tasks import collect\nns = collect()\n")
        (folder / "invoke.yaml").write_text((ROOT / "invoke.yaml").read_text())
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "KUBECONFIG": str(self.server.kubeconfig(folder)),
            "XDG_STATE_HOME": str(folder / "state"),
            "GITHUB_ACTIONS": "",
        }

    def answer(self, path: str) -> Reply:
        if path != "/api/v1/namespaces/kube-system":
            return Reply(404, {"message": f"no {path}"})
        return Reply(body={"metadata": {"name": "kube-system", "uid": UID}})

    def inv(self, *words: str, stdin: int = subprocess.DEVNULL) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "plimsoll.tasks", *words],
            cwd=self.folder,
            env=self.environment,
            stdin=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    def typed(self, answer: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run with a person at the terminal, who answers."""
        keyboard, terminal = pty.openpty()
        try:
            os.write(keyboard, f"{answer}\n".encode())
            return self.inv(*words, stdin=terminal)
        finally:
            os.close(keyboard)
            os.close(terminal)

    @property
    def after(self) -> str:
        return REMOTE.replace(" }", f', server = "{self.server.url}", uid = "{UID}" }}')


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    made = Repository(tmp_path)
    with closing(made.server):
        yield made


def test_server_and_uid_are_shown_and_written_and_nothing_else_changes(repository: Repository) -> None:
    repository.settings.chmod(0o640)
    done = repository.inv("env.trust", "staging", "--yes")
    assert done.returncode == 0, done.stderr
    shown = done.stderr.splitlines()
    assert f"- {REMOTE}" in shown
    assert f"+ {repository.after}" in shown
    assert repository.settings.read_text() == SETTINGS.replace(REMOTE, repository.after)
    assert repository.settings.stat().st_mode & 0o777 == 0o640
    again = repository.inv("env.trust", "staging")
    assert (again.returncode, "already" in again.stdout) == (0, True)


def test_a_person_is_asked_and_may_refuse(repository: Repository) -> None:
    refused = repository.typed("n", "env.trust", "staging")
    assert (refused.returncode, repository.settings.read_text()) == (2, SETTINGS)
    assert "not confirmed" in refused.stderr
    assert repository.typed("y", "env.trust", "staging").returncode == 0
    assert repository.after in repository.settings.read_text()


def test_without_a_person_and_without_yes_nothing_is_written(repository: Repository) -> None:
    done = repository.inv("env.trust", "staging", "--json")
    told = json.loads(done.stdout)
    Draft202012Validator(SCHEMA).validate(told)
    assert (done.returncode, told["error"]["code"], repository.settings.read_text()) == (2, "not-confirmed", SETTINGS)


def test_a_dry_run_shows_and_a_written_line_is_told_as_json(repository: Repository) -> None:
    for flag, written in (("--dry-run", False), ("--yes", True)):
        told = json.loads(repository.inv("env.trust", "staging", flag, "--json").stdout)
        Draft202012Validator(SCHEMA).validate(told)
        assert (told["uid"], told["after"], told["changed"], told["written"]) == (UID, repository.after, True, written)
        assert (repository.settings.read_text() == SETTINGS) is not written


def test_until_it_is_trusted_nothing_is_asked_of_the_cluster_or_written_to_it(repository: Repository) -> None:
    for words in (("status", "--env", "staging"), ("lock.acquire", "--env", "staging", "--reason", "test")):
        done = repository.inv(*words)
        assert done.returncode == 2
        assert "inv env.trust staging" in done.stderr
    assert repository.server.asked == []


def test_a_cluster_of_another_uid_under_the_same_name_is_refused_and_trust_shows_what_changed(repository: Repository) -> None:
    repository.inv("env.trust", "staging", "--yes")
    repository.answer = lambda _path: Reply(body={"metadata": {"name": "kube-system", "uid": "another"}})  # type: ignore[method-assign]  # -- the cluster is made anew
    refused = repository.inv("status", "--env", "staging")
    assert refused.returncode == 2
    assert "this is another cluster" in refused.stderr
    shown = repository.inv("env.trust", "staging", "--dry-run")
    assert f'uid = "{UID}"' in shown.stdout
    assert 'uid = "another"' in shown.stdout


@pytest.mark.parametrize(("name", "says"), [("local", "knows by itself"), ("stagin", "did you mean 'staging'?")])
def test_what_is_not_remote_is_not_trusted(repository: Repository, name: str, says: str) -> None:
    done = repository.inv("env.trust", name, "--yes")
    assert (done.returncode, says in done.stderr) == (2, True)
    assert repository.settings.read_text() == SETTINGS
