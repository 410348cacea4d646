"""Plans and approvals as people read them, before they say yes."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from typing import TYPE_CHECKING

from rich.console import Console

from plimsoll.domain.plan_report import ApprovedPlan
from plimsoll.ui import plan as ui
from tests.fake_site import PRODUCTION, World, images
from tests.unit.domain.test_plan_file import saved

if TYPE_CHECKING:
    from collections.abc import Callable


def drawn(draw: Callable[..., None], result: object, width: int = 140) -> str:
    out = StringIO()
    draw(result, Console(file=out, width=width, force_terminal=False))
    return out.getvalue()


def test_a_plan_for_a_protected_environment_says_that_it_needs_an_approval_unless_there_is_nothing_to_do() -> None:
    world = World()
    assert "needs an approval: production is protected" in drawn(ui.draw_result, world.plan(environment=PRODUCTION))
    assert "needs an approval" not in drawn(ui.draw_result, world.plan())
    world.deploy(environment=PRODUCTION)
    assert "needs an approval" not in drawn(ui.draw_result, world.plan(environment=PRODUCTION))


def test_a_plan_says_what_stands_in_the_way_just_now() -> None:
    world = World()
    world.deploy()
    world.site().holds.acquire("grace", "a freeze for the launch", "1h")
    assert "a freeze for the launch" in drawn(ui.draw_result, world.plan())


def test_a_saved_plan_says_where_it_is_and_until_when_it_holds() -> None:
    world = World()
    plan = saved(world)
    told = drawn(ui.draw_result, replace(world.plan(), saved=plan, file="plan.json"))
    assert f"saved in plan.json, holds until {plan.expires_at}" in told
    assert plan.digest in told


def test_an_approver_sees_the_whole_plan_who_made_it_and_of_what() -> None:
    plan = saved()
    told = drawn(ui.draw_saved, replace(plan, candidate=replace(plan.candidate, dirty=True)))
    assert "+ Deployment/web" in told
    assert images()["web"].reference in told
    assert "made by ada at 2030-01-02T03:04:05Z" in told
    assert "with uncommitted changes" in told
    assert "of staging-12, made by ada" in drawn(ui.draw_saved, replace(plan, version="staging-12"))
    done = drawn(ui.draw_approved, ApprovedPlan(saved=plan, approver="grace", expires_at=plan.expires_at, file="yes.json"))
    assert "staging-1 to staging is approved by grace until" in done
    assert "yes.json" in done


def test_nothing_in_a_plan_tells_the_terminal_to_hide_something() -> None:
    plan = saved()
    field = {"path": "metadata.annotations.note\x1b[2K", "before": "a\x1b[1A\x1b[2Kharmless", "after": "\u202egnp.exe\r"}
    hostile = {**plan.plan, "changes": [{"object": "Service/web", "fields": [field]}], "notes": ["\x1b[8mhidden"]}
    told = drawn(ui.draw_saved, replace(plan, plan=hostile, made_by="ada\x1b[2K"))
    assert not [char for char in told if not char.isprintable() and char != "\n"]
    for shown in ("a\\u001b[1A\\u001b[2Kharmless", "\\u202egnp.exe", "\\u001b[8mhidden", "ada\\u001b[2K"):
        assert shown in told
