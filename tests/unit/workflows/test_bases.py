"""Base images: the record, its refreshment, and what a report says."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from plimsoll.domain.bases import loads
from plimsoll.errors import Misconfigured
from plimsoll.workflows import bases
from tests.fake_workshop import RECORDED, shop
from tests.fakes import START

if TYPE_CHECKING:
    from pathlib import Path

    from plimsoll.domain.bases import BasesReport
    from tests.fake_workshop import Shop

LOCK = "infrastructure/docker/bases.lock"


@pytest.fixture
def at(tmp_path: Path) -> Shop:
    return shop(tmp_path)


def update(at: Shop) -> BasesReport:
    shop = at.workshop
    return bases.update(shop.project.bases, tree=shop.tree, mirror=shop.mirror, clock=shop.clock, reporter=shop.reporter)


def report(at: Shop, days: int = 0) -> BasesReport:
    shop = at.workshop
    shop.clock.sleep(timedelta(days=days).total_seconds())
    return bases.report(shop.project.bases, tree=shop.tree, store=shop.bases, clock=shop.clock)


def test_an_update_writes_the_newest_versions_and_says_what_moved(at: Shop) -> None:
    at.mirror.packages["libc6"] = "2.41-13"
    shown = update(at)
    assert shown.updated is not None
    assert [str(move) for move in shown.updated["runtime"]] == ["libc6 2.41-12 -> 2.41-13"]
    written = loads(at.repository.work[LOCK])
    assert written.bases["runtime"].packages["libc6"] == "2.41-13"
    assert written.recorded == START.date()


def test_an_update_of_what_is_newest_already_moves_nothing(at: Shop) -> None:
    before = at.repository.work[LOCK]
    assert update(at).updated == {"runtime": ()}
    assert at.repository.work[LOCK] == before


def test_the_first_record_is_made_by_an_update(at: Shop) -> None:
    del at.repository.work[LOCK]
    with pytest.raises(Misconfigured, match="no version is recorded"):
        report(at)
    update(at)
    assert report(at).states[0].recorded == RECORDED


def test_a_report_tells_the_age_of_the_record(at: Shop) -> None:
    assert (report(at).age, report(at).to_json()["stale"]) == (0, False)
    assert report(at, days=31).to_json()["stale"] is True


def test_a_report_shows_what_this_machine_took_instead(at: Shop) -> None:
    state = bases.states(at.workshop.project.bases.values(), tree=at.workshop.tree, store=at.bases)["runtime"]
    at.bases.take("runtime", state.key, type(RECORDED)(packages={**RECORDED.packages, "libc6": "2.41-13"}))
    told = report(at).to_json()["bases"]["runtime"]
    assert told["moved"] == [{"package": "libc6", "was": "2.41-12", "now": "2.41-13"}]


def test_nothing_but_an_update_writes_the_record(at: Shop) -> None:
    before = at.repository.work[LOCK]
    at.mirror.packages["libc6"] = "2.41-13"
    shop = at.workshop
    states = bases.states(shop.project.bases.values(), tree=shop.tree, store=shop.bases)
    bases.ensure(states.values(), store=shop.bases, mirror=shop.mirror, reporter=shop.reporter)
    assert at.repository.work[LOCK] == before
