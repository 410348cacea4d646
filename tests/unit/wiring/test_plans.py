"""Saving plans: which are written, and which are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from plimsoll.errors import Misconfigured
from plimsoll.wiring import plans
from tests.fake_site import PRODUCTION, World

if TYPE_CHECKING:
    from pathlib import Path

    from plimsoll.domain.plan_report import PlanResult


def save(world: World, result: PlanResult, file: Path, lasts: str = "24h") -> PlanResult:
    return plans.save(result, str(file), lasts=lasts, version=None, options={}, actor="ada", reporter=world.reporter)


def test_a_plan_that_would_be_refused_is_not_written_and_that_is_said(tmp_path: Path) -> None:
    world, file = World(), tmp_path / "plan.json"
    result = save(world, world.plan(environment=PRODUCTION, dirty=True), file)
    assert result.saved is None
    assert not file.exists()
    assert world.reporter.lines("warn") == [f"{file} is not written: a deploy would refuse this plan"]


def test_a_time_that_no_plan_may_last_is_told_before_anything_is_written(tmp_path: Path) -> None:
    world, file = World(), tmp_path / "plan.json"
    with pytest.raises(Misconfigured, match="at most 7 days"):
        save(world, world.plan(), file, "30d")
    assert not file.exists()


def test_a_plan_that_is_written_is_read_again_and_is_of_this_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    monkeypatch.chdir(root)
    world, file = World(), tmp_path / "plan.json"
    result = save(world, world.plan(), file)
    assert result.saved is not None
    assert plans.read(str(file), "staging") == result.saved
    assert result.to_json()["saved"] == {
        "file": str(file),
        "digest": result.saved.digest,
        "expires_at": result.saved.expires_at,
    }
