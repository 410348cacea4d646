"""A real registry: what a push moves, what it refuses, and what is said when the registry does not play along."""

from __future__ import annotations

import base64
import gzip
import io
import json
import ssl
import subprocess
import tarfile
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest
import requests

from plimsoll.adapters.oci import CONFIG, LAYER_GZIP, MANIFEST, Layout
from plimsoll.adapters.registry import OciRegistry
from plimsoll.adapters.registry_http import RegistryHttp, parse
from plimsoll.domain.images import Image
from plimsoll.errors import EnvironmentLacks, Misconfigured
from tests.local_registry import PASSWORD, USER, free_port, local_registry, token_service

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.local_registry import LocalRegistry

LABELS = {"org.opencontainers.image.version": "0" * 16, "dev.plimsoll.schema": "5" * 16}
SILLY = "auth: {silly: {realm: '%s', service: registry}}\n"


def tar(**files: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


def image(folder: Path, repository: str, *layers: bytes, tag: str = "0" * 16) -> Image:
    """Write a layout with these layers and return its image."""
    layout = Layout(folder).create()
    blobs = [layout.put_layer(io.BytesIO(layer)) for layer in layers]
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Labels": LABELS},
        "rootfs": {"type": "layers", "diff_ids": [blob.diff_id for blob in blobs]},
        "history": [{"created_by": f"layer {number}"} for number in range(len(blobs))],
    }
    stored = layout.put_json(CONFIG, config)
    digest = layout.finish(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": stored.descriptor(),
            "layers": [blob.descriptor() for blob in blobs],
        }
    )
    size = sum(blob.unpacked or 0 for blob in blobs)
    return Image(
        service="backend", repository=repository, tag=tag, digest=digest, unpacked_bytes=size, labels=LABELS, schema="5" * 16
    )


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRegistry]:
    with local_registry(tmp_path_factory.mktemp("registry") / "r") as running:
        yield running


@pytest.fixture
def pushed(registry: LocalRegistry, tmp_path: Path) -> Image:
    made = image(tmp_path / "layout", f"{registry.host}/{tmp_path.name}/backend", tar(a="one"), tar(b="two"))
    OciRegistry().push(made, tmp_path / "layout")
    return made


def test_what_is_not_there_has_no_digest(registry: LocalRegistry) -> None:
    assert OciRegistry().digest(f"{registry.host}/nowhere/backend:{'0' * 16}") is None
    assert OciRegistry().find("backend", f"{registry.host}/nowhere/backend:{'0' * 16}") is None


def test_a_pushed_image_is_found_by_tag_and_by_digest_with_all_that_is_known_of_it(pushed: Image) -> None:
    client = OciRegistry()
    assert client.digest(pushed.tagged) == client.digest(pushed.reference) == pushed.digest
    found = client.find("backend", pushed.tagged)
    assert found is not None
    assert found.image == pushed
    assert [layer.created_by for layer in found.layers] == ["layer 0", "layer 1"]
    assert found.origin == "registry"


def test_only_missing_layers_move(pushed: Image, tmp_path: Path) -> None:
    again = OciRegistry().push(pushed, tmp_path / "layout")
    assert (again.pushed, again.bytes_moved) == (False, 0)
    grown = image(tmp_path / "grown", pushed.repository, tar(a="one"), tar(b="two"), tar(c="3" * 9), tag="1" * 16)
    result = OciRegistry().push(grown, tmp_path / "grown")
    layout = Layout(tmp_path / "grown")
    manifest = layout.manifest()
    new = manifest["layers"][2]["size"] + manifest["config"]["size"] + layout.blob(layout.digest()).stat().st_size
    assert (result.pushed, result.bytes_moved) == (True, new)


def test_a_tag_is_never_moved(pushed: Image, tmp_path: Path) -> None:
    other = image(tmp_path / "other", pushed.repository, tar(a="another"))
    with pytest.raises(Misconfigured, match="no tag is ever moved") as raised:
        OciRegistry().push(other, tmp_path / "other")
    assert str(tmp_path) in raised.value.now
    assert OciRegistry().digest(pushed.tagged) == pushed.digest


def test_a_fetched_image_is_the_one_that_was_pushed(pushed: Image, tmp_path: Path) -> None:
    OciRegistry().fetch(pushed, tmp_path / "fetched")
    fetched, original = Layout(tmp_path / "fetched"), Layout(tmp_path / "layout")
    assert fetched.digest() == original.digest() == pushed.digest
    assert fetched.config() == original.config()
    for descriptor in fetched.manifest()["layers"]:
        assert fetched.blob(descriptor["digest"]).read_bytes() == original.blob(descriptor["digest"]).read_bytes()


def test_sizes_of_somebody_elses_image_are_counted(registry: LocalRegistry, tmp_path: Path) -> None:
    layout = Layout(tmp_path / "plain").create()
    body = tar(a="x" * 5000)
    blob = layout.put(LAYER_GZIP, gzip.compress(body))
    config = layout.put_json(CONFIG, {"config": {}, "rootfs": {"diff_ids": [blob.digest]}, "history": [{"created_by": "make"}]})
    digest = layout.finish(
        {"schemaVersion": 2, "mediaType": MANIFEST, "config": config.descriptor(), "layers": [blob.descriptor()]}
    )
    foreign = Image(
        service="x", repository=f"{registry.host}/foreign/x", tag="v1.0.0", digest=digest, unpacked_bytes=len(body), labels={}
    )
    OciRegistry().push(foreign, tmp_path / "plain")
    found = OciRegistry().find("x", foreign.tagged)
    assert found is not None
    assert (found.image.unpacked_bytes, dict(found.image.labels), found.image.schema) == (len(body), {}, None)


def test_a_base_is_known_by_its_digest_and_its_layers(pushed: Image) -> None:
    digest, layers = OciRegistry().base(pushed.reference)
    assert digest == pushed.digest
    assert len(layers) == 2
    with pytest.raises(EnvironmentLacks, match="there is no base image"):
        OciRegistry().base(f"{pushed.repository}@sha256:{'0' * 64}")


def test_the_right_to_push_is_tried_without_leaving_anything(registry: LocalRegistry) -> None:
    before = registry.files()
    OciRegistry().require_rights(f"{registry.host}/rights/backend")
    assert registry.files() == before


def test_a_registry_that_is_down_is_told_with_what_starts_it() -> None:
    with pytest.raises(EnvironmentLacks, match="does not answer") as raised:
        OciRegistry().digest(f"localhost:{free_port()}/x/backend:{'0' * 16}")
    assert raised.value.exit_code == 4
    assert "inv cluster.up" in raised.value.now


@pytest.fixture
def docker_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Docker's configuration in a folder of the test's own."""
    folder = tmp_path / "docker"
    folder.mkdir()
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    return folder / "config.json"


def login(host: str, password: str = PASSWORD) -> str:
    return json.dumps({"auths": {host: {"auth": base64.b64encode(f"{USER}:{password}".encode()).decode()}}})


def test_a_token_is_fetched_with_the_login_of_dockers_configuration(tmp_path: Path, docker_login: Path) -> None:
    with token_service() as (realm, asked), local_registry(tmp_path / "r", auth=SILLY % realm) as registry:
        docker_login.write_text(login(registry.host))
        made = image(tmp_path / "layout", f"{registry.host}/shop/backend", tar(a="one"))
        assert OciRegistry().push(made, tmp_path / "layout").pushed
        assert OciRegistry().digest(made.tagged) == made.digest
        assert {question["service"] for question in asked} == {"registry"}


def test_a_credential_helper_is_asked(tmp_path: Path, docker_login: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper = tmp_path / "bin" / "docker-credential-test"
    helper.parent.mkdir()
    helper.write_text(f"#!/bin/sh\ncat >/dev/null\necho '{json.dumps({'Username': USER, 'Secret': PASSWORD})}'\n")
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", str(helper.parent), prepend=":")
    docker_login.write_text(json.dumps({"credsStore": "test"}))
    with token_service() as (realm, asked), local_registry(tmp_path / "r", auth=SILLY % realm) as registry:
        OciRegistry().require_rights(f"{registry.host}/shop/backend")
        assert asked


def test_a_wrong_login_is_told_with_the_command_that_corrects_it(tmp_path: Path, docker_login: Path) -> None:
    with token_service() as (realm, _), local_registry(tmp_path / "r", auth=SILLY % realm) as registry:
        docker_login.write_text(login(registry.host, "wrong"))
        with pytest.raises(Misconfigured, match="does not let us in") as raised:
            OciRegistry().digest(f"{registry.host}/shop/backend:{'0' * 16}")
        assert raised.value.now.startswith(f"run `docker login {registry.host}`")
        assert raised.value.exit_code == 2


class Broken(BaseHTTPRequestHandler):
    """A registry whose disk is full, and which sends bytes that do not match their digests."""

    def answer(self) -> None:
        manifest = self.path.rpartition("/")[0].endswith("manifests")
        body = b"{}" if manifest and self.command == "GET" else b'{"errors": [{"message": "no space left on device"}]}'
        self.send_response(200 if manifest else 500)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = answer  # noqa: N815 -- the names that http.server calls

    def log_message(self, *_words: object) -> None:
        pass


@pytest.fixture
def broken() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Broken) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_registry_that_fails_is_told_in_its_own_words(broken: str) -> None:
    with pytest.raises(EnvironmentLacks, match="no space left on device"):
        OciRegistry().require_rights(f"{broken}/shop/backend")


def test_bytes_that_do_not_match_their_digest_are_not_believed(broken: str, pushed: Image, tmp_path: Path) -> None:
    lying = replace(pushed, repository=f"{broken}/shop/backend")
    with pytest.raises(EnvironmentLacks, match="other bytes than"):
        OciRegistry().fetch(lying, tmp_path / "fetched")


def test_a_private_authority_is_trusted_where_the_settings_name_it(tmp_path: Path) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=registry.test",
         "-addext", "subjectAltName=DNS:registry.test", "-keyout", key, "-out", certificate),
        check=True, capture_output=True,
    )  # fmt: skip
    with HTTPServer(("127.0.0.1", 0), Broken) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        host = f"registry.test:{server.server_address[1]}"

        def client(ca: str | None) -> RegistryHttp:
            made = RegistryHttp(ca=ca, private_host=host)
            made._session.mount("https://", _Here(server.server_address[1]))
            return made

        where = parse(f"{host}/shop/backend:1")
        with pytest.raises(EnvironmentLacks, match="is not trusted") as raised:
            client(None).call("HEAD", where, "manifests/1")
        assert "`ca` in [registry]" in raised.value.now
        assert client(str(certificate)).call("HEAD", where, "manifests/1").status_code == 200
        server.shutdown()


class _Here(requests.adapters.HTTPAdapter):
    """Connects to this machine whatever the name, which stays the one that the certificate must show."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port

    def send(self, request: requests.PreparedRequest, *args: object, **settings: object) -> requests.Response:
        name = str(request.url).split("/")[2].partition(":")[0]
        request.url = str(request.url).replace(name, "127.0.0.1", 1)
        self.poolmanager.connection_pool_kw.update(server_hostname=name, assert_hostname=name)
        return super().send(request, *args, **settings)  # type: ignore[arg-type] -- passed on as they came


@pytest.mark.parametrize(
    ("reference", "host", "path", "version", "repository"),
    [
        ("localhost:5001/check-in/backend:abc", "localhost:5001", "check-in/backend", "abc", "localhost:5001/check-in/backend"),
        ("registry.example/x@sha256:1", "registry.example", "x", "sha256:1", "registry.example/x"),
        ("registry.example/x:v1@sha256:1", "registry.example", "x", "sha256:1", "registry.example/x"),
        ("debian:13", "registry-1.docker.io", "library/debian", "13", "debian"),
        ("kindest/node", "registry-1.docker.io", "kindest/node", "latest", "kindest/node"),
        ("docker.io/kindest/node:v1", "registry-1.docker.io", "kindest/node", "v1", "docker.io/kindest/node"),
    ],
)
def test_references_are_read_with_dockers_defaults(reference: str, host: str, path: str, version: str, repository: str) -> None:
    found = parse(reference)
    assert (found.host, found.path, found.version, found.repository) == (host, path, version, repository)
