"""Asking before something happens to a protected environment."""

from __future__ import annotations

import io

import pytest

from plimsoll.errors import Misconfigured
from plimsoll.wiring import approval
from tests.fake_site import PRODUCTION, World, record


class Terminal(io.StringIO):
    """A keyboard with somebody before it."""

    def isatty(self) -> bool:
        return True


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(text))


def plan() -> object:
    return World().deploy(environment=PRODUCTION, dry_run=True).plan


def test_the_typed_name_of_the_environment_lets_it_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, "production\n")
    approval.of_deploy(PRODUCTION, yes=False)(plan())
    said = capsys.readouterr()
    assert "deploy production-1? Type the name" in said.err
    assert "+ Deployment/web" in said.err, "the plan is shown before it is confirmed"
    assert said.out == ""


@pytest.mark.parametrize("answer", ["staging\n", "yes\n", "\n", ""])
def test_anything_else_does_not(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    typed(monkeypatch, answer)
    with pytest.raises(Misconfigured, match="not confirmed"):
        approval.of_deploy(PRODUCTION, yes=False)(plan())


def test_without_a_terminal_only_yes_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("production\n"))
    approve = approval.of_deploy(PRODUCTION, yes=False)
    with pytest.raises(Misconfigured, match="nobody is here to confirm") as refused:
        approve(plan())
    assert "--yes" in refused.value.now
    approval.of_deploy(PRODUCTION, yes=True)(plan())


def test_a_rollback_says_from_where_to_where(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    typed(monkeypatch, "production\n")
    left = record(name="production-4")
    approval.of_rollback(PRODUCTION, yes=False)(record(name="production-2"), left)
    assert "go back from production-4 to production-2?" in capsys.readouterr().err
