"""`deploy` and `rollback` as the tasks call them, with the settings of a repository: channels hear of them from real servers."""

from __future__ import annotations

import json
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from plimsoll import wiring
from plimsoll.domain.promotion import Candidate
from plimsoll.errors import Failed
from plimsoll.wiring import candidates, releases
from plimsoll.workflows.deploy_plan import Supply
from tests.fake_site import World, images

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETTINGS = """
[project]
name = "hello"
source = "https://example.org/hello"
[registry]
repository = "localhost:5001/hello"
[services.web]
dockerfile = "web.Dockerfile"
context = "web"
[environments.staging]
namespace = "hello-staging"
overlay = "overlays/staging"
[[notify]]
name = "team"
kind = "slack"
url_from = "TEAM_URL"
on = ["verified", "failed", "rolled-back"]
[[notify]]
name = "gone"
kind = "webhook"
url_from = "GONE_URL"
on = ["verified", "failed", "rolled-back"]
"""
GONE = "http://127.0.0.1:1/T0KEN"


@pytest.fixture
def said() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    got: list[dict[str, Any]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/team", got
        server.shutdown()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: tuple[str, Any]) -> Iterator[World]:
    (tmp_path / "plimsoll.toml").write_text(SETTINGS)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TEAM_URL", said[0])
    monkeypatch.setenv("GONE_URL", GONE)
    wiring.root.cache_clear()
    wiring.settings.cache_clear()
    world = World()
    # The cluster and the images are fakes; composition, settings, channels and their servers are real.
    parts = Supply(renderer=world.overlay, schemas=lambda: world.schemas, registry=world.registry, publish=dict)
    monkeypatch.setattr(releases, "site", lambda _environment, _reporter: world.site())
    monkeypatch.setattr(candidates, "supply", lambda *_where, **_how: parts)
    candidate = Candidate(images=images(web="2"), git_revision="0" * 40, dirty=False)
    monkeypatch.setattr(candidates, "present", lambda *_where: candidate)
    yield world
    wiring.root.cache_clear()
    wiring.settings.cache_clear()


def test_a_deploy_and_a_rollback_are_told_and_a_dead_channel_is_a_warning(world: World, said: tuple[str, Any]) -> None:
    world.deploy()
    assert releases.deploy("staging", releases.Options(), world.reporter).outcome == "released"
    releases.rollback("staging", None, world.reporter, yes=True, wait_lock=0)
    assert [each["text"] for each in said[1]] == [
        "hello, staging: staging-2 is verified",
        "hello, staging: staging-1 runs again instead of staging-2, verified as staging-3",
    ]
    warnings = [each for each in world.reporter.lines("warn") if "gone" in each]
    assert len(warnings) == 2
    assert warnings[0] == ("the channel gone was not told: it is not reached: Connection refused. The outcome stays as it is")
    assert "T0KEN" not in str(world.reporter.said)


def test_a_failed_deploy_is_told_once_with_its_cause(world: World, said: tuple[str, Any]) -> None:
    world.cluster.behaviour = "crash"
    with pytest.raises(Failed, match="CrashLoopBackOff"):
        releases.deploy("staging", releases.Options(), world.reporter)
    (told,) = said[1]
    assert told["text"] == "hello, staging: staging-1 failed"
    assert "CrashLoopBackOff" in told["attachments"][0]["text"]
