"""The real Trivy over our own small database, served by a registry on loopback; images are OCI layouts made here."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import json
import tarfile
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from plimsoll.adapters.scan_memory import ScanFiles
from plimsoll.adapters.system import SystemClock
from plimsoll.adapters.trivy import Trivy
from plimsoll.domain.project import ScanPolicy
from plimsoll.domain.scan import Waiver, judge
from plimsoll.errors import EnvironmentLacks
from plimsoll.wiring import tools
from tests import vulnerability_database as planted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from plimsoll.domain.scan import Judgement, ScanReport

ADVISORIES = {
    "bash": {"CVE-2099-0001": (planted.advisory(fixed="5.2.37-99"), 4)},
    "coreutils": {"CVE-2099-0002": (planted.advisory(), 3)},
}
STATUS = "Package: {0}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2.37-2\nDescription: a package\n\n"


class Mirror(http.server.BaseHTTPRequestHandler):
    """Just enough of a registry to serve one artifact."""

    blobs: dict[str, tuple[str, bytes]]

    def do_GET(self) -> None:
        kind, body = self.blobs.get(self.path.rsplit("/", 1)[-1], ("", b""))
        known = self.path == "/v2/" or bool(body)
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", kind or "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 -- the name that http.server calls

    def log_message(self, *_words: object) -> None:
        pass


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("database")
    planted.write(folder, ADVISORIES)
    manifest, layer, config = planted.artifact(folder)
    media = "application/vnd.oci.image.manifest.v1+json"
    blobs = {"2": (media, manifest), planted.describe(manifest, media)["digest"]: (media, manifest)}
    blobs |= {planted.describe(blob, "")["digest"]: ("application/octet-stream", blob) for blob in (layer, config)}
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Served", (Mirror,), {"blobs": blobs}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}/trivy-db:2"
    server.shutdown()
    server.server_close()
    thread.join()


def layout(folder: Path, *packages: str, release: str = "13") -> str:
    """Write an OCI layout whose one layer holds os-release and the status of distribution packages."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        files = {"etc/os-release": f'ID=debian\nVERSION_ID="{release}"\n', "etc/debian_version": f"{release}.0\n"}
        if packages:
            files["var/lib/dpkg/status"] = "".join(STATUS.format(name) for name in packages)
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def add(blob: bytes, media_type: str) -> dict[str, object]:
        (blobs / hashlib.sha256(blob).hexdigest()).write_bytes(blob)
        return planted.describe(blob, media_type)

    layer = add(gzip.compress(raw.getvalue(), mtime=0), "application/vnd.oci.image.layer.v1.tar+gzip")
    unpacked = f"sha256:{hashlib.sha256(raw.getvalue()).hexdigest()}"
    config = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [unpacked]}, "config": {}}
    configured = add(json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json")
    media = "application/vnd.oci.image.manifest.v1+json"
    manifest = {"schemaVersion": 2, "mediaType": media, "config": configured, "layers": [layer]}
    index = {"schemaVersion": 2, "manifests": [add(json.dumps(manifest).encode(), media)]}
    (folder / "index.json").write_text(json.dumps(index))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return str(folder)


@pytest.fixture(scope="module")
def trivy(mirror: str, tmp_path_factory: pytest.TempPathFactory) -> Trivy:
    cache = tmp_path_factory.mktemp("cache")
    return Trivy(tools.ensure_tool("trivy"), cache, ("127.0.0.1:1/nobody:2", mirror), SystemClock())


def verdict(trivy: Trivy, report: ScanReport, *waivers: Waiver) -> Judgement:
    now = datetime.now(tz=UTC)
    return judge("web", "sha256:0", report, database=trivy.database(), waivers=waivers, policy=ScanPolicy(), now=now)


def test_the_database_comes_from_the_first_mirror_that_answers(trivy: Trivy) -> None:
    database = trivy.database()
    assert database.updated_at is not None
    assert datetime.now(tz=UTC) - database.updated_at < timedelta(hours=1)


def test_a_planted_old_package_is_found_and_blocks(trivy: Trivy, tmp_path: Path) -> None:
    trivy.database()
    report = trivy.scan(layout(tmp_path / "image", "bash", "coreutils", "dash"))
    assert report.os_packages == 3
    assert {finding.id: finding.severity for finding in report.findings} == {"CVE-2099-0001": "CRITICAL", "CVE-2099-0002": "HIGH"}
    judged = verdict(trivy, report)
    assert judged.summary.verdict == "findings"
    assert [finding.package for finding in judged.blocking] == ["bash"]
    assert judged.summary.unfixed == 1


def test_its_clean_twin_passes(trivy: Trivy, tmp_path: Path) -> None:
    trivy.database()
    assert verdict(trivy, trivy.scan(layout(tmp_path / "image", "dash"))).summary.verdict == "clean"


def test_a_waiver_lets_the_planted_finding_pass(trivy: Trivy, tmp_path: Path) -> None:
    trivy.database()
    report = trivy.scan(layout(tmp_path / "image", "bash"))
    until = (datetime.now(tz=UTC) + timedelta(days=5)).date()
    assert verdict(trivy, report, Waiver(id="CVE-2099-0001", statement="test", expired_at=until)).summary.verdict == "clean"


def test_an_image_whose_packages_are_not_recognised_is_never_clean(trivy: Trivy, tmp_path: Path) -> None:
    trivy.database()
    assert verdict(trivy, trivy.scan(layout(tmp_path / "image"))).summary.verdict == "not-run"


def test_no_mirror_and_no_database_is_told_with_the_last_answer(tmp_path: Path) -> None:
    lonely = Trivy(tools.ensure_tool("trivy"), tmp_path / "cache", ("127.0.0.1:1/nobody:2",), SystemClock())
    database = lonely.database()
    assert database.updated_at is None
    assert "127.0.0.1:1/nobody:2" in database.reason


def test_a_layout_that_cannot_be_read_is_no_scan(trivy: Trivy, tmp_path: Path) -> None:
    trivy.database()
    with pytest.raises(EnvironmentLacks, match="Trivy could not scan"):
        trivy.scan(str(tmp_path / "nothing"))


def test_a_report_is_recalled_only_for_its_digest_and_database(trivy: Trivy, tmp_path: Path) -> None:
    database = trivy.database()
    report = trivy.scan(layout(tmp_path / "image", "bash"))
    memory = ScanFiles(tmp_path / "scans")
    memory.keep("sha256:1", database, report)
    assert memory.recall("sha256:1", database) == report
    assert memory.recall("sha256:2", database) is None
