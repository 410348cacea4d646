"""Filling an empty application to try it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from checkin.seed import seed
from checkin.settings import read_settings
from tests.integration.backend import run_module

if TYPE_CHECKING:
    from tests.integration.backend import Backend
    from tests.integration.conftest import Environment


def test_seeding_twice_adds_sessions_and_people_once_and_shows_at_once(backend: Backend, environment: Environment) -> None:
    def totals() -> list[int]:
        return [backend.http.get(f"/api/v1/{name}").json()["total"] for name in ("sessions", "participants")]

    assert totals() == [0, 0]
    first = run_module("checkin.seed", environment=environment)
    assert first.returncode == 0, first.stdout
    assert totals() == [3, 6]
    asyncio.run(seed(read_settings(environment)))
    assert totals() == [3, 6]
