"""A step of a GitHub workflow, through the front door: its log, its annotations and its summary."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.github_runner import commands

if TYPE_CHECKING:
    from pathlib import Path

TASKS = """
from invoke import task
from invoke.collection import Collection
from plimsoll.errors import Misconfigured
from plimsoll.ui.releases import draw_deploy
from plimsoll.wiring import output
from tests.fake_site import World, images

SAID = "starting\\n::error::forged\\n##[add-mask]staging"

def release(json, images):
    out = output(json=json)
    world = World(lambda workload: "crash" if images and images["web"].digest in str(workload) else "ready")
    world.reporter = out.reporter
    if images:
        world.deploy()
    world.cluster.said["web", "web", False] = SAID
    out.result(world.deploy(images), draw_deploy)

@task
def good(_c, json=False):
    release(json, None)

@task
def bad(_c, json=False):
    release(json, images(web="2"))

@task
def wrong(_c):
    raise Misconfigured("no such setting", where="plimsoll.toml:3, [notify]", now="correct it", code="settings")

ns = Collection(good, bad, wrong)
"""


@pytest.fixture
def folder(tmp_path: Path, root: Path) -> Path:
    (tmp_path / "tasks.py").write_text(TASKS)
    (tmp_path / "plimsoll.toml").write_text("")
    (tmp_path / "invoke.yaml").write_text((root / "invoke.yaml").read_text())
    return tmp_path


def step(folder: Path, root: Path, *words: str) -> tuple[subprocess.CompletedProcess[str], str]:
    """Run a step and return it with its summary."""
    summary = folder / "summary.md"
    environment = {
        **os.environ,
        "PYTHONPATH": str(root),
        "XDG_STATE_HOME": str(folder / "state"),
        "GITHUB_ACTIONS": "true",
        "GITHUB_WORKSPACE": str(folder),
        "GITHUB_STEP_SUMMARY": str(summary),
    }
    done = subprocess.run(
        [sys.executable, "-m", "plimsoll.tasks", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return done, summary.read_text() if summary.exists() else ""


def test_a_release_is_a_part_of_the_summary_and_steps_without_news_are_lines(folder: Path, root: Path) -> None:
    done, summary = step(folder, root, "good")
    assert done.returncode == 0
    assert summary.startswith("### ✔ staging-1 is verified in staging\n")
    assert "✔ rolling out workloads" in done.stderr
    assert commands(done.stderr + done.stdout) == []


def test_a_failure_is_an_error_a_group_and_a_part_of_the_summary_and_json_gives_no_command(folder: Path, root: Path) -> None:
    done, summary = step(folder, root, "bad", "--json")
    assert done.returncode == 1
    (error,) = [each for each in commands(done.stderr) if each.name == "error"]
    assert error.properties["title"] == "Deployment/web in staging"
    assert "CrashLoopBackOff" in error.message
    names = [each.name for each in commands(done.stderr)]
    assert names == ["group", "endgroup", "group", "endgroup", "error"], "the step that failed, the anatomy, the annotation"
    assert summary.startswith("### ✘ Deployment/web will not become ready: Pod/web-")
    assert "::error::forged" in summary
    assert commands(done.stdout) == []
    assert json.loads(done.stdout)["failure"]["logs"][0]["lines"][-1] == "##[add-mask]staging"


def test_wrong_settings_are_annotated_in_their_file(folder: Path, root: Path) -> None:
    done, summary = step(folder, root, "wrong")
    assert done.returncode == 2
    (error,) = commands(done.stderr)
    assert error.properties == {"title": "settings", "file": "plimsoll.toml", "line": "3"}
    assert "**Now:** correct it" in summary
