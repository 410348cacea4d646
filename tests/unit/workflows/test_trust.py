"""Trusting a cluster: nothing is written that nobody saw, and nothing over somebody else's change."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from plimsoll.adapters.settings_file import SettingsFile
from plimsoll.errors import Failed, Misconfigured
from plimsoll.workflows.trust import trust
from tests.fake_cluster import FakeCluster
from tests.fakes import FakeReporter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from plimsoll.domain.trust import Trust

TEXT = '[environments.staging]\nremote = { context = "s" }   # ours\n'


@dataclass
class Desk:
    """A settings file, a cluster, and a person who is asked."""

    file: SettingsFile
    cluster: FakeCluster = field(default_factory=FakeCluster)
    shown: list[Trust] = field(default_factory=list)
    answer: Callable[[], None] = field(default=lambda: None)

    def approve(self, seen: Trust) -> None:
        self.shown.append(seen)
        self.answer()

    def trust(self, *, dry_run: bool = False) -> Trust:
        return trust(
            "staging",
            "s",
            cluster=self.cluster,
            read=self.file.read,
            write=self.file.write,
            approve=self.approve,
            reporter=FakeReporter(),
            dry_run=dry_run,
        )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "plimsoll.toml"
    made.write_text(TEXT)
    return made


def test_what_is_written_was_shown_before(path: Path) -> None:
    desk = Desk(SettingsFile(path))
    done = desk.trust()
    uid = desk.cluster.identity().uid
    assert (done.written, done.server, done.uid) == (True, desk.cluster.server, uid)
    assert [each.edit for each in desk.shown] == [done.edit]
    assert path.read_text() == TEXT.replace(" }", f', server = "{desk.cluster.server}", uid = "{uid}" }}')
    again = desk.trust()
    assert (again.changed, again.written, len(desk.shown)) == (False, False, 1)


def test_a_dry_run_asks_and_writes_nothing(path: Path) -> None:
    desk = Desk(SettingsFile(path))
    assert desk.trust(dry_run=True).changed
    assert (desk.shown, path.read_text()) == ([], TEXT)


def test_a_refusal_changes_nothing(path: Path) -> None:
    def refuse() -> None:
        raise Misconfigured("not confirmed")

    with pytest.raises(Misconfigured, match="not confirmed"):
        Desk(SettingsFile(path), answer=refuse).trust()
    assert path.read_text() == TEXT


def test_what_somebody_changed_while_the_person_thought_is_left_alone(path: Path) -> None:
    other = TEXT + "# theirs\n"
    desk = Desk(SettingsFile(path), answer=lambda: path.write_text(other) and None)
    with pytest.raises(Failed, match="changed while you were asked") as failed:
        desk.trust()
    assert failed.value.code == "settings-moved"
    assert path.read_text() == other


def test_a_link_stays_one_and_a_file_that_cannot_be_read_is_told(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "elsewhere" / "plimsoll.toml"
    link.parent.mkdir()
    link.symlink_to(path)
    Desk(SettingsFile(link)).trust()
    assert link.is_symlink()
    assert path.read_text() != TEXT
    path.write_bytes(b"\xff")
    with pytest.raises(Misconfigured, match="cannot be read"):
        SettingsFile(path).read()
