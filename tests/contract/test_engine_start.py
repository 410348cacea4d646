"""Starting an engine of our own: a real dockerd beside the machine's, with its own socket, data and running state."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plimsoll.adapters import process
from plimsoll.adapters.administrator import Administrator
from plimsoll.adapters.dockerd import EngineHome, EngineStarter, answers
from plimsoll.adapters.engine import DockerEngine
from plimsoll.errors import EnvironmentLacks
from tests.needs import need_program

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineHome]:
    """An engine's home in a short folder (socket paths end at 108 characters), not on tmpfs; its engine is stopped afterwards."""
    if os.geteuid() != 0:
        pytest.skip("an engine of our own needs root")
    dockerd, unshare = need_program("dockerd"), need_program("unshare")
    folder = Path(tempfile.mkdtemp(prefix="plimsoll-engine-", dir="/var/tmp"))
    # A second engine without a bridge takes the first one's away, unless it lives in a network of its own.
    program(folder / "bin" / "dockerd", f'exec {unshare} --net -- {dockerd} "$@"')
    monkeypatch.setenv("PATH", f"{folder}/bin:{os.environ['PATH']}")
    home = EngineHome(
        folder=folder / "home",
        socket=folder / "docker.sock",
        running=folder / "run",
        pid_file=folder / "docker.pid",
        settings=folder / "daemon.json",
        containerd=folder / "containerd.sock",
        arguments=(
            *("--data-root", str(folder / "data"), "--bridge", "none", "--iptables=false", "--ip6tables=false"),
            # Where a containerd of the system is shared, its namespaces are not.
            *("--containerd-namespace", "plimsoll-test", "--containerd-plugins-namespace", "plimsoll-test-plugins"),
        ),
    )
    yield home
    for pid_file in (home.pid_file, home.running / "containerd" / "containerd.pid"):
        with suppress(OSError, ValueError):
            end(int(pid_file.read_text()), pid_file.stem)
    for child in process._outliving:
        child.poll()  # an engine outlives its starter, but this starter stays to see it end
    # A killed engine leaves its data folder mounted on itself.
    subprocess.run(("umount", "--lazy", folder / "data"), check=False, capture_output=True)
    shutil.rmtree(folder, ignore_errors=True)


def program(path: Path, text: str) -> None:
    """Write a shell script."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def end(pid: int, program: str, sign: int = signal.SIGTERM) -> None:
    """Stop a process of ours and return when it is gone."""
    named = Path("/proc", str(pid), "comm")
    if not named.exists() or named.read_text().strip() not in {program, f"{program}d"}:
        return
    os.kill(pid, sign)
    for _ in range(300):
        if not named.exists() or "Z" in Path("/proc", str(pid), "stat").read_text().split()[2]:
            return
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)


def pid_of(home: EngineHome) -> int:
    return int(home.pid_file.read_text())


def starter(home: EngineHome, patience: float = 60) -> EngineStarter:
    return EngineStarter(home, Administrator(), patience=patience)


def test_an_engine_is_started_with_the_containerd_image_store(home: EngineHome) -> None:
    need_program("docker")
    (home.settings).write_text('{"labels": ["theirs=kept"]}')
    start = starter(home)
    engine = DockerEngine(start, environ={**os.environ, "DOCKER_HOST": f"unix://{home.socket}"})
    assert not engine.facts().running
    engine.start(systemd=False)
    facts = engine.facts()
    assert (facts.running, facts.containerd_store, facts.chosen) == (True, True, False)
    assert facts.root == str(home.socket.parent / "data")
    labels = subprocess.run(
        ("docker", "-H", f"unix://{home.socket}", "info", "--format", "{{.Labels}}"), check=True, capture_output=True, text=True
    )
    assert "theirs=kept" in labels.stdout
    assert home.settings.read_text() == '{"labels": ["theirs=kept"]}'


def test_an_engine_that_answers_is_left_alone(home: EngineHome) -> None:
    starter(home).start(systemd=False)
    first = pid_of(home)
    starter(home).start(systemd=False)
    assert pid_of(home) == first


def test_what_a_killed_engine_left_does_not_prevent_the_next_start(home: EngineHome) -> None:
    starter(home).start(systemd=False)
    end(pid_of(home), "docker", signal.SIGKILL)
    containerd_pid = home.running / "containerd" / "containerd.pid"
    with suppress(OSError, ValueError):
        end(int(containerd_pid.read_text()), "containerd", signal.SIGKILL)
    # Its number now belongs to somebody else, which is what makes dockerd refuse to start.
    home.pid_file.write_text(str(os.getpid()))
    containerd_pid.write_text(str(os.getpid()))
    home.containerd.touch()
    assert not answers(home.socket)
    starter(home).start(systemd=False)
    assert answers(home.socket)


def test_an_engine_that_dies_says_its_last_words(home: EngineHome) -> None:
    home.settings.write_text('{"storage-driver": "no-such-driver", "no-such-setting": 1}')
    with pytest.raises(EnvironmentLacks) as raised:
        starter(home).start(systemd=False)
    assert "died" in raised.value.what
    assert "no-such-setting" in raised.value.what
    assert raised.value.where == str(home.folder / "dockerd.log")


def test_settings_that_are_no_json_are_named(home: EngineHome) -> None:
    home.settings.write_text("{")
    with pytest.raises(EnvironmentLacks, match="settings cannot be read"):
        starter(home).start(systemd=False)


def test_an_engine_that_never_answers_is_given_up_and_stopped(home: EngineHome) -> None:
    silent = home.socket.parent / "bin" / "dockerd"
    program(silent, "echo thinking about it\nexec sleep 60")
    with pytest.raises(EnvironmentLacks, match="did not answer within 1 s") as raised:
        starter(home, patience=1).start(systemd=False)
    assert "thinking about it" in raised.value.what
    assert not subprocess.run(("pgrep", "-f", str(silent.parent)), check=False, capture_output=True).stdout
