"""The sources of pinned tools, with the real programs behind them and servers and registries of the test's own."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import tarfile
import threading
import zipfile
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from plimsoll.adapters import process
from plimsoll.adapters.downloads import Downloads, SourceFailed
from plimsoll.adapters.go_modules import GoModules
from plimsoll.adapters.python_packages import PythonPackages, pip, uv
from plimsoll.domain.tools import Source
from tests.needs import missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

LINUX = "linux-amd64"
PROGRAM = b"#!/bin/sh\necho here I am\n"


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


# --- the project's own release -------------------------------------------------------------------------------------------------


@contextmanager
def server(files: Mapping[str, bytes]) -> Iterator[tuple[str, list[str]]]:
    """Serve `files` on 127.0.0.1; give the address and the paths that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = files.get(self.path)
            self.send_response(200 if body is not None else 500 if self.path == "/broken" else 404)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_words: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_port}", asked
        finally:
            http.shutdown()
            thread.join()


def release(address: str, content: bytes, **options: object) -> Source:
    made = Source(kind="download", version="1", program="tool", origin={LINUX: address}, hashes={LINUX: sha256(content)})
    return replace(made, **options)  # type: ignore[arg-type]  # a test's own options


def archive(names: Mapping[str, bytes]) -> bytes:
    """Return a tar.xz of files, with a link and a member that would leave the folder."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz") as tar:
        for name, content in names.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.uid = len(content), 0o755, 4711
            tar.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("tool-1/bin/alias")
        link.type, link.linkname = tarfile.SYMTYPE, "tool"
        tar.addfile(link)
        tar.addfile(tarfile.TarInfo("tool-1/../../outside"), io.BytesIO())
    return buffer.getvalue()


def test_a_release_that_hashes_to_its_pin_is_taken(tmp_path: Path) -> None:
    with server({"/tool": PROGRAM}) as (address, _):
        Downloads().fetch(release(f"{address}/tool", PROGRAM), LINUX, tmp_path)
    assert (tmp_path / "tool").read_bytes() == PROGRAM


def test_a_release_that_hashes_to_something_else_is_not_kept(tmp_path: Path) -> None:
    with server({"/tool": b"something else"}) as (address, _), pytest.raises(SourceFailed, match="not to the pinned") as raised:
        Downloads().fetch(release(f"{address}/tool", PROGRAM), LINUX, tmp_path)
    assert not raised.value.gone
    assert list(tmp_path.iterdir()) == []


def test_an_archive_is_unpacked_without_its_outer_folder_and_nothing_leaves_it(tmp_path: Path) -> None:
    into = tmp_path / "into"
    into.mkdir()
    packed = archive({"tool-1/bin/tool": PROGRAM, "tool-1/lib/data": b"data"})
    with server({"/tool.tar.xz": packed}) as (address, _):
        source = release(f"{address}/tool.tar.xz", packed, program="bin/tool", unpack=True, strip=1)
        Downloads().fetch(source, LINUX, into)
    assert sorted(str(path.relative_to(into)) for path in into.rglob("*") if not path.is_dir()) == [
        "bin/alias",
        "bin/tool",
        "lib/data",
    ]
    assert (into / "bin" / "alias").resolve() == (into / "bin" / "tool").resolve()
    assert (into / "bin" / "tool").stat().st_uid == os.getuid()
    assert list(tmp_path.iterdir()) == [into]


def test_a_release_that_vanished_is_told_apart_from_a_server_that_fails(tmp_path: Path) -> None:
    with server({}) as (address, _):
        with pytest.raises(SourceFailed, match="no longer has it") as vanished:
            Downloads().fetch(release(f"{address}/tool", PROGRAM), LINUX, tmp_path)
        with pytest.raises(SourceFailed, match="HTTP 500") as failed:
            Downloads().fetch(release(f"{address}/broken", PROGRAM), LINUX, tmp_path)
    assert (vanished.value.gone, failed.value.gone) == (True, False)


def test_a_host_that_does_not_answer_is_asked_once(tmp_path: Path) -> None:
    with server({}) as (address, _):
        pass
    downloads = Downloads()
    for _ in range(2):
        with pytest.raises(SourceFailed, match="does not answer"):
            downloads.fetch(release(f"{address}/tool", PROGRAM), LINUX, tmp_path)


# --- a Python package ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    """A package that carries a program, in a folder that is the only registry there is."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    path = folder / "plimsoll_test_tool-1.0-py3-none-any.whl"
    members = {
        "plimsoll_test_tool-1.0.data/scripts/tool": PROGRAM,
        "plimsoll_test_tool-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: plimsoll-test-tool\nVersion: 1.0\n",
        "plimsoll_test_tool-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},sha256={record_hash(content)},{len(content)}\n" for name, content in members.items())
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in {**members, "plimsoll_test_tool-1.0.dist-info/RECORD": record.encode()}.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = 0o100755 << 16
            packed.writestr(member, content)
    for name in ("UV", "PIP"):
        monkeypatch.setenv(f"{name}_NO_INDEX", "1")
        monkeypatch.setenv(f"{name}_FIND_LINKS", str(folder))
        monkeypatch.setenv(f"{name}_CACHE_DIR", str(tmp_path / "cache"))
    hashes = {LINUX: sha256(path.read_bytes())}
    return Source(kind="python", version="1.0", program="bin/tool", origin={"any": "plimsoll-test-tool"}, hashes=hashes)


def record_hash(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")


@pytest.fixture(params=[uv, pip])
def packages(request: pytest.FixtureRequest) -> PythonPackages:
    return PythonPackages(request.param() or missing(request.param.__name__))


def test_a_package_that_hashes_to_its_pin_is_unpacked(packages: PythonPackages, wheel: Source, tmp_path: Path) -> None:
    packages.fetch(wheel, LINUX, tmp_path / "into")
    assert process.run((tmp_path / "into" / "bin" / "tool",), timeout=5).stdout == "here I am\n"


def test_a_package_that_hashes_to_something_else_is_refused(packages: PythonPackages, wheel: Source, tmp_path: Path) -> None:
    with pytest.raises(SourceFailed, match=r"(?i)hash") as raised:
        packages.fetch(replace(wheel, hashes={LINUX: "sha256:" + "0" * 64}), LINUX, tmp_path / "into")
    assert not raised.value.gone
    assert not (tmp_path / "into" / "bin").exists()


def test_a_version_that_vanished_from_the_registry_is_told(packages: PythonPackages, wheel: Source, tmp_path: Path) -> None:
    with pytest.raises(SourceFailed, match="no registry offers this version") as raised:
        packages.fetch(replace(wheel, version="9.9"), LINUX, tmp_path / "into")
    assert raised.value.gone


# --- a Go module ---------------------------------------------------------------------------------------------------------------

GO_MOD = "module example.org/hello\n\ngo 1.24\n"
MAIN = 'package main\n\nfunc main() { println("here I am") }\n'


@pytest.fixture(scope="session")
def go() -> Path:
    """The pinned Go toolchain, as kind's source gets it."""
    from plimsoll.wiring.tools import ensure_tool  # noqa: PLC0415 -- only these tests need the composition

    return ensure_tool("go")


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    """A module on a module proxy that is a folder."""
    versions = tmp_path / "proxy" / "example.org" / "hello" / "@v"
    versions.mkdir(parents=True)
    files = {"go.mod": GO_MOD.encode(), "main.go": MAIN.encode()}
    (versions / "list").write_text("v1.0.0\n")
    (versions / "v1.0.0.info").write_text(json.dumps({"Version": "v1.0.0", "Time": "2030-01-01T00:00:00Z"}))
    (versions / "v1.0.0.mod").write_text(GO_MOD)
    with zipfile.ZipFile(versions / "v1.0.0.zip", "w") as packed:
        for name, content in files.items():
            packed.writestr(f"example.org/hello@v1.0.0/{name}", content)
    monkeypatch.setenv("GOPROXY", f"file://{tmp_path}/proxy")
    lines = "".join(
        f"{hashlib.sha256(content).hexdigest()}  example.org/hello@v1.0.0/{name}\n" for name, content in files.items()
    )
    total = base64.b64encode(hashlib.sha256(lines.encode()).digest()).decode()
    return Source(
        kind="module", version="1.0.0", program="bin/hello", origin={"any": "example.org/hello"}, hashes={"any": f"h1:{total}"}
    )


@pytest.fixture
def modules(go: Path, tmp_path: Path) -> Iterator[GoModules]:
    cache = tmp_path / "go"
    yield GoModules(cache, lambda: go)
    # Go makes its module cache read-only.
    process.run((go, "clean", "-modcache"), timeout=60, env={"GOMODCACHE": str(cache / "mod")}, check=False)


@pytest.mark.timeout(180)
def test_a_module_that_hashes_to_its_pin_is_built_and_then_built_again_without_a_network(
    module: Source, modules: GoModules, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("first", "second"):
        modules.fetch(module, LINUX, tmp_path / folder)
        assert process.run((tmp_path / folder / "bin" / "hello",), timeout=5).stderr == "here I am\n"
        monkeypatch.setenv("GOPROXY", "off")
    first, second = ((tmp_path / folder / "bin" / "hello").read_bytes() for folder in ("first", "second"))
    assert first == second


def test_a_module_that_hashes_to_something_else_is_not_built(module: Source, modules: GoModules, tmp_path: Path) -> None:
    with pytest.raises(SourceFailed, match="not to the pinned h1:AAAA") as raised:
        modules.fetch(replace(module, hashes={"any": f"h1:{'A' * 43}="}), LINUX, tmp_path / "into")
    assert not raised.value.gone
    assert not (tmp_path / "into").exists()


def test_a_module_that_vanished_is_told(module: Source, modules: GoModules, tmp_path: Path) -> None:
    with pytest.raises(SourceFailed) as raised:
        modules.fetch(replace(module, version="9.9.9"), LINUX, tmp_path / "into")
    assert raised.value.where == "Go module example.org/hello@v9.9.9"
