"""[dev] of plimsoll.toml."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from plimsoll.config import load
from plimsoll.errors import Misconfigured

if TYPE_CHECKING:
    from pathlib import Path

    from plimsoll.domain.dev import DevSettings


def copied(root: Path, folder: Path, *, old: str = "", new: str = "", local: str = "") -> Path:
    text = (root / "plimsoll.toml").read_text()
    assert old in text
    (folder / "plimsoll.toml").write_text(text.replace(old, new, 1))
    if local:
        (folder / "plimsoll.local.toml").write_text(local)
    return folder


def dev(folder: Path) -> DevSettings:
    found = load(folder).dev
    assert found is not None
    return found


def test_the_reference_application_has_a_development_stack(root: Path) -> None:
    found = dev(root)
    assert set(found.images) == {"postgres", "redis", "backend", "frontend"}
    assert (root / found.compose).is_file()


def test_its_ports_are_not_those_of_an_environment(root: Path) -> None:
    taken = {each.port for each in load(root).project.environments.values()}
    assert not taken & set(dev(root).ports.values())


def test_a_clone_may_have_ports_of_its_own(root: Path, tmp_path: Path) -> None:
    found = dev(copied(root, tmp_path, local="[dev.ports]\npage = 6000\n"))
    assert found.ports == {"page": 6000, "api": dev(root).ports["api"]}


def test_a_repository_needs_no_development_stack(root: Path, tmp_path: Path) -> None:
    text = (root / "plimsoll.toml").read_text()
    start, end = text.index("[dev]"), text.index("# --- Checks")
    (tmp_path / "plimsoll.toml").write_text(text[:start] + text[end:])
    assert load(tmp_path).dev is None


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[dev.images.redis]", "[dev.images.reddis]", "there is no service 'reddis'"),
        ("page = 5173", 'page = "5173"', "dev.ports.page: should be a whole number"),
        ('stage = "deps"', 'stages = "deps"', "did you mean 'stage'?"),
        ("page = 5173, api = 3001", "page = 3001, api = 3001", "two ports are the same"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(root: Path, tmp_path: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(Misconfigured) as raised:
        load(copied(root, tmp_path, old=old, new=new))
    assert told in str(raised.value)
