"""When someone is late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from checkin.attendance import status_at

START = datetime(2030, 5, 1, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("arrived", "status"),
    [
        (timedelta(hours=-1), "on_time"),
        (timedelta(0), "on_time"),
        (timedelta(minutes=10), "on_time"),
        (timedelta(minutes=10, microseconds=1), "late"),
        (timedelta(days=1), "late"),
    ],
)
def test_late_begins_after_the_tolerated_minutes(arrived: timedelta, status: str) -> None:
    assert status_at(START, START + arrived, late_after=timedelta(minutes=10)) == status


def test_without_tolerance_the_start_itself_is_on_time() -> None:
    assert status_at(START, START, late_after=timedelta(0)) == "on_time"
