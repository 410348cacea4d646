"""`inv plan`, `inv plan.approve` and `inv deploy --plan` through the front door, in a repository without a cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from plimsoll.domain.plan_file import TIME, saved_plan
from tests.contract.test_github_run import TOKEN, Github, review
from tests.fake_site import PRODUCTION, World
from tests.git_repository import repository
from tests.needs import need_program
from tests.unit.test_schemas import check

if TYPE_CHECKING:
    from plimsoll.domain.plan_file import SavedPlan
    from tests.git_repository import Repository

ROOT = Path(__file__).parents[2]
SETTINGS = """
[project]
name = "hello"
source = "https://example.com/hello"
[registry]
repository = "localhost:5999/hello"
[bases.python]
suite = "trixie"
kind = "runtime"
packages = ["python3-minimal"]
[services.web]
dockerfile = "web.Dockerfile"
context = "web"
bases = ["python"]
[environments.production]
namespace = "hello-production"
overlay = "k8s/production"
protected = true
[environments.staging]
namespace = "hello-staging"
overlay = "k8s/staging"
[approvers]
"""
TASKS = "from plimsoll.tasks import collect\n\nns = collect()\n"


class Clone:
    """A repository of its own, with a key that may approve."""

    def __init__(self, folder: Path) -> None:
        need_program("ssh-keygen")
        self.key = folder / "grace"
        subprocess.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "grace", "-f", self.key), check=True)
        settings = f'{SETTINGS}grace = "{self.key.with_suffix(".pub").read_text().strip()}"\n'
        files = {"plimsoll.toml": settings, "tasks.py": TASKS, "invoke.yaml": (ROOT / "invoke.yaml").read_text()}
        self.repository: Repository = repository(folder / "clone", files)
        self.folder = self.repository.root
        self.state = folder / "state"

    def inv(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-m", "plimsoll.tasks", *words, **environ)

    def run(self, *argv: str, **environ: str) -> subprocess.CompletedProcess[str]:
        env = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}
        env |= {"PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(self.state), "GIT_CONFIG_GLOBAL": "/dev/null", **environ}
        return subprocess.run(
            argv, cwd=self.folder, env=env, capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL
        )

    def save(self, name: str = "plan.json", **changes: Any) -> SavedPlan:  # noqa: ANN401 -- the fields of a SavedPlan
        """Write a plan for production, made just now, with the given fields changed."""
        now = datetime.now(tz=UTC)
        made = saved_plan(
            World().plan(environment=PRODUCTION),
            project="hello",
            version=None,
            options={"take_over": False},
            made_by="ada",
            made_at=now.strftime(TIME),
            made_with="1.0",
            expires_at=(now + timedelta(hours=2)).strftime(TIME),
        )
        plan = replace(made, **changes)
        (self.folder / name).write_text(json.dumps(plan.to_json()))
        return plan


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


def refused(done: subprocess.CompletedProcess[str], code: str) -> dict[str, Any]:
    """Return the error of a task that was asked for JSON and refused before anything was done."""
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    check(told)
    assert told["error"]["code"] == code, told
    error: dict[str, Any] = told["error"]
    return error


def test_a_plan_is_approved_by_name_and_the_approver_sees_what_is_signed(clone: Clone) -> None:
    plan = clone.save()
    done = clone.inv("plan.approve", "plan.json", "--key", str(clone.key), "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    check(told)
    assert (told["approver"], told["digest"], told["file"]) == ("grace", plan.digest, "plan.approval.json")
    assert told["expires_at"] == plan.expires_at
    assert "+ Deployment/web" in done.stderr
    approval = json.loads((clone.folder / "plan.approval.json").read_text())
    check(approval)
    assert approval["environment"] == "production"


def test_an_approval_may_hold_for_a_shorter_time_and_stand_in_a_file_of_ones_choice(clone: Clone) -> None:
    plan = clone.save()
    done = clone.inv("plan.approve", "plan.json", "--key", str(clone.key), "--expires", "30m", "--out", "yes.json")
    assert done.returncode == 0, done.stderr
    assert "production-1 to production is approved by grace until" in done.stdout
    assert json.loads((clone.folder / "yes.json").read_text())["expires_at"] < plan.expires_at


def test_a_key_that_is_nobodys_approves_nothing_and_leaves_no_file(clone: Clone) -> None:
    clone.save()
    other = clone.key.with_name("mallory")
    subprocess.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other), check=True)
    refused(clone.inv("plan.approve", "plan.json", "--key", str(other), "--json"), "unknown-approver")
    assert not (clone.folder / "plan.approval.json").exists()


def test_a_plan_without_a_verb_is_the_plan_of_an_environment(clone: Clone) -> None:
    error = refused(clone.inv("plan", "--env", "productoin", "--json"), "unknown-environment")
    assert "did you mean 'production'?" in error["now"]
    listed = clone.inv("--list").stdout
    assert "plan.approve" in listed
    assert "(plan)" in listed
    assert "--save" in clone.inv("--help", "plan").stdout


@pytest.mark.parametrize("task", [("deploy", "--plan"), ("plan.approve",)], ids=["deploy", "approve"])
def test_a_plan_that_is_expired_damaged_or_of_elsewhere_is_refused_by_name(clone: Clone, task: tuple[str, ...]) -> None:
    rest = ("--json",) if task[0] == "deploy" else ("--key", str(clone.key), "--json")
    clone.save("old.json", expires_at="2020-01-01T00:00:00Z")
    clone.save("other.json", project="shop")
    (clone.folder / "half.json").write_text((clone.folder / "old.json").read_text()[:500])
    for name, code in (("old", "plan-expired"), ("other", "plan-elsewhere"), ("half", "plan-damaged"), ("none", "no-file")):
        refused(clone.inv(*task, f"{name}.json", *rest), code)


def test_flags_that_contradict_a_plan_are_refused(clone: Clone) -> None:
    clone.save()
    refused(clone.inv("deploy", "--plan", "plan.json", "--env", "staging", "--json"), "plan-elsewhere")
    for words in (("--plan", "plan.json", "--version", "staging-1"), ("--plan", "plan.json", "--take-over"), ("--approval", "x")):
        refused(clone.inv("deploy", *words, "--json"), "flags")


def test_an_environment_without_its_cluster_is_not_there_whatever_the_plan_says(clone: Clone) -> None:
    clone.save()
    done = clone.inv("deploy", "--plan", "plan.json", "--json", PATH=str(clone.folder))
    assert done.returncode == 4, done.stderr
    assert "Traceback" not in done.stderr


ASK = """
import sys
from plimsoll import wiring
from plimsoll.errors import PlimsollError
from plimsoll.wiring import approval, plans, releases
saved = plans.read("plan.json", None)
file = "plan.approval.json" if "signed" in sys.argv else None
try:
    found = approval.of_deploy(wiring.environment("production"), releases.actor(), saved=saved, file=file)(None)
    print(found.kind, found.by)
except PlimsollError as error:
    print(error.exit_code, error.code)
"""


def asked(clone: Clone, *ways: str, **environ: str) -> str:
    """Return what a deploy of the saved plan makes of its approval."""
    return clone.run(sys.executable, "-c", ASK, *(ways or ("signed",)), **environ).stdout.strip()


def test_a_deploy_takes_the_approval_of_somebody_else_and_no_other(clone: Clone) -> None:
    clone.save()
    assert asked(clone) == "2 no-file"
    assert clone.inv("plan.approve", "plan.json", "--key", str(clone.key)).returncode == 0
    assert asked(clone) == "signed grace"
    assert asked(clone, GITHUB_ACTOR="Grace") == "2 self-approved"
    assert asked(clone, GITHUB_ACTOR="ada", GITHUB_TRIGGERING_ACTOR="grace") == "2 self-approved"
    clone.run("git", "config", "user.email", "grace@example.org")
    assert asked(clone, GITHUB_ACTOR="ada") == "2 self-approved"
    clone.run("git", "config", "user.email", "ada@example.org")
    assert asked(clone) == "signed grace"
    clone.save(made_by="linus")
    assert asked(clone) == "2 approval-invalid", "it is another plan now"


def test_who_may_approve_stands_in_committed_settings(clone: Clone) -> None:
    clone.save()
    assert clone.inv("plan.approve", "plan.json", "--key", str(clone.key)).returncode == 0
    (clone.folder / "plimsoll.toml").write_text(SETTINGS)
    assert asked(clone) == "2 dirty"
    clone.repository.commit()
    assert asked(clone) == "2 unknown-approver"


def test_in_github_actions_the_review_of_the_run_is_the_approval(clone: Clone) -> None:
    clone.save()
    github = Github()
    runner = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_API_URL": github.api.url,
        "GITHUB_REPOSITORY": "shop/web",
        "GITHUB_RUN_ID": "42",
        "GITHUB_TOKEN": TOKEN,
        "GITHUB_ACTOR": "ada",
        "NO_PROXY": "127.0.0.1",
    }
    assert asked(clone, "review", **runner) == "2 unapproved"
    github.reviews = [review("grace", "production")]
    assert asked(clone, "review", **runner) == "github-review grace"
    assert asked(clone, "review", **{**runner, "GITHUB_ACTOR": "grace"}) == "2 self-approved"
    assert asked(clone, "review", **{**runner, "GITHUB_TOKEN": ""}) == "2 unapproved"
    github.api.close()
    assert asked(clone, "review", **runner) == "4 github-unreachable"
