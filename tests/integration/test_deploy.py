"""Deploys through the front door: good ones, bad ones, and what serves afterwards."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from tests.integration.traffic import Traffic

if TYPE_CHECKING:
    from tests.integration.clone import Clone, Said

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

PORT = 18081
SETTINGS = "backend/checkin/settings.py"
DEPLOYMENT = "infrastructure/kubernetes/base/backend/deployment.yaml"
SCHEMAS = Path(__file__).parents[2] / "plimsoll" / "schemas"


def ask(path: str, port: int = PORT) -> Any:  # noqa: ANN401 -- the application's JSON
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        return json.load(answer)


def serving() -> str:
    return str(ask("/version")["release"])


def check(document: dict[str, Any]) -> None:
    """Hold a document to the schema it names."""
    name = document["schema"].removeprefix("plimsoll.").replace("/", "-")
    jsonschema.validate(document, json.loads((SCHEMAS / f"{name}.json").read_text()))


def origin(clone: Clone, release: str) -> str:
    """Return the release whose content `release` runs: its own, or the one that a rollback brought back."""
    record = next(each for each in clone.history() if each["release"] == release)
    return str(record["content_of"] or record["release"])


def expect_old_release(clone: Clone, before: dict[str, Any], said: Said) -> dict[str, Any]:
    """A bad deploy: exit 1, the old content serves and is verified again, the failed record names its cause."""
    assert said.code == 1, said.stderr
    now = clone.status()
    assert now["verified"]
    newest, failed, *_ = clone.history()
    assert newest["release"] == now["release"]
    assert newest["content_of"] == origin(clone, before["release"])
    assert newest["rollback_of"] == failed["release"]
    assert failed["state"] == "failed"
    assert failed["cause"]
    assert [each["release"] for each in clone.history() if each["state"] == "verified"] == [now["release"]]
    assert ask("/health/ready")
    return failed


def test_a_first_deploy_serves_and_is_recorded(staging: Clone) -> None:
    status = staging.status()
    check(status)
    assert (status["environment"], status["state"], status["verified"]) == ("staging", "verified", True)
    assert status["url"] == f"http://127.0.0.1:{PORT}"
    assert status["smoke"]["passed"]
    assert set(status["images"]) == {"backend", "frontend", "postgres", "redis"}
    assert all(image["reference"].endswith(image["digest"]) for image in status["images"].values())
    assert ask("/api/v1/sessions") is not None
    assert ask("/version")["revision"] == status["images"]["backend"]["labels"]["org.opencontainers.image.revision"]


def test_an_unchanged_source_builds_pushes_and_rolls_nothing(staging: Clone) -> None:
    before = staging.history()
    said = staging.ok("build", "deploy", "--env", "staging")
    assert "unchanged" in said.stdout
    assert staging.history() == before


def test_a_changed_configuration_rolls_only_what_it_touches(staging: Clone) -> None:
    frontend = staging.status()["images"]["frontend"]
    before = serving()
    staging.edit("infrastructure/kubernetes/base/backend/kustomization.yaml", "LOG_LEVEL=info", "LOG_LEVEL=debug")
    said = staging.ok("build", "deploy", "--env", "staging", "--json")
    assert said.json["outcome"] == "released"
    status = staging.status()
    assert serving() == status["release"] != before
    assert status["images"]["frontend"] == frontend


def test_a_saved_plan_is_carried_out_as_it_was_looked_at_and_only_once(staging: Clone, tmp_path: Path) -> None:
    file = str(tmp_path / "plan.json")
    staging.edit("infrastructure/kubernetes/base/backend/kustomization.yaml", "LOG_LEVEL=info", "LOG_LEVEL=debug")
    staging.ok("build")
    made = staging.ok("plan", "--env", "staging", "--save", file, "--json").json
    check(made)
    staging.restore()
    said = staging.ok("deploy", "--plan", file, "--json").json
    assert (said["outcome"], said["release"]) == ("released", made["plan"]["release"])
    assert said["plan"]["changes"] == made["plan"]["changes"]
    again = staging.inv("deploy", "--plan", file)
    assert again.code == 2
    assert f"{said['release']} was recorded since: verified" in again.stderr


def test_a_release_that_crashes_at_start_fails_fast_with_its_cause_while_the_old_one_serves(staging: Clone) -> None:
    before = staging.status()
    staging.edit("backend/checkin/__main__.py", "def main(", 'raise RuntimeError("the planted crash")\n\n\ndef main(')
    staging.ok("build")
    with Traffic(PORT) as traffic:
        said = staging.inv("deploy", "--env", "staging")
    failed = expect_old_release(staging, before, said)
    assert "the planted crash" in said.stderr
    assert "backend-" in said.stderr
    assert "CrashLoopBackOff" in said.stderr or "Error" in said.stderr
    assert traffic.bad == []
    assert len(traffic.releases) == 1
    assert failed["cause"]
    staging.restore()
    assert "unchanged" in staging.ok("build", "deploy", "--env", "staging").stdout


def test_a_release_that_never_becomes_ready_fails_at_its_deadline(staging: Clone) -> None:
    before = staging.status()
    staging.edit("plimsoll.toml", 'timeout = "300s"\nrollback', 'timeout = "30s"\nrollback')
    staging.edit(DEPLOYMENT, "path: /health/ready", "path: /health/never")
    said = staging.inv("build", "deploy", "--env", "staging")
    expect_old_release(staging, before, said)
    assert "backend" in said.stderr


def test_a_failing_migration_touches_no_workload(staging: Clone) -> None:
    before = staging.status()
    staging.write(
        "backend/migrations/versions/9999_broken.py",
        '"""Planted."""\n\nrevision = "9999"\ndown_revision = "0001"\nbranch_labels = None\ndepends_on = None\n\n\n'
        'def upgrade() -> None:\n    raise RuntimeError("the planted migration")\n\n\ndef downgrade() -> None:\n    pass\n',
    )
    staging.ok("build")
    with Traffic(PORT) as traffic:
        said = staging.inv("deploy", "--env", "staging")
    expect_old_release(staging, before, said)
    assert "the planted migration" in said.stderr
    assert traffic.bad == []
    assert len(traffic.releases) == 1


def test_a_failing_smoke_test_brings_the_old_release_back(staging: Clone) -> None:
    before = staging.status()
    staging.edit("plimsoll.toml", 'path = "/api/v1/participants"', 'path = "/api/v1/nowhere"')
    staging.edit("infrastructure/kubernetes/base/backend/kustomization.yaml", "LOG_LEVEL=info", "LOG_LEVEL=debug")
    staging.edit("plimsoll.toml", 'smoke_timeout = "30s"', 'smoke_timeout = "5s"')
    said = staging.inv("build", "deploy", "--env", "staging")
    assert said.code == 1
    assert "/api/v1/nowhere" in said.stderr
    failed = next(each for each in staging.history() if each["state"] == "failed")
    assert "/api/v1/nowhere" in failed["cause"]
    assert before["release"] != failed["release"]
    staging.restore()
    staging.ok("build", "deploy", "--env", "staging")
    assert staging.status()["verified"]


def test_a_rollback_by_hand_brings_back_the_release_before_with_its_configuration(staging: Clone) -> None:
    first, marked = staging.status(), serving()
    staging.edit("infrastructure/kubernetes/base/backend/kustomization.yaml", "LOG_LEVEL=info", "LOG_LEVEL=warning")
    second = staging.ok("build", "deploy", "--env", "staging", "--json").json
    said = staging.ok("rollback", "--env", "staging", "--json")
    check(said.json)
    assert said.seconds < 30
    assert said.json["rollback_of"] == second["release"]
    status = staging.status()
    assert status["verified"]
    assert status["images"] == first["images"]
    states = {each["release"]: each["state"] for each in staging.history()}
    assert states[second["release"]] == "rolled-back"
    assert origin(staging, status["release"]) == origin(staging, first["release"])
    assert serving() == marked


def test_status_is_whole_from_another_folder_and_without_the_state_folder(
    staging: Clone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = staging.status()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))
    said = staging.ok("status", "--env", "staging", "--json")
    assert said.json == known
    assert "kubeconfig" in said.stderr


def test_a_killed_deploy_is_repaired_by_the_next_one(staging: Clone) -> None:
    staging.edit("infrastructure/kubernetes/base/backend/kustomization.yaml", "LOG_LEVEL=info", "LOG_LEVEL=error")
    staging.ok("build")
    child = staging.start("deploy", "--env", "staging")
    before = {each["release"] for each in staging.history()}
    deadline = time.monotonic() + 60
    while {each["release"] for each in staging.history()} == before and time.monotonic() < deadline:
        time.sleep(0.2)
    child.kill()
    child.communicate(timeout=10)
    said = staging.ok("deploy", "--env", "staging")
    assert said.seconds < 90
    status = staging.status()
    assert status["verified"]
    states = [each["state"] for each in staging.history()]
    assert states.count("verified") == 1
    assert "pending" not in states


def test_two_deploys_at_once_come_one_after_the_other(staging: Clone) -> None:
    staging.edit("infrastructure/kubernetes/base/backend/kustomization.yaml", "LOG_LEVEL=info", "LOG_LEVEL=critical")
    staging.ok("build")
    pair = [staging.start("deploy", "--env", "staging", "--json") for _ in range(2)]
    said = [child.communicate(timeout=300) for child in pair]
    assert [child.returncode for child in pair] == [0, 0], said
    outcomes = sorted(json.loads(out)["outcome"] for out, _err in said)
    assert outcomes == ["released", "unchanged"]
    assert [each["state"] for each in staging.history()].count("verified") == 1
