"""`inv doctor` and `inv setup` as a user meets them: exit codes, one JSON object, and what they refuse."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

ROOT = Path(__file__).parents[2]
# One tool from one package that no registry has.
VANISHED = """
[tools.scanner]
why = "judges images"
needed = "release"
at_least = "1"
program = "scanner"
says = "Version: "

[[tools.scanner.sources]]
kind = "python"
package = "plimsoll-test-scanner"
version = "1.0"
program = "bin/scanner"
sha256.linux-amd64 = "0000000000000000000000000000000000000000000000000000000000000000"
hash_from = "nobody"
"""


@dataclass(frozen=True)
class Answer:
    """How a command ended, and what it printed."""

    code: int
    stdout: str
    stderr: str

    @property
    def told(self) -> dict[str, Any]:
        """The one object, after it was held to its published schema."""
        found: dict[str, Any] = json.loads(self.stdout)
        name = found["schema"].removeprefix("plimsoll.").replace("/", "-")
        jsonschema.validate(found, json.loads((ROOT / "plimsoll" / "schemas" / f"{name}.json").read_text()))
        return found

    def line(self, name: str) -> dict[str, Any]:
        return next(each for each in self.told["tools"] if each["name"] == name)


def inv(*words: str, folder: Path = ROOT, **environ: str) -> Answer:
    """Run Plimsoll in a repository, with state and cache in the places that `environ` names."""
    done = subprocess.run(
        (sys.executable, "-m", "plimsoll.tasks", *words),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Answer(code=done.returncode, stdout=done.stdout, stderr=done.stderr)


@pytest.fixture
def elsewhere(tmp_path: Path) -> dict[str, str]:
    """A user who never installed anything."""
    return {"XDG_CACHE_HOME": str(tmp_path / "cache"), "XDG_STATE_HOME": str(tmp_path / "state")}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Another repository that uses Plimsoll, with pins of its own."""
    folder = tmp_path / "repository"
    (folder / "infrastructure").mkdir(parents=True)
    shutil.copy(ROOT / "plimsoll.toml", folder)
    shutil.copy(ROOT / "tasks.py", folder)
    (folder / "infrastructure" / "versions.toml").write_text(VANISHED)
    return folder


def test_the_doctor_prints_one_object_and_agrees_with_its_exit_code() -> None:
    answer = inv("doctor", "--json")
    assert answer.told["schema"] == "plimsoll.doctor/1"
    assert (answer.code == 0) is answer.told["ok"]
    assert {"docker", "trivy", "kind", "kubectl", "python", "disk", "bases"} <= {each["name"] for each in answer.told["tools"]}


def test_the_doctor_shows_people_a_table_and_the_repairs(elsewhere: dict[str, str]) -> None:
    answer = inv("doctor", **elsewhere)
    assert answer.code == 4
    assert "wanted" in answer.stdout
    assert "./inv setup" in answer.stdout
    assert "trivy (missing)" in answer.stderr


def test_a_missing_tool_is_exit_4_with_everything_else_still_told(elsewhere: dict[str, str]) -> None:
    answer = inv("doctor", "--json", **elsewhere)
    assert answer.code == 4
    assert answer.line("kubectl") | {"note": ""} == {
        "name": "kubectl",
        "wanted": "1.34.4",
        "found": "",
        "state": "missing",
        "repair": "./inv setup",
        "needed": True,
        "source": "",
        "note": "",
    }
    assert answer.told["ok"] is False


def test_a_known_bad_trivy_on_path_is_refused_without_having_run(tmp_path: Path) -> None:
    bad = tmp_path / "bin" / "trivy"
    bad.parent.mkdir()
    bad.write_text(f"#!/bin/sh\n: > {tmp_path}/ran\necho Version: 0.76.0\n# mod\tgithub.com/aquasecurity/trivy\tv0.69.5\t\n")
    bad.chmod(0o755)
    answer = inv("doctor", "--json", PATH=f"{bad.parent}:{os.environ['PATH']}")
    assert answer.code == 4
    line = answer.line("trivy")
    assert (line["state"], line["found"], line["repair"]) == ("denied", "0.69.5", f"rm {bad}")
    assert "CVE-2026-33634" in line["note"]
    assert not (tmp_path / "ran").exists()


def test_a_users_own_binary_takes_the_pinned_ones_place(tmp_path: Path) -> None:
    own = tmp_path / "scanner"
    own.write_text("#!/bin/sh\necho Version: 0.77.1\n")
    own.chmod(0o755)
    line = inv("doctor", "--json", PLIMSOLL_TRIVY=str(own)).line("trivy")
    assert (line["state"], line["found"], line["source"]) == ("ok", "0.77.1", f"{own} (PLIMSOLL_TRIVY)")


def test_an_engine_that_does_not_answer_is_told(tmp_path: Path) -> None:
    line = inv("doctor", "--json", DOCKER_HOST=f"unix://{tmp_path}/nobody.sock").line("docker")
    assert (line["state"], line["source"]) == ("not running", f"unix://{tmp_path}/nobody.sock")


def test_setup_says_what_it_would_do_and_does_nothing(elsewhere: dict[str, str], tmp_path: Path) -> None:
    answer = inv("setup", "--dry-run", "--json", **elsewhere)
    assert answer.code == 0
    assert (answer.told["dry_run"], answer.told["changed"]) == (True, False)
    assert "install trivy" in " ".join(step["title"] for step in answer.told["steps"])
    assert not (tmp_path / "cache" / "plimsoll" / "tools").exists()


def test_a_pin_that_vanished_is_exit_4_and_names_the_setting(repository: Path, elsewhere: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    registry = {"UV_NO_INDEX": "1", "UV_FIND_LINKS": str(tmp_path / "wheels")}
    answer = inv("setup", "--yes", folder=repository, **elsewhere, **registry)
    assert answer.code == 4
    assert "infrastructure/versions.toml, [[tools.scanner.sources]]" in answer.stderr
    assert "plimsoll-test-scanner 1.0" in answer.stderr
    assert "plimsoll.local.toml" in answer.stderr


def test_pins_that_are_not_whole_are_exit_2_all_at_once(repository: Path, elsewhere: dict[str, str]) -> None:
    broken = VANISHED.replace('why = "judges images"\n', "").replace('hash_from = "nobody"\n', "")
    (repository / "infrastructure" / "versions.toml").write_text(broken)
    answer = inv("doctor", folder=repository, **elsewhere)
    assert answer.code == 2
    assert "tools.scanner.why" in answer.stderr
    assert "tools.scanner.sources[0].hash_from" in answer.stderr


def test_versions_that_are_no_toml_are_exit_2(repository: Path, elsewhere: dict[str, str]) -> None:
    (repository / "infrastructure" / "versions.toml").write_text("[tools")
    answer = inv("setup", "--json", folder=repository, **elsewhere)
    assert answer.code == 2
    assert "versions.toml" in answer.told["error"]["what"]


def test_a_misspelt_tool_in_the_local_settings_is_exit_2_with_a_suggestion(repository: Path, elsewhere: dict[str, str]) -> None:
    (repository / "plimsoll.local.toml").write_text('[tools]\nscaner = "/usr/bin/scanner"\n')
    answer = inv("doctor", folder=repository, **elsewhere)
    assert answer.code == 2
    assert "did you mean 'scanner'?" in answer.stderr


def test_a_path_in_the_local_settings_counts_from_the_repositorys_root(repository: Path, elsewhere: dict[str, str]) -> None:
    own = repository / "bin" / "scanner"
    own.parent.mkdir()
    own.write_text("#!/bin/sh\necho Version: 1.2\n")
    own.chmod(0o755)
    (repository / "plimsoll.local.toml").write_text('[tools]\nscanner = "bin/scanner"\n')
    line = inv("doctor", "--json", folder=own.parent, **elsewhere).line("scanner")
    assert (line["state"], line["source"]) == ("ok", f"{own} (plimsoll.local.toml, [tools] scanner)")
