"""Files that a task writes where the user asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from plimsoll.adapters.output_file import write_new
from plimsoll.errors import Misconfigured

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_written_whole_and_can_be_read_by_others(tmp_path: Path) -> None:
    write_new(tmp_path / "a", b"content")
    assert (tmp_path / "a").read_bytes() == b"content"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


def test_writing_the_same_again_is_no_error(tmp_path: Path) -> None:
    write_new(tmp_path / "a", b"content")
    write_new(tmp_path / "a", b"content")
    assert (tmp_path / "a").read_bytes() == b"content"


@pytest.mark.parametrize("content", [b"", b"other"])
def test_another_file_is_not_overwritten(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(Misconfigured, match="holds something else") as refused:
        write_new(tmp_path / "a", b"content")
    assert refused.value.code == "out-exists"
    assert (tmp_path / "a").read_bytes() == content


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="holds something else"):
        write_new(tmp_path, b"content")


def test_a_folder_that_is_not_there_is_the_users_to_make(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be written") as refused:
        write_new(tmp_path / "nowhere" / "a", b"content")
    assert refused.value.where == "--out"


def test_a_disk_without_links_takes_the_file_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_paths: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    # No disk of a test machine is like that.
    monkeypatch.setattr("os.link", refuse)
    write_new(tmp_path / "a", b"content")
    assert (tmp_path / "a").read_bytes() == b"content"
    assert [each.name for each in tmp_path.iterdir()] == ["a"]
