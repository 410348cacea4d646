"""[[notify]] of plimsoll.toml and `inv notify.test`, through the front door."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from plimsoll.config import load
from plimsoll.domain.channel import Channel
from plimsoll.domain.notification import Tried
from plimsoll.errors import EnvironmentLacks, Misconfigured
from plimsoll.ui.notify import draw_tried
from plimsoll.wiring.notify import messenger

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = """
[project]
name = "shop"
source = "https://example.com/shop"
[registry]
repository = "registry.example.com/shop"
local = false
[services.web]
dockerfile = "web.Dockerfile"
context = "web"
[environments.staging]
namespace = "shop-staging"
overlay = "k8s/staging"
"""
CHANNELS = """
[[notify]]
name = "team"
kind = "slack"
url_from = "TEAM_URL"
on = ["failed", "rolled-back", "verified"]
environments = ["staging"]

[[notify]]
name = "hook"
kind = "webhook"
url_from = "HOOK_URL"
secret_from = "HOOK_SECRET"

[[notify]]
name = "post"
kind = "email"
host = "mail.example.org"
port = 25
from = "plimsoll@example.org"
to = ["team@example.org"]
user_from = "MAIL_USER"
password_from = "MAIL_PASSWORD"
"""


def problems(folder: Path, text: str) -> str:
    (folder / "plimsoll.toml").write_text(SETTINGS + text)
    with pytest.raises(Misconfigured) as refused:
        load(folder)
    return str(refused.value)


def test_channels_are_read_whole(tmp_path: Path) -> None:
    (tmp_path / "plimsoll.toml").write_text(SETTINGS + CHANNELS)
    team, hook, post = load(tmp_path).project.notify
    assert (team.kind, team.on, team.environments) == ("slack", ("failed", "rolled-back", "verified"), ("staging",))
    assert (hook.on, hook.variables) == (("failed", "rolled-back"), ("HOOK_URL", "HOOK_SECRET"))
    assert post.mail is not None
    assert (post.mail.port, post.mail.starttls, post.mail.to) == (25, True, ("team@example.org",))


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ('environments = ["staging"]', 'environments = ["prod"]', "notify[0].environments: there is no environment 'prod'"),
        ('name = "hook"', 'name = "team"', "notify[1].name: 'team' is taken by another channel"),
        ('url_from = "TEAM_URL"', "", "notify[0]: url_from is missing"),
        ('url_from = "TEAM_URL"', 'urlfrom = "TEAM_URL"', "notify[0].urlfrom: is not a setting; did you mean 'url_from'?"),
        ('on = ["failed", "rolled-back", "verified"]', 'on = ["fail"]', "notify[0]: on 'fail' must be one of"),
        ('host = "mail.example.org"', "", "notify[2]: host is missing"),
        ('kind = "slack"', "", "notify[0].kind: is missing"),
    ],
)
def test_wrong_channels_are_told_with_their_place(tmp_path: Path, before: str, after: str, why: str) -> None:
    assert why in problems(tmp_path, CHANNELS.replace(before, after, 1))


def test_a_url_in_the_settings_is_refused_and_not_repeated(tmp_path: Path) -> None:
    told = problems(tmp_path, CHANNELS.replace('"TEAM_URL"', '"https://hooks.example.org/T0KEN"'))
    assert "notify[0]: url_from and secret_from" in told
    assert "T0KEN" not in told


def test_the_commented_example_is_read_once_it_is_uncommented(tmp_path: Path, root: Path) -> None:
    text = (root / "plimsoll.toml").read_text()
    example = re.search(r"(?:^# ?\[\[notify\]\]\n(?:^#.*\n)+)", text, re.MULTILINE)
    assert example is not None
    (tmp_path / "plimsoll.toml").write_text(text.replace(example[0], re.sub(r"(?m)^# ?", "", example[0])))
    assert [each.kind for each in load(tmp_path).project.notify] == ["slack", "webhook", "email"]


@pytest.fixture
def folder(tmp_path: Path, root: Path) -> Path:
    (tmp_path / "plimsoll.toml").write_text(SETTINGS + CHANNELS)
    (tmp_path / "tasks.py").write_text("from plimsoll.tasks import collect\n\nns = collect()\n")
    (tmp_path / "invoke.yaml").write_text((root / "invoke.yaml").read_text())
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    return tmp_path


def inv(folder: Path, root: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(root),
        "XDG_STATE_HOME": str(folder / "state"),
        "GITHUB_ACTIONS": "",
        **variables,
    }
    return subprocess.run(
        [sys.executable, "-m", "plimsoll.tasks", "notify.test", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_a_dry_run_prints_the_message_without_any_variable_being_set(folder: Path, root: Path) -> None:
    done = inv(folder, root, "--channel", "hook", "--dry-run", "--json")
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert (told["schema"], told["sent"], told["message"]["event"]) == ("plimsoll.notify.test/1", False, "test")


def drawn(tried: Tried) -> str:
    console = Console(file=io.StringIO(), width=140, soft_wrap=True)
    draw_tried(tried, console)
    return console.file.getvalue()


def test_a_mail_that_would_be_sent_is_shown_as_one(tmp_path: Path) -> None:
    (tmp_path / "plimsoll.toml").write_text(SETTINGS + CHANNELS)
    post = load(tmp_path).project.notify[2]
    told = {"from": "a@example.org", "to": ["b@example.org", "c@example.org"], "subject": "what", "text": "all\nof it\n"}
    assert drawn(Tried(channel=post, message=told, sent=False)) == (
        "post (email) would be told:\nFrom: a@example.org\nTo: b@example.org, c@example.org\nSubject: what\n\nall\nof it\n"
    )
    assert drawn(Tried(channel=post, message=told, sent=True)) == "✔ post was told (email)\n"


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEAM_URL", raising=False)
    with pytest.raises(EnvironmentLacks, match="the environment variable TEAM_URL is not set"):
        messenger(Channel(name="team", kind="slack", url_from="TEAM_URL"))


def test_a_dead_channel_fails_its_test_and_its_secret_is_nowhere(folder: Path, root: Path) -> None:
    done = inv(folder, root, "--channel", "team", "--json", TEAM_URL="http://127.0.0.1:1/T0KEN")
    assert done.returncode == 4
    assert json.loads(done.stdout)["error"]["code"] == "channel-dead"
    assert "T0KEN" not in done.stdout + done.stderr


def test_an_unknown_channel_gets_a_suggestion(folder: Path, root: Path) -> None:
    done = inv(folder, root, "--channel", "tem")
    assert done.returncode == 2
    assert "did you mean 'team'?" in done.stderr
