"""Finding binaries and asking them their version, with real programs in a folder of the test's own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from plimsoll.adapters.tool_folder import ToolFolder
from plimsoll.adapters.tools import InstalledTools, built_from, version_of
from plimsoll.domain.tools import Found
from tests.fake_machine import SCANNER

if TYPE_CHECKING:
    from pathlib import Path

    from plimsoll.domain.tools import Tool

GO_SCANNER = replace(SCANNER, go_module="example.org/scanner")


def program(folder: Path, name: str, says: str) -> Path:
    """Write a program that prints `says`, and leaves a trace of having run."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n: > '{folder}/ran'\nprintf '%s\\n' '{says}'\n")
    path.chmod(0o755)
    return path


def found(tool: Tool, tmp_path: Path, *, named: dict[str, str] | None = None, **environ: str) -> tuple[Found, ...]:
    folder = ToolFolder(tmp_path / "tools", platform="linux-amd64", fetcher=lambda kind: (_ for _ in ()).throw(KeyError(kind)))
    environ = {"PATH": str(tmp_path / "bin"), **environ}
    return InstalledTools(folder, named=named or {}, environ=environ).found(tool)


def test_a_program_on_path_is_asked_for_its_version(tmp_path: Path) -> None:
    path = program(tmp_path / "bin", "scanner", "Version: 2.5.1")
    assert found(SCANNER, tmp_path) == (Found(path=str(path), version="2.5.1", where="PATH"),)


def test_path_is_not_looked_at_for_tools_that_must_be_the_pinned_ones(tmp_path: Path) -> None:
    program(tmp_path / "bin", "scanner", "Version: 2.5.1")
    assert found(replace(SCANNER, path=False), tmp_path) == ()


def test_a_program_that_lacks_its_companion_does_not_count(tmp_path: Path) -> None:
    program(tmp_path / "bin", "scanner", "Version: 2.5.1")
    with_npm = replace(SCANNER, companions=("scannerctl",))
    assert found(with_npm, tmp_path) == ()
    program(tmp_path / "bin", "scannerctl", "")
    assert len(found(with_npm, tmp_path)) == 1


def test_the_newest_of_several_folders_is_taken(tmp_path: Path) -> None:
    for version in ("9", "15", "17"):
        program(tmp_path / "lib" / version / "bin", "scanner", f"Version: {version}.1")
    [only] = found(replace(SCANNER, folders=(f"{tmp_path}/lib/*/bin",)), tmp_path)
    assert only.version == "17.1"


def test_a_binary_named_in_the_environment_comes_before_the_settings_and_path(tmp_path: Path) -> None:
    program(tmp_path / "bin", "scanner", "Version: 1.0")
    mine, theirs = program(tmp_path / "mine", "s", "Version: 2.1"), program(tmp_path / "theirs", "s", "Version: 2.2")
    by_settings = found(SCANNER, tmp_path, named={"scanner": str(theirs)})
    by_environment = found(SCANNER, tmp_path, named={"scanner": str(theirs)}, PLIMSOLL_SCANNER=str(mine))
    assert by_settings == (Found(path=str(theirs), version="2.2", where="settings"),)
    assert by_environment == (Found(path=str(mine), version="2.1", where="environment"),)


def test_a_named_binary_that_is_not_there_is_told(tmp_path: Path) -> None:
    [only] = found(SCANNER, tmp_path, PLIMSOLL_SCANNER="/no/such/scanner")
    assert (only.intact, only.version, only.path) == (False, None, "/no/such/scanner")


def test_another_program_of_the_same_name_is_of_unknown_version(tmp_path: Path) -> None:
    other = program(tmp_path, "scanner", "paper scanner 9.1 (GNU)")
    assert version_of(SCANNER, str(other)) is None


def test_a_program_that_fails_or_says_no_number_is_of_unknown_version(tmp_path: Path) -> None:
    mute = tmp_path / "mute"
    mute.write_text("#!/bin/sh\nexit 1\n")
    mute.chmod(0o755)
    assert version_of(SCANNER, str(mute)) is None
    assert version_of(SCANNER, str(program(tmp_path, "shy", "Version: none"))) is None
    assert version_of(SCANNER, str(tmp_path / "absent")) is None


def test_a_go_binary_is_read_and_not_run(tmp_path: Path) -> None:
    malicious = program(tmp_path, "scanner", "Version: 2.0")
    with malicious.open("ab") as file:
        file.write(b"\n# \x00path\texample.org/scanner/cmd\nmod\texample.org/scanner\tv1.9.4\th1:abc=\n")
    assert version_of(GO_SCANNER, str(malicious)) == "1.9.4"
    assert not (tmp_path / "ran").exists()


def test_a_binary_without_build_information_is_asked(tmp_path: Path) -> None:
    plain = program(tmp_path, "scanner", "Version: 2.3")
    assert built_from(plain, "example.org/scanner") is None
    assert version_of(GO_SCANNER, str(plain)) == "2.3"
    assert (tmp_path / "ran").exists()


def test_a_development_build_is_asked_too(tmp_path: Path) -> None:
    plain = program(tmp_path, "scanner", "Version: 2.3")
    with plain.open("ab") as file:
        file.write(b"\nmod\texample.org/scanner\t(devel)\t\n")
    assert version_of(GO_SCANNER, str(plain)) == "2.3"


def test_an_empty_or_absent_file_has_no_build_information(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert built_from(tmp_path / "empty", "example.org/scanner") is None
    assert built_from(tmp_path / "absent", "example.org/scanner") is None
