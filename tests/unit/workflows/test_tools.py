"""Bringing one tool: the user's own, the installed one, or the first source that has what is pinned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from plimsoll.domain.tools import Found
from plimsoll.errors import EnvironmentLacks
from plimsoll.workflows.tools import ensure
from tests.fake_machine import BUILT, DOCKER, RELEASE, SCANNER, WHEEL, FakeToolbox, installed, on_path
from tests.fakes import FakeReporter

LINUX = "linux-amd64"


def test_a_tool_that_serves_is_not_installed_again() -> None:
    toolbox = FakeToolbox(("scanner", installed()))
    assert ensure(SCANNER, toolbox=toolbox, platform=LINUX, reporter=FakeReporter()) == Path("/tools/it")
    assert toolbox.asked == []


def test_the_first_source_that_answers_is_installed_and_its_note_said() -> None:
    toolbox, reporter = FakeToolbox(failing={"download": "example.org does not answer"}), FakeReporter()
    assert ensure(SCANNER, toolbox=toolbox, platform=LINUX, reporter=reporter) == Path("/tools/scanner")
    assert toolbox.asked == ["download", "python"]
    assert reporter.lines("info") == ["scanner: a third party's repackaging"]
    assert reporter.lines("done") == ["installing scanner 2.0"]


def test_what_is_built_here_is_never_fetched() -> None:
    toolbox = FakeToolbox()
    ensure(replace(SCANNER, sources=(BUILT, RELEASE)), toolbox=toolbox, platform=LINUX, reporter=FakeReporter())
    assert toolbox.asked == ["download"]


def test_a_broken_tool_is_installed_again() -> None:
    toolbox = FakeToolbox(("scanner", installed(intact=False)))
    ensure(SCANNER, toolbox=toolbox, platform=LINUX, reporter=FakeReporter())
    assert toolbox.asked == ["download"]


@pytest.mark.parametrize(("gone", "code"), [(True, "pin-vanished"), (False, "tool-missing")])
def test_where_no_source_brings_it_the_setting_to_change_is_named(gone: bool, code: str) -> None:
    toolbox = FakeToolbox(failing={"download": "no longer has it", "python": "no registry offers this"}, gone=gone)
    with pytest.raises(EnvironmentLacks) as raised:
        ensure(SCANNER, toolbox=toolbox, platform=LINUX, reporter=FakeReporter())
    error = raised.value
    assert (error.exit_code, error.code) == (4, code)
    assert error.where == "infrastructure/versions.toml, [[tools.scanner.sources]]"
    assert "[tools.scanner] sources[1], Python package tool-bin 2.0.1: no registry offers this" in error.what
    assert 'plimsoll.local.toml: [tools] scanner = "/path"' in error.now


def test_a_platform_without_a_source_is_told_for_each() -> None:
    with pytest.raises(EnvironmentLacks) as raised:
        ensure(SCANNER, toolbox=FakeToolbox(), platform="darwin-arm64", reporter=FakeReporter())
    assert raised.value.what.count("nothing for darwin-arm64") == 2


def test_a_known_bad_binary_is_refused_and_nothing_is_installed() -> None:
    toolbox = FakeToolbox(("scanner", on_path("1.9.4")), ("scanner", installed(WHEEL)))
    with pytest.raises(EnvironmentLacks, match="refused") as raised:
        ensure(SCANNER, toolbox=toolbox, platform=LINUX, reporter=FakeReporter())
    assert (raised.value.code, raised.value.now) == ("tool-denied", "run `rm /usr/bin/it`")
    assert "a malicious release" in raised.value.what
    assert toolbox.asked == []


@pytest.mark.parametrize(("version", "intact", "code"), [("1.0", True, "tool-too-old"), (None, False, "tool-missing")])
def test_a_named_binary_that_does_not_serve_is_not_replaced_behind_the_users_back(
    version: str | None, intact: bool, code: str
) -> None:
    named = Found(path="/mine", version=version, where="environment", intact=intact)
    toolbox = FakeToolbox(("scanner", named))
    with pytest.raises(EnvironmentLacks) as raised:
        ensure(SCANNER, toolbox=toolbox, platform=LINUX, reporter=FakeReporter())
    assert (raised.value.code, raised.value.where) == (code, "PLIMSOLL_SCANNER")
    assert toolbox.asked == []


def test_an_old_program_of_the_system_is_refused_by_name() -> None:
    toolbox = FakeToolbox(("docker", on_path("20.10")))
    with pytest.raises(EnvironmentLacks, match=r"docker 20\.10 is refused"):
        ensure(DOCKER, toolbox=toolbox, platform=LINUX, reporter=FakeReporter())
