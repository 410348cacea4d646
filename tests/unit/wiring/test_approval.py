"""Asking before something happens to a protected environment, where no approval was handed over."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from plimsoll.errors import Misconfigured
from plimsoll.wiring import approval
from plimsoll.workflows.site import Actor
from tests.fake_site import PRODUCTION, World, record

if TYPE_CHECKING:
    from plimsoll.domain.approval import Approval
    from plimsoll.domain.plan import DeployPlan

ADA = Actor(name="ada", host="here", pid=1, token="first")  # noqa: S106 -- it tells processes apart, and opens nothing


class Terminal(io.StringIO):
    """A keyboard with somebody before it."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _outside_of_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(text))


def plan() -> DeployPlan:
    return World().deploy(environment=PRODUCTION, dry_run=True).plan


def asked(*, yes: bool = False) -> Approval:
    return approval.of_deploy(PRODUCTION, ADA, yes=yes)(plan())


def test_the_typed_name_of_the_environment_lets_it_go_on_and_is_who_typed_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, "production\n")
    given = asked()
    said = capsys.readouterr()
    assert "deploy production-1? Type the name" in said.err
    assert "+ Deployment/web" in said.err, "the plan is shown before it is confirmed"
    assert said.out == ""
    assert (given.kind, given.by) == ("typed", "ada")


@pytest.mark.parametrize("answer", ["staging\n", "yes\n", "\n", ""])
@pytest.mark.parametrize("yes", [False, True])
def test_anything_else_does_not_nor_does_yes(monkeypatch: pytest.MonkeyPatch, answer: str, yes: bool) -> None:
    typed(monkeypatch, answer)
    with pytest.raises(Misconfigured, match="not confirmed"):
        asked(yes=yes)


@pytest.mark.parametrize("yes", [False, True])
def test_without_a_terminal_nothing_goes_on_and_the_three_ways_are_named(monkeypatch: pytest.MonkeyPatch, yes: bool) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("production\n"))
    with pytest.raises(Misconfigured, match="production is protected, and nobody has approved: deploy production-1") as refused:
        asked(yes=yes)
    assert (refused.value.exit_code, refused.value.code) == (2, "unapproved")
    for way in ("--approval FILE", "typed at a terminal", "GitHub Actions"):
        assert way in refused.value.now
    assert ("--yes is none of them" in refused.value.now) == yes


def test_in_github_actions_a_job_without_its_token_is_told_how_to_give_it_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_REPOSITORY", "ada/shop")
    monkeypatch.setenv("GITHUB_RUN_ID", "1")
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    with pytest.raises(Misconfigured, match="GITHUB_TOKEN is not set") as refused:
        asked()
    assert "actions: read" in refused.value.now


def test_a_rollback_says_from_where_to_where(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    typed(monkeypatch, "production\n")
    left = record(name="production-4")
    approval.of_rollback(PRODUCTION, yes=False)(record(name="production-2"), left)
    assert "go back from production-4 to production-2?" in capsys.readouterr().err
