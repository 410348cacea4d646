"""Filling an empty application to try it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.servers import run_module

if TYPE_CHECKING:
    from tests.integration.conftest import Environment
    from tests.integration.servers import Backend


def test_seeding_twice_adds_sessions_and_people_once_and_shows_at_once(backend: Backend, environment: Environment) -> None:
    def totals() -> list[int]:
        return [backend.http.get(f"/api/v1/{name}").json()["total"] for name in ("sessions", "participants")]

    assert totals() == [0, 0]
    first = run_module("checkin.seed", environment=environment)
    assert first.returncode == 0, first.stdout
    assert totals() == [3, 6]
    assert run_module("checkin.seed", environment=environment).returncode == 0
    assert totals() == [3, 6]
