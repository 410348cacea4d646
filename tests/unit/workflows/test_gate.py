"""The gate of production as deploys meet it: what refuses, what is recorded, and what a broken glass leaves behind."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from plimsoll.domain.gate import Evidence, Standing, Terms
from plimsoll.domain.promotion import Candidate
from plimsoll.errors import Failed, Misconfigured
from plimsoll.ui import release_records as ui
from plimsoll.ui.errors import error_object
from plimsoll.ui.releases import draw_deploy, draw_history, draw_status
from plimsoll.workflows.gate import report, require_gate, require_passed
from plimsoll.workflows.release_records import Records
from plimsoll.workflows.status import history, status
from tests.fake_site import PRODUCTION, REVISION, STAGING, World, images
from tests.unit.test_schemas import check
from tests.unit.ui.test_releases import drawn

if TYPE_CHECKING:
    from plimsoll.domain.gate import Gate

NOW = "2030-01-02T03:04:05Z"
REASON = "checkout is down, INC-4711"
ON_MAIN = {"branch": Evidence(standing=Standing.MET, detail="commit 0123 is on origin/main", at=NOW)}
ELSEWHERE = {"branch": Evidence(standing=Standing.NOT_MET, detail="commit 0123 is not on main", at=NOW)}


def proved() -> World:
    """Return a world whose staging has verified the usual images."""
    world = World()
    world.deploy()
    return world


def release(world: World, **request: Any) -> Gate:  # noqa: ANN401 -- the fields of a DeployRequest
    """Deploy to production and return the gate that was recorded."""
    world.deploy(environment=PRODUCTION, proven=world.history(STAGING), **request)
    gate = world.history(PRODUCTION).releases[-1].gate
    assert gate is not None
    return gate


def standings(gate: Gate) -> dict[str, str]:
    return {item.key: item.standing.value for item in gate.items}


def test_a_production_release_records_the_gate_that_it_passed_with_times() -> None:
    gate = release(proved(), terms=Terms(known=ON_MAIN))
    assert standings(gate) == {
        "clean": "met", "branch": "met", "staging": "met", "scanned": "met", "tests": "not provided", "backup": "not provided",
        "approval": "met",
    }  # fmt: skip
    assert gate.broken is None
    assert all(item.at for item in gate.items if item.standing is Standing.MET)
    assert "verified as staging-1" in {item.detail for item in gate.items}


def test_a_release_of_an_environment_without_a_gate_records_none() -> None:
    assert proved().release("staging-1").gate is None


@pytest.mark.parametrize(
    ("request_", "code", "exit_code"),
    [
        ({"dirty": True}, "dirty", 2),
        ({"terms": Terms(known=ELSEWHERE)}, "not-on-branch", 2),
        ({"released": images(web="2")}, "not-proven", 2),
        ({"terms": Terms(required=frozenset({"tests"}))}, "evidence-missing", 1),
        ({"terms": Terms(required=frozenset({"backup"}), known=ELSEWHERE)}, "evidence-missing", 1),
    ],
)
def test_what_is_not_met_or_required_and_not_provided_refuses_before_the_first_write(
    request_: dict[str, Any], code: str, exit_code: int
) -> None:
    world = proved()
    before = world.writes()
    with pytest.raises((Failed, Misconfigured)) as refused:
        release(world, **request_)
    assert (refused.value.code, refused.value.exit_code) == (code, exit_code)
    assert world.writes() == before
    assert world.states(PRODUCTION) == {}
    assert world.asked == [], "nobody is asked to approve what is refused anyway"


def test_broken_glass_passes_and_is_recorded_with_what_it_passed() -> None:
    world = proved()
    gate = release(world, dirty=True, terms=Terms(known=ELSEWHERE, required=frozenset({"tests"}), broken=REASON))
    assert gate.broken == REASON
    assert {item.key for item in gate.refusing} == {"clean", "branch", "tests"}
    assert world.asked == ["production"], "the glass is no approval"
    (warned,) = [line for line in world.reporter.lines("warn") if REASON in line]
    assert "passing committed sources only, on the release branch, tests green" in warned


def test_broken_glass_stands_in_status_and_history_and_in_the_release_itself() -> None:
    world = proved()
    release(world, dirty=True, terms=Terms(broken=REASON))
    site = world.site(PRODUCTION)
    for told in (
        status(site).to_json(),
        history(site).to_json(),
        Records(PRODUCTIONS, world.site).show("production-1").to_json(),
    ):
        check(told)
    assert status(site).to_json()["broken_glass"] == REASON
    assert history(site).to_json()["releases"][0]["broken_glass"] == REASON
    assert f"passed its gate by broken glass: {REASON}" in drawn(draw_status, status(site))
    assert f"glass broken: {REASON}" in drawn(draw_history, history(site))
    shown = drawn(ui.draw_release, Records(PRODUCTIONS, world.site).show("production-1"))
    assert f"! the glass was broken: {REASON}" in shown
    assert "✘ committed sources only  not met: uncommitted changes" in shown


PRODUCTIONS = {"production": PRODUCTION}


def test_the_deploy_that_broke_the_glass_says_so_at_its_end() -> None:
    world = proved()
    result = world.deploy(environment=PRODUCTION, proven=world.history(STAGING), dirty=True, terms=Terms(broken=REASON))
    assert f"! passed its gate by broken glass: {REASON}" in drawn(draw_deploy, result)


def test_broken_glass_stays_known_when_only_a_line_of_the_release_is_kept() -> None:
    world = proved()
    world.project = replace(world.project, rollout=replace(world.project.rollout, keep_releases=1))
    release(world, dirty=True, terms=Terms(broken=REASON))
    world.deploy(images(web="2"))
    release(world, released=images(web="2"))
    old, new = world.history(PRODUCTION).releases
    assert (old.compacted, old.broken_glass) == (True, REASON)
    assert new.broken_glass is None


def test_what_brings_a_release_back_did_not_break_the_glass_itself() -> None:
    world = proved()
    release(world)
    world.cluster.behaviour = lambda workload: "crash" if images(web="2")["web"].digest in str(workload) else "ready"
    with pytest.raises(Failed):
        release(world, released=images(web="2"), terms=Terms(broken=REASON))
    broken = {each.name: each.broken_glass for each in world.history(PRODUCTION).releases}
    assert broken == {"production-1": None, "production-2": REASON, "production-3": None}


def judged(world: World, **changes: Any) -> Any:  # noqa: ANN401 -- a GateReport
    candidate = Candidate(images=images(), git_revision=REVISION, dirty=changes.pop("dirty", False))
    return report(PRODUCTION, candidate, proven=world.history(STAGING), terms=changes.pop("terms", Terms()), now=NOW)


def test_the_gate_can_be_asked_before_a_deploy() -> None:
    found = judged(proved(), terms=Terms(known=ON_MAIN))
    check(found.to_json())
    require_passed(found)
    assert found.to_json()["passes"] is True
    text = drawn(ui.draw_gate, found)
    assert "the gate of production for 0123456789ab" in text
    assert "✔ verified in staging     met: verified as staging-1" in text
    assert "? approved                not provided: asked for when it is deployed" in text
    assert "✔ a release passes" in text


def test_a_gate_that_refuses_is_told_whole_and_ends_as_the_deploy_would() -> None:
    found = judged(proved(), dirty=True, terms=Terms(required=frozenset({"backup"})))
    with pytest.raises(Failed) as refused:
        require_passed(found)
    assert "backup verified: not provided" in refused.value.what
    assert "also: production takes committed sources only" in refused.value.what
    told = error_object(refused.value, "release.gate")
    check(told)
    assert {item["key"] for item in told["items"] if item["refuses"]} == {"clean", "backup"}
    text = drawn(ui.draw_gate, found)
    assert "not provided (required): no backup" in text
    assert "a release passes" not in text


def test_an_environment_that_is_not_protected_has_no_gate() -> None:
    with pytest.raises(Misconfigured, match="staging has no gate") as refused:
        require_gate(STAGING)
    assert refused.value.code == "no-gate"
    require_gate(PRODUCTION)
