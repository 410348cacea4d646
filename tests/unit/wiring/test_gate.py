"""What `--break-glass` needs, and the settings of the gate."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from plimsoll.config import load
from plimsoll.domain.gate import Standing
from plimsoll.domain.promotion import Candidate
from plimsoll.errors import Misconfigured
from plimsoll.wiring import gate
from plimsoll.wiring.releases import Options
from tests.fake_site import PRODUCTION, REVISION, STAGING, images
from tests.unit.test_config import SMALL, problems, write

if TYPE_CHECKING:
    from pathlib import Path

CANDIDATE = Candidate(images=images(), git_revision=REVISION, dirty=False)


def test_glass_is_broken_for_a_reason_only() -> None:
    for reason in ("", "x", "emergency"):
        with pytest.raises(Misconfigured, match="is no reason") as refused:
            Options(break_glass=reason)
        assert refused.value.where == "--break-glass"
    assert Options(break_glass="checkout is down").break_glass == "checkout is down"


def test_there_is_no_glass_where_there_is_no_gate() -> None:
    with pytest.raises(Misconfigured, match="staging has no gate to pass"):
        gate.terms(STAGING, CANDIDATE, broken="checkout is down")
    assert gate.terms(STAGING, CANDIDATE).known == {}


def test_broken_glass_shows_the_scanners_verdict_and_is_not_stopped_by_it() -> None:
    assert gate.opened(PRODUCTION, None) is PRODUCTION
    assert gate.opened(PRODUCTION, "checkout is down").gate == "show"


def test_an_environment_whose_scan_gate_blocks_asks_for_the_verdict() -> None:
    assert gate.terms(PRODUCTION, CANDIDATE).required == {"scanned"}
    assert gate.terms(replace(PRODUCTION, gate="show"), CANDIDATE).required == set()


def test_a_commit_that_this_clone_does_not_have_is_not_held_against_a_release() -> None:
    found = gate.terms(PRODUCTION, CANDIDATE).known["branch"]
    assert found.standing is Standing.NOT_PROVIDED
    assert "this clone does not know the commit 0123456789ab" in found.detail


def test_the_gate_of_settings_that_name_none_asks_for_main_and_nothing_else(tmp_path: Path) -> None:
    found = load(write(tmp_path, SMALL)).project.gate
    assert (found.release_branch, found.require) == ("main", ())


def test_branch_and_required_items_are_read(tmp_path: Path) -> None:
    text = f'{SMALL}\n[gate]\nrelease_branch = "release/2030"\nrequire = ["tests", "backup"]\n'
    found = load(write(tmp_path, text)).project.gate
    assert (found.release_branch, found.require) == ("release/2030", ("tests", "backup"))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('require = ["approval"]', "approval is asked for in any case"),
        ('require = ["test"]', "require 'test' must be one of clean, branch"),
        ('release_branch = "-x"', "no name of a branch"),
        ('release_branch = "ma*n"', "no name of a branch"),
        ("releasebranch = 1", "did you mean 'release_branch'?"),
    ],
)
def test_what_is_wrong_with_it_is_told(tmp_path: Path, line: str, problem: str) -> None:
    assert problem in problems(tmp_path, f"{SMALL}\n[gate]\n{line}\n")
