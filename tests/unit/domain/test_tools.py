"""Wanted against found: which binary serves, what is refused, and the one command that repairs it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plimsoll.domain.tools import Found, Need, State, parse_version
from plimsoll.domain.tools_verdict import Diagnosis, judge
from tests.fake_machine import BUILT, DOCKER, LINTER, RELEASE, SCANNER, WHEEL, installed, on_path


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("0.76.0", (0, 76, 0)),
        ("v24.15.0", (24, 15, 0)),
        ("26.1.5+dfsg1-9+deb13u1", (26, 1, 5)),
        ("5:7.0.15-1~deb12u10", (7, 0, 15)),
        ("1:2.39.5-0+deb12u2", (2, 39, 5)),
        ("17+278", (17,)),
        ("2.26.1-4", (2, 26, 1)),
        ("9.4rc1", (9, 4)),
    ],
)
def test_versions_are_read_from_what_programs_and_packages_say(text: str, numbers: tuple[int, ...]) -> None:
    assert parse_version(text) == numbers


def test_a_text_without_a_number_is_no_version() -> None:
    with pytest.raises(ValueError, match="holds no version"):
        parse_version("unknown")


@pytest.mark.parametrize(
    ("version", "state"),
    [
        ("1.4.9", State.TOO_OLD),
        ("1.5", State.OK),
        ("1.5.0", State.OK),
        ("1.9.3", State.OK),
        ("1.9.4", State.DENIED),
        ("1.9.5", State.OK),
        ("2.99", State.OK),
        ("3", State.TOO_NEW),
        ("3.0.0", State.TOO_NEW),
        (None, State.TOO_OLD),
    ],
)
def test_a_binary_serves_between_the_lowest_and_the_first_too_new_version(version: str | None, state: State) -> None:
    assert SCANNER.verdict(version) is state


def test_nothing_found_is_missing_and_setup_repairs_it() -> None:
    check = judge(SCANNER, ())
    assert (check.state, check.repair, check.needed, check.good) == (State.MISSING, "./inv setup", True, False)
    assert check.wanted == "2.0"


def test_what_only_tests_need_is_optional() -> None:
    check = judge(LINTER, ())
    assert (check.state, check.repair, check.good) == (State.OPTIONAL, "./inv setup --tests", True)


def test_what_other_tools_ask_for_needs_no_command() -> None:
    check = judge(replace(SCANNER, needed=Need.DEMAND), ())
    assert (check.state, check.repair, check.good) == (State.OPTIONAL, "", True)


def test_an_installed_tool_is_told_with_its_source_and_its_note() -> None:
    check = judge(SCANNER, (installed(WHEEL),))
    assert (check.state, check.found, check.path) == (State.OK, "2.0", "/tools/it")
    assert check.source == "Python package tool-bin 2.0.1"
    assert check.note == "a third party's repackaging"


def test_an_installed_tool_whose_bytes_changed_is_a_wrong_hash() -> None:
    check = judge(SCANNER, (installed(intact=False),))
    assert (check.state, check.repair, check.good, check.path) == (State.WRONG_HASH, "./inv setup", False, "")


def test_an_intact_tool_serves_where_a_preferred_one_is_broken() -> None:
    check = judge(SCANNER, (installed(RELEASE, intact=False), installed(WHEEL)))
    assert (check.state, check.source) == (State.OK, "Python package tool-bin 2.0.1")


def test_a_tool_built_with_the_node_image_is_preferred_by_its_place() -> None:
    check = judge(replace(SCANNER, sources=(BUILT, WHEEL)), (installed(BUILT), installed(WHEEL)))
    assert check.source == "built with the kind node image"


def test_a_users_binary_on_path_takes_the_pinned_ones_place() -> None:
    check = judge(SCANNER, (on_path("2.5"), installed()))
    assert (check.state, check.found, check.path, check.wanted) == (State.OK, "2.5", "/usr/bin/it", ">= 1.5, < 3")


@pytest.mark.parametrize("version", ["1.4", "3.1", None])
def test_a_binary_on_path_that_does_not_serve_is_passed_over_and_told(version: str | None) -> None:
    check = judge(SCANNER, (on_path(version), installed()))
    assert (check.state, check.path) == (State.OK, "/tools/it")
    assert "/usr/bin/it" in check.note
    assert "not used" in check.note


def test_a_known_bad_binary_on_path_is_refused_even_where_a_good_one_is_installed() -> None:
    check = judge(SCANNER, (on_path("1.9.4"), installed()))
    assert (check.state, check.repair, check.good, check.path) == (State.DENIED, "rm /usr/bin/it", False, "")
    assert check.note == "a malicious release"


def test_a_known_bad_binary_is_refused_for_tests_too() -> None:
    assert not judge(replace(SCANNER, needed=Need.TESTS), (on_path("1.9.4"),)).good


@pytest.mark.parametrize(
    ("where", "repair", "place"),
    [
        ("environment", "unset PLIMSOLL_SCANNER", "PLIMSOLL_SCANNER"),
        ("settings", "edit plimsoll.local.toml ([tools] scanner)", "plimsoll.local.toml, [tools] scanner"),
    ],
)
def test_a_named_binary_counts_whatever_else_there_is(where: str, repair: str, place: str) -> None:
    good, old = (Found(path="/mine", version=version, where=where) for version in ("2.1", "1.0"))
    bad, absent = Found(path="/mine", version="1.9.4", where=where), Found(path="/mine", version=None, where=where, intact=False)
    assert judge(SCANNER, (good,)).path == "/mine"
    assert judge(SCANNER, (good,)).source == f"/mine ({place})"
    assert (judge(SCANNER, (old,)).state, judge(SCANNER, (old,)).repair) == (State.TOO_OLD, repair)
    assert (judge(SCANNER, (bad,)).state, judge(SCANNER, (bad,)).note) == (State.DENIED, "a malicious release")
    assert (judge(SCANNER, (absent,)).state, judge(SCANNER, (absent,)).repair) == (State.MISSING, repair)


def test_a_package_of_the_system_that_is_too_old_is_replaced_by_setup() -> None:
    check = judge(DOCKER, (on_path("20.10"),))
    assert (check.state, check.repair, check.wanted) == (State.TOO_OLD, "./inv setup", ">= 26.1")


def test_the_published_object_names_every_field_of_every_line() -> None:
    told = Diagnosis(checks=(judge(SCANNER, ()), judge(LINTER, ()))).to_json()
    assert told["schema"] == "plimsoll.doctor/1"
    assert told["ok"] is False
    assert [each["name"] for each in told["tools"]] == ["scanner", "linter"]
    assert all(set(each) == {"name", "wanted", "found", "state", "repair", "needed", "source", "note"} for each in told["tools"])
    assert [type(each["state"]) for each in told["tools"]] == [str, str]


def test_all_is_well_while_only_optional_things_are_missing() -> None:
    diagnosis = Diagnosis(checks=(judge(SCANNER, (installed(),)), judge(LINTER, ())))
    assert diagnosis.ok
    assert diagnosis.wrong == ()


def test_a_source_serves_only_the_platforms_it_has_a_hash_for() -> None:
    assert RELEASE.serves("linux-amd64")
    assert not RELEASE.serves("darwin-arm64")
    assert BUILT.serves("darwin-arm64")
