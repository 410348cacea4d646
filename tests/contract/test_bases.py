"""Base images from the real mirror: what is in them, that they are reproducible, and what happens when versions vanish."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plimsoll.adapters import debian_sources
from plimsoll.adapters.base_store import BaseImages
from plimsoll.adapters.bootstrap import AptMirror
from plimsoll.adapters.debian_layer import LayerWriter, write_layer
from plimsoll.adapters.debian_sources import Source
from plimsoll.adapters.oci import Layout
from plimsoll.adapters.registry import OciRegistry
from plimsoll.domain.bases import EPOCH, BaseState, Recorded
from plimsoll.domain.images import Digest, Image
from plimsoll.domain.project import Base
from plimsoll.errors import EnvironmentLacks, Failed, Misconfigured
from plimsoll.workflows.bases import ensure
from tests.fake_workshop import FakeMirror
from tests.fakes import FakeReporter
from tests.local_registry import local_registry
from tests.small_base import SHELL, small_base

if TYPE_CHECKING:
    from collections.abc import Mapping

# The first test that needs it bootstraps a base from the mirror.
pytestmark = pytest.mark.timeout(300)


def members(folder: Path) -> dict[str, tarfile.TarInfo]:
    layout = Layout(folder)
    with layout.plain(layout.manifest()["layers"][0]) as plain, tarfile.open(fileobj=plain, mode="r|") as archive:
        return {member.name: member for member in archive}


def content(folder: Path, name: str) -> str:
    layout = Layout(folder)
    with layout.plain(layout.manifest()["layers"][0]) as plain, tarfile.open(fileobj=plain, mode="r:") as archive:
        body = archive.extractfile(name)
        assert body is not None
        return body.read().decode()


@pytest.fixture(scope="module")
def shell() -> Path:
    return Path(small_base().image.folder)


def test_a_runtime_base_holds_the_named_packages_and_what_they_need() -> None:
    packages = small_base().recorded.packages
    assert {"dash", "coreutils", "libc6", "base-files"} <= set(packages)
    assert not {"dpkg", "apt", "debconf", "perl-base", "init-system-helpers"} & set(packages)


def test_a_scanner_recognises_release_and_packages(shell: Path) -> None:
    release = content(shell, "usr/lib/os-release")
    assert "ID=debian" in release
    assert 'VERSION_ID="13"' in release
    stanzas = content(shell, "var/lib/dpkg/status").strip().split("\n\n")
    fields = [dict(line.split(": ", 1) for line in stanza.splitlines() if ": " in line[:40]) for stanza in stanzas]
    assert {each["Package"]: each["Version"] for each in fields} == dict(small_base().recorded.packages)
    assert {each["Status"] for each in fields} == {"install ok installed"}
    assert "/usr/bin/dash" in content(shell, "var/lib/dpkg/info/dash.list").splitlines()


def test_documents_package_managers_and_rights_of_others_stay_outside(shell: Path) -> None:
    found = members(shell)
    assert [name for name in found if name.startswith(("usr/share/man/", "usr/share/locale/"))] == []
    assert [name for name in found if Path(name).name in {"apt", "apt-get", "dpkg", "perl"} and "/bin/" in name] == []
    assert [name for name, member in found.items() if member.isreg() and member.mode & 0o6000] == []
    assert "usr/share/doc/dash/copyright" in found


def test_what_maintainer_scripts_leave_behind_is_there(shell: Path) -> None:
    found = members(shell)
    assert "app:x:1001:1001" in content(shell, "etc/passwd")
    assert "app:x:1001:" in content(shell, "etc/group")
    assert (found["var/run"].linkname, found["bin"].linkname) == ("/run", "usr/bin")
    assert found["usr/local/bin"].isdir()
    assert found["usr/bin/sh"].linkname == "dash"
    assert content(shell, "etc/nsswitch.conf")


def test_entries_are_sorted_and_of_one_time(shell: Path) -> None:
    found = members(shell)
    names = [name for name, member in found.items() if not member.islnk()]
    assert names == sorted(names)
    assert {member.mtime for member in found.values()} == {EPOCH}


def test_the_same_packages_give_the_same_digest_elsewhere(tmp_path: Path) -> None:
    base = small_base()
    again = base.store(tmp_path).make(BaseState(base=SHELL, recorded=base.recorded), reporter=FakeReporter())
    assert again.digest == base.image.digest
    assert again.layers == base.image.layers


def test_a_version_that_the_mirror_never_had_is_replaced_by_the_newest_and_remembered(tmp_path: Path) -> None:
    base, reporter = small_base(), FakeReporter()
    store = base.store(tmp_path)
    gone = Recorded(packages={**base.recorded.packages, "coreutils": "1.0-never-existed"})
    wanted = BaseState(base=SHELL, recorded=gone)
    states, images = ensure([wanted], store=store, mirror=base.mirror, reporter=reporter)
    newest = base.recorded.packages["coreutils"]
    assert [str(move) for move in states["shell"].moved] == [f"coreutils 1.0-never-existed -> {newest}"]
    assert images["shell"].digest == base.image.digest
    (warning,) = reporter.lines("warn")
    assert f"coreutils 1.0-never-existed -> {newest}" in warning
    assert "inv image.bases --update" in warning
    assert store.taken()["shell"] == {"instead_of": wanted.key, "packages": dict(base.recorded.packages)}
    # From now on the mirror is not needed any more.
    offline = ensure(states.values(), store=store, mirror=FakeMirror(down=True), reporter=FakeReporter())
    assert offline[1]["shell"].digest == base.image.digest


def test_recorded_versions_win_over_newer_ones() -> None:
    base = small_base()
    found = base.mirror.resolve(SHELL, base.recorded, reporter=FakeReporter())
    assert found == base.recorded


def test_a_builder_base_is_a_system_with_users_certificates_and_its_own_rights(tmp_path: Path) -> None:
    builder = Base(name="build", suite="trixie", kind="builder", packages=("ca-certificates",))
    base = small_base()
    store = base.store(tmp_path)
    recorded = base.mirror.resolve(builder, None, reporter=FakeReporter())
    image = store.make(BaseState(base=builder, recorded=recorded), reporter=FakeReporter())
    folder = Path(image.folder)
    found = members(folder)
    assert {"bash", "coreutils", "tar", "base-passwd"} <= set(recorded.packages)
    assert found["usr/bin/awk"].linkname == "mawk"
    assert "BEGIN CERTIFICATE" in content(folder, "etc/ssl/certs/ca-certificates.crt")
    assert content(folder, "etc/passwd").startswith("root:x:0:0:")
    assert found["usr/bin/su"].mode & 0o4000, "a builder keeps what Debian gives"
    assert not Layout(folder).manifest()["layers"][0]["mediaType"].endswith("gzip"), "it never leaves the machine"


def test_packages_that_do_not_fit_together_are_told(tmp_path: Path) -> None:
    broken = Base(name="broken", suite="trixie", kind="runtime", packages=("no-such-package-at-all",))
    with pytest.raises(Misconfigured, match="do not fit together") as raised:
        small_base().mirror.resolve(broken, None, reporter=FakeReporter())
    assert "no-such-package-at-all" in raised.value.what
    assert raised.value.where == "[bases.broken] of plimsoll.toml"
    assert list(tmp_path.iterdir()) == []


def test_a_mirror_that_does_not_answer_is_told(tmp_path: Path) -> None:
    etc = tmp_path / "etc"
    (etc / "sources.list.d").mkdir(parents=True)
    codename = debian_sources.codename() or "stable"
    (etc / "sources.list").write_text(f"deb [trusted=yes] http://127.0.0.1:9/debian {codename} main\n")
    with pytest.raises(EnvironmentLacks, match="mirror does not answer") as raised:
        AptMirror(tmp_path / "home", etc=etc).resolve(SHELL, None, reporter=FakeReporter())
    assert raised.value.exit_code == 4


def test_a_machine_without_apt_is_told_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentLacks, match="no apt-get here") as raised:
        AptMirror(tmp_path).resolve(SHELL, None, reporter=FakeReporter())
    assert "`pull` in [bases.shell]" in raised.value.now


def test_the_machines_own_apt_is_neither_read_nor_written(tmp_path: Path) -> None:
    places = ("/var/lib/dpkg/status", "/var/lib/apt/lists", "/var/cache/apt/archives")
    before = {place: Path(place).stat().st_mtime_ns for place in places if Path(place).exists()}
    base = small_base()
    base.store(tmp_path).make(BaseState(base=SHELL, recorded=base.recorded), reporter=FakeReporter())
    assert {place: Path(place).stat().st_mtime_ns for place in before} == before


def test_a_pulled_base_is_known_by_its_digest(tmp_path: Path) -> None:
    with local_registry(tmp_path / "r") as registry:
        base = small_base()
        image = Image(
            service="shell", repository=f"{registry.host}/bases/shell", tag="v1.0.0", digest=Digest(base.image.digest),
            unpacked_bytes=1, labels={},
        )  # fmt: skip
        OciRegistry().push(image, Path(base.image.folder))
        pulled = replace(SHELL, packages=(), pull=image.reference)
        store = BaseImages(tmp_path / "bases", tmp_path / "taken.json", base.mirror, OciRegistry)
        found = store.find(BaseState(base=pulled, recorded=Recorded()))
        assert found is not None
        assert (found.digest, found.layers) == (base.image.digest, base.image.layers)
        assert found.context == f"docker-image://{image.reference}"


SOURCES = (
    Source("mirror-a", "bookworm", "/key"),
    Source("mirror-a", "bookworm-updates", "/key"),
    Source("mirror-s", "bookworm-security", ""),
    Source("mirror-a", "bookworm-backports", ""),
    Source("elsewhere", "nodistro", ""),
)


def test_the_machines_mirrors_serve_another_suite_under_its_name() -> None:
    text = debian_sources.for_suite("trixie", SOURCES, "bookworm")
    assert [line for line in text.splitlines() if line.startswith(("URIs", "Suites", "Signed"))] == [
        *("URIs: mirror-a", "Suites: trixie", "Signed-By: /key"),
        *("URIs: mirror-a", "Suites: trixie-updates", "Signed-By: /key"),
        *("URIs: mirror-s", "Suites: trixie-security"),
    ]


def test_a_machine_without_a_debian_mirror_is_told_what_to_set() -> None:
    with pytest.raises(EnvironmentLacks, match="knows no Debian mirror") as raised:
        debian_sources.for_suite("trixie", (Source("mirror-u", "noble", ""),), "")
    assert "`pull`" in raised.value.now


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"sources.list": "deb http://m/debian bookworm main # own\n"}, [("http://m/debian", "bookworm", "")]),
        ({"sources.list": "deb [arch=amd64 signed-by=/k] http://m bookworm main\n"}, [("http://m", "bookworm", "/k")]),
        ({"sources.list": "# deb http://m bookworm main\ndeb-src http://m bookworm main\ndeb broken\n"}, []),
        (
            {"sources.list.d/d.sources": "Types: deb deb-src\nURIs: http://m\nSuites: a\n b\nSigned-By: /k\n"},
            [("http://m", "a", "/k"), ("http://m", "b", "/k")],
        ),
        ({"sources.list.d/d.sources": "# comment\nTypes: deb\nURIs: http://m\nSuites: a\nEnabled: no\n"}, []),
        ({"sources.list.d/readme.txt": "deb http://m a main\n"}, []),
    ],
)
def test_both_notations_of_sources_are_read(tmp_path: Path, files: Mapping[str, str], found: list[tuple[str, str, str]]) -> None:
    (tmp_path / "sources.list.d").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert [(source.uri, source.suite, source.signed_by) for source in debian_sources.read_sources(tmp_path)] == found


def test_only_debian_has_a_code_name_of_debian(tmp_path: Path) -> None:
    (tmp_path / "debian").write_text('ID=debian\nVERSION_CODENAME="bookworm"\n')
    (tmp_path / "ubuntu").write_text("ID=ubuntu\nVERSION_CODENAME=noble\n")
    assert debian_sources.codename(tmp_path / "debian") == "bookworm"
    assert debian_sources.codename(tmp_path / "ubuntu") == ""
    assert debian_sources.codename(tmp_path / "nowhere") == ""


def package(path: Path, **files: tarfile.TarInfo | str) -> Path:
    """Write a Debian package with these files: text, or an entry of its own."""

    def tar(entries: Mapping[str, tarfile.TarInfo | str]) -> bytes:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:xz") as archive:
            for name, entry in entries.items():
                info = tarfile.TarInfo(f"./{name}") if isinstance(entry, str) else entry
                info.name, body = f"./{name}", entry.encode() if isinstance(entry, str) else b""
                info.size = len(body)
                archive.addfile(info, io.BytesIO(body))
        return out.getvalue()

    members = {
        "debian-binary": b"2.0\n",
        "control.tar.xz": tar({"control": "Package: one\nVersion: 1\n"}),
        "data.tar.xz": tar(files),
    }
    parts = [b"!<arch>\n"]
    for name, body in members.items():
        parts.append(f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(body):<10}`\n".encode() + body + b"\n" * (len(body) % 2))
    path.write_bytes(b"".join(parts))
    return path


def hard_link(target: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo()
    info.type, info.linkname = tarfile.LNKTYPE, target
    return info


def test_hard_links_follow_what_they_lead_to(tmp_path: Path) -> None:
    deb = package(tmp_path / "one.deb", **{"bin/z": "text", "bin/a": hard_link("./bin/z")})
    with (tmp_path / "layer").open("w+b") as out, (tmp_path / "spool").open("w+b") as spool:
        write_layer(SHELL, [deb], spool, out)
        out.seek(0)
        with tarfile.open(fileobj=out) as archive:
            entries = {member.name: member for member in archive}
    assert list(entries)[-1] == "usr/bin/a"
    assert entries["usr/bin/a"].linkname == "usr/bin/z"


def test_a_hard_link_to_what_is_left_out_is_noticed(tmp_path: Path) -> None:
    deb = package(tmp_path / "one.deb", **{"usr/share/man/m": "text", "usr/bin/a": hard_link("./usr/share/man/m")})
    with (tmp_path / "spool").open("w+b") as spool, pytest.raises(Failed, match="not there"):
        LayerWriter(SHELL, spool).add_package(deb)


def test_something_that_is_no_package_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.deb").write_bytes(b"no archive")
    with (tmp_path / "spool").open("w+b") as spool, pytest.raises(Failed, match="no Debian package"):
        LayerWriter(SHELL, spool).add_package(tmp_path / "x.deb")
