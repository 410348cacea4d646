"""What the cluster's adapters read from files: /proc, archives of root file systems, the state folder."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from plimsoll.adapters.debian_root import STATUS, installed
from plimsoll.adapters.kind import lacks_sys_resource
from plimsoll.adapters.ports_in_use import listener
from plimsoll.adapters.state_file import RememberedText
from plimsoll.adapters.yaml_file import documents
from plimsoll.errors import Misconfigured

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
LINE = "   0: 0100007F:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0        0 {inode} 1\n"


@pytest.mark.parametrize(
    ("bounding", "lacks"), [("000001fffeffffff", True), ("000001ffffffffff", False), ("0000000000000000", True)]
)
def test_the_bounding_set_tells_whether_the_oom_score_may_be_lowered(tmp_path: Path, bounding: str, *, lacks: bool) -> None:
    status = tmp_path / "status"
    status.write_text(f"Name:\tpython\nCapEff:\t0\nCapBnd:\t{bounding}\n")
    assert lacks_sys_resource(status) is lacks


def test_a_system_without_proc_is_taken_for_a_free_one(tmp_path: Path) -> None:
    assert lacks_sys_resource(tmp_path / "nowhere") is False


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "net").mkdir()
    lines = LINE.format(port=8080, state="0A", inode=77) + LINE.format(port=9090, state="01", inode=78)
    (tmp_path / "net" / "tcp").write_text(HEADER + lines)
    process = tmp_path / "4242"
    (process / "fd").mkdir(parents=True)
    (process / "comm").write_text("nginx\n")
    (process / "fd" / "3").symlink_to("socket:[77]")
    (tmp_path / "1" / "fd").mkdir(parents=True)
    return tmp_path


def test_the_process_that_listens_on_a_port_is_named(proc: Path) -> None:
    assert listener(8080, proc) == "nginx (process 4242)"


@pytest.mark.parametrize("port", [9090, 9091])
def test_a_port_that_is_only_connected_or_unknown_has_no_listener(proc: Path, port: int) -> None:
    assert listener(port, proc) == ""


def test_a_listener_that_may_not_be_looked_at_is_not_named(proc: Path) -> None:
    (proc / "4242" / "fd" / "3").unlink()
    assert listener(8080, proc) == ""


def test_the_packages_of_a_root_file_system_are_read_from_its_archive(tmp_path: Path) -> None:
    status = b"Package: systemd\nVersion: 252.39\nDescription: a manager\n of services: all\n\nPackage: runc\nVersion: 1.1.5\n"
    with tarfile.open(tmp_path / "root.tar", "w") as tar:
        entry = tarfile.TarInfo(STATUS)
        entry.size = len(status)
        tar.addfile(entry, io.BytesIO(status))
    assert installed(tmp_path / "root.tar") == {"systemd": "252.39", "runc": "1.1.5"}


def test_a_kept_text_is_there_the_next_time_and_for_its_owner_only(tmp_path: Path) -> None:
    memory = RememberedText(tmp_path / "uid")
    assert memory.recall() is None
    memory.keep("one")
    memory.keep("two")
    assert memory.recall() == "two"
    assert (tmp_path / "uid").stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["uid"]


def test_a_file_that_is_not_there_or_no_yaml_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"kind\.yaml cannot be read"):
        documents(tmp_path / "kind.yaml")
    (tmp_path / "kind.yaml").write_text("a: [")
    with pytest.raises(Misconfigured, match=r"kind\.yaml is not YAML"):
        documents(tmp_path / "kind.yaml")
