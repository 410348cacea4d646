"""The lock's rules: who holds it, and when it has expired."""

from __future__ import annotations

from typing import Any

from plimsoll.domain.lock import TIME_TO_LIVE, Holder, Sighting, describe, held, identity_of, lease, released

HOLDER = Holder(actor="ada", host="desk", pid=7, token="t1", purpose="deploy to staging", run="https://ci/1")  # noqa: S106 -- tells processes apart


def found(version: str = "5", **spec: object) -> dict[str, Any]:
    made = lease(
        HOLDER,
        "hello",
        "staging",
        now="now",
        acquired="then",
        transitions=2,
        replaced={"metadata": {"resourceVersion": version, "uid": "u"}},
    )
    made["spec"] |= spec
    return made


def test_a_lease_says_who_holds_it_for_what_and_where() -> None:
    made = found()
    assert made["metadata"]["name"] == "hello-staging"
    assert made["metadata"]["namespace"] == "plimsoll"
    assert identity_of(made) == "ada on desk, process 7 (t1)"
    assert describe(made) == "ada on desk, process 7 (t1), deploy to staging, https://ci/1"
    assert made["spec"]["leaseDurationSeconds"] == TIME_TO_LIVE


def test_a_lease_that_replaces_one_names_which() -> None:
    made = found("5")["metadata"]
    assert (made["resourceVersion"], made["uid"]) == ("5", "u")


def test_a_lease_that_is_created_names_no_version() -> None:
    made = lease(HOLDER, "hello", "staging", now="now", acquired="now", transitions=0, replaced=None)
    assert "resourceVersion" not in made["metadata"]


def test_a_released_lease_has_no_holder_and_keeps_its_count_of_holders() -> None:
    gone = released(found())
    assert identity_of(gone) == ""
    assert gone["spec"]["leaseTransitions"] == 2
    assert gone["metadata"]["resourceVersion"] == "5"


def test_a_lease_seen_unchanged_for_its_time_to_live_has_expired() -> None:
    first = Sighting.of(found(), None, 100.0)
    again = Sighting.of(found(), first, 114.0)
    assert not again.expired(114.9)
    assert again.expired(115.0)


def test_any_sign_of_life_starts_the_count_again() -> None:
    first = Sighting.of(found("5"), None, 100.0)
    renewed = Sighting.of(found("6"), first, 114.0)
    assert not renewed.expired(128.0)
    assert renewed.expired(129.0)


def test_the_holders_own_clock_is_not_asked() -> None:
    first = Sighting.of(found(renewTime="1999-01-01T00:00:00Z"), None, 100.0)
    assert not first.expired(101.0)


def test_a_longer_time_to_live_of_another_version_is_respected() -> None:
    assert not Sighting.of(found(leaseDurationSeconds=60), None, 100.0).expired(159.0)


def test_the_error_names_holder_and_wait() -> None:
    error = held(found(), environment="staging", waited=30.2)
    assert error.code == "lock-held"
    assert error.exit_code == 1
    assert "ada on desk" in error.what
    assert "after 30 s" in error.where
