"""SIGINT and SIGTERM during a deploy, in a process of its own: once stops cleanly and rolls back, twice stops now."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# The process deploys twice over a cluster in its own memory. Before the request named in HALTS it says so and waits for a signal.
TASKS = """
import json, os, time
from invoke import task
from invoke.collection import Collection
from plimsoll.adapters.signals import SignalStop
from plimsoll.ui.console import ConsoleReporter
from plimsoll.ui.output import console
from tests.fake_site import World, images

@task
def release(c):
    world = World()
    world.deploy()
    world.reporter = ConsoleReporter(console(stderr=True))
    halts = os.environ["HALTS"].split(",")

    def look(call):
        if halts and f"{call.verb} {call.kind}".startswith(halts[0]) and not call.dry_run:
            halts.pop(0)
            print("halt", flush=True)
            seen, deadline = world.stop._seen, time.monotonic() + 20
            while world.stop._seen == seen and time.monotonic() < deadline:
                time.sleep(0.01)

    world.stop = SignalStop(world.reporter)
    world.cluster.on_call.append(look)
    try:
        world.deploy(images(web="2"))
    finally:
        world.cluster.on_call.clear()
        after = {"states": world.states(), "web": world.mark("web"), "free": world.free()}
        world.stop = SignalStop(world.reporter)
        world.deploy(images(web="3"))
        print(json.dumps({"after": after, "next": world.states()}), flush=True)

ns = Collection(release)
"""


def told(folder: Path, root: Path, halts: Sequence[str], signs: Sequence[signal.Signals]) -> tuple[int, str, dict[str, object]]:
    """Return exit code, what was said, and what the cluster looked like after the deploy and after the next one."""
    (folder / "tasks.py").write_text(TASKS)
    (folder / "invoke.yaml").write_text((root / "invoke.yaml").read_text())
    state = {"PYTHONPATH": str(root), "XDG_STATE_HOME": str(folder / "state"), "GITHUB_ACTIONS": "", "HALTS": ",".join(halts)}
    command = [sys.executable, "-m", "plimsoll.tasks", "release"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=folder, env={**os.environ, **state}, text=True, **pipes) as child:
        assert child.stdout is not None
        try:
            for sign in signs:
                assert child.stdout.readline() == "halt\n"
                child.send_signal(sign)
            out, said = child.communicate(timeout=30)
        finally:
            child.kill()
    assert "Traceback" not in said
    return child.returncode, said, json.loads(out.splitlines()[-1])


def test_the_first_signal_stops_cleanly_and_brings_the_old_release_back(tmp_path: Path, root: Path) -> None:
    code, said, found = told(tmp_path, root, ["watch apps/v1/Deployment"], [signal.SIGTERM])
    assert code == 130
    assert "SIGTERM: stopping cleanly" in said
    assert "staging-1 serves again" in said
    assert found["after"] == {
        "states": {"staging-1": "superseded", "staging-2": "failed", "staging-3": "verified"},
        "web": "staging-1",
        "free": True,
    }


def test_a_second_signal_stops_a_deploy_that_goes_on_and_says_what_is_left_and_what_repairs_it(
    tmp_path: Path, root: Path
) -> None:
    halts = ["watch apps/v1/Deployment", "watch apps/v1/StatefulSet"]
    code, said, found = told(tmp_path, root, halts, [signal.SIGINT, signal.SIGINT])
    assert code == 130
    assert "stopped at once in the middle of the deploy to staging: what it had begun stays as it is" in said
    assert "the next `inv deploy --env staging` or `inv rollback --env staging` finds and repairs that" in " ".join(said.split())
    states = {"staging-1": "verified", "staging-2": "failed", "staging-3": "pending"}
    assert found["after"] == {"states": states, "web": "staging-2", "free": True}
    repaired = {"staging-1": "superseded", "staging-2": "failed", "staging-3": "rollback-failed", "staging-4": "verified"}
    assert found["next"] == repaired


def test_two_signals_before_anything_was_written_change_nothing(tmp_path: Path, root: Path) -> None:
    code, said, found = told(
        tmp_path, root, ["get coordination.k8s.io/v1/Lease", "list v1/ConfigMap"], [signal.SIGTERM, signal.SIGTERM]
    )
    assert code == 130
    assert "stopped at once, before the deploy to staging changed anything" in said
    assert found["after"] == {"states": {"staging-1": "verified"}, "web": "staging-1", "free": True}
