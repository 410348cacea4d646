"""plimsoll.toml: what is read, and how wrong settings are told."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from plimsoll.config import load
from plimsoll.errors import Misconfigured

if TYPE_CHECKING:
    from pathlib import Path

SMALL = """
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
port = 8081
node_port = 30081
"""


def write(folder: Path, text: str) -> Path:
    (folder / "plimsoll.toml").write_text(text)
    return folder


def problems(folder: Path, text: str) -> str:
    with pytest.raises(Misconfigured) as raised:
        load(write(folder, text))
    assert raised.value.exit_code == 2
    return str(raised.value)


def test_settings_of_this_repository_are_read_whole(root: Path) -> None:
    project = load(root).project
    assert project.name == "check-in"
    assert set(project.environments) == {"local", "staging", "production"}
    assert project.environments["production"].protected
    assert project.services["backend"].budget_bytes == 200_000_000
    assert project.rollout.timeout == 300


def test_left_out_settings_have_defaults(tmp_path: Path) -> None:
    project = load(write(tmp_path, SMALL)).project
    assert project.cluster.name == "shop"
    assert project.scan.severities == ("HIGH", "CRITICAL")
    assert project.environments["staging"].address == "http://127.0.0.1:8081"


def test_every_problem_is_told_at_once_with_its_path(tmp_path: Path) -> None:
    broken = SMALL.replace('source = "https://example.com/shop"', "source = 7").replace('kind = "runtime"', 'kind = "slim"')
    told = problems(tmp_path, broken.replace("node_port = 30081", 'node_port = "high"'))
    assert "the settings have 3 problems" in told
    assert "project.source: should be a text, not 7" in told
    assert "bases.python: kind 'slim' must be 'builder' or 'runtime'" in told
    assert "environments.staging.node_port: should be a whole number" in told


def test_settings_without_services_say_how_to_add_one(tmp_path: Path) -> None:
    assert "services: there is none; add one as [services.NAME]" in problems(
        tmp_path, SMALL.split("[services.web]", maxsplit=1)[0]
    )


def test_a_port_without_its_node_port_is_refused(tmp_path: Path) -> None:
    assert "environments.staging: port and node_port come together" in problems(tmp_path, SMALL.replace("node_port = 30081", ""))


def test_a_misspelt_key_gets_a_suggestion(tmp_path: Path) -> None:
    told = problems(tmp_path, SMALL.replace("namespace =", "namspace ="))
    assert "environments.staging.namspace: is not a setting; did you mean 'namespace'?" in told
    assert "environments.staging.namespace: is missing" in told


def test_a_misspelt_section_gets_a_suggestion(tmp_path: Path) -> None:
    assert "scans: is not a setting; did you mean 'scan'?" in problems(tmp_path, SMALL + "[scans]\n")


def test_a_service_on_an_unknown_base_is_refused(tmp_path: Path) -> None:
    told = problems(tmp_path, SMALL.replace('bases = ["python"]', 'bases = ["phyton"]'))
    assert "service 'web' stands on base 'phyton'" in told


def test_two_environments_on_one_port_are_refused(tmp_path: Path) -> None:
    more = '[environments.qa]\nnamespace = "shop-qa"\noverlay = "k8s/qa"\nport = 8081\nnode_port = 30082\n'
    assert "environments.qa.port: 8081 is already taken by 'staging'" in problems(tmp_path, SMALL + more)


def test_a_path_outside_the_repository_is_refused(tmp_path: Path) -> None:
    assert "'../web' must be a path inside the repository" in problems(
        tmp_path, SMALL.replace('context = "web"', 'context = "../web"')
    )


def test_a_duration_without_unit_is_refused_with_an_example(tmp_path: Path) -> None:
    told = problems(tmp_path, SMALL + '[rollout]\ntimeout = "300"\n')
    assert "rollout.timeout: '300' is no duration; write a number and s, m, h or d, such as 300s" in told


def test_short_secrets_are_refused(tmp_path: Path) -> None:
    assert "must be between 24 and 256" in problems(tmp_path, SMALL + "[secrets.db]\npassword = 8\n")


def test_text_that_is_no_toml_names_the_line(tmp_path: Path) -> None:
    assert "line 1" in problems(tmp_path, "[project\n")


def test_exceptions_of_this_clone_are_read_from_the_local_file(tmp_path: Path) -> None:
    write(tmp_path, SMALL)
    (tmp_path / "plimsoll.local.toml").write_text(
        '[[scan_exceptions]]\nenvironment = "staging"\nreason = "no database here"\nuntil = 2026-12-01\n'
    )
    (found,) = load(tmp_path).exceptions
    assert (found.environment, found.until) == ("staging", date(2026, 12, 1))


def test_a_problem_of_the_local_file_names_that_file(tmp_path: Path) -> None:
    write(tmp_path, SMALL)
    (tmp_path / "plimsoll.local.toml").write_text("[toolz]\n")
    with pytest.raises(Misconfigured, match=r"plimsoll\.local\.toml: toolz: is not a setting; did you mean 'tools'"):
        load(tmp_path)


KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDxAUm0487c8w5TJrXYK/Z2yhmcZTUkj/of7bAvUXCIc ada@example.org"


def test_approvers_are_read_by_name(tmp_path: Path) -> None:
    project = load(write(tmp_path, f'{SMALL}\n[approvers]\n"ada@example.org" = "{KEY}"\n')).project
    assert project.approvers["ada@example.org"].names == ("ada@example.org", "ada@example.org")
    assert load(write(tmp_path, SMALL)).project.approvers == {}


def test_approvers_without_a_usable_key_are_told_each_with_its_path(tmp_path: Path) -> None:
    told = problems(tmp_path, f'{SMALL}\n[approvers]\nada = "none"\ngrace = 7\nlinus = "{KEY[:30]}"\n')
    assert "approvers.ada: 'none' is no public key" in told
    assert "approvers.grace: should be a text, not 7" in told
    assert "approvers.linus: the public key of linus is damaged" in told


def test_two_approvers_with_one_key_are_refused(tmp_path: Path) -> None:
    assert "ada and grace have the same key" in problems(tmp_path, f'{SMALL}\n[approvers]\nada = "{KEY}"\ngrace = "{KEY}"\n')


def test_a_ledger_that_keeps_no_release_is_refused(tmp_path: Path) -> None:
    assert "keep_releases must be at least 1" in problems(tmp_path, f"{SMALL}\n[rollout]\nkeep_releases = 0\n")
