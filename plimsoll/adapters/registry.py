"""Container registries over their HTTP API (port ImageRegistry): look, fetch, push what is missing.

Registries of the 2.8 line convert a manifest whose media type the request did not accept, and name the digest of the converted
one. Hence every request names all types that exist, and a digest is believed only when the bytes bear it out.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plimsoll.adapters.oci import CHUNK, INDEX, MANIFEST, UNPACKED, Layout, created_by, open_layer, unpacked_size
from plimsoll.adapters.registry_http import RegistryHttp, parse
from plimsoll.domain.build import SCHEMA_LABEL, Built, Layer
from plimsoll.domain.images import Image, digest
from plimsoll.domain.publish import PushResult
from plimsoll.errors import EnvironmentLacks, Misconfigured

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plimsoll.adapters.registry_http import Reference
    from plimsoll.domain.images import Digest

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
ACCEPT = {"Accept": f"{MANIFEST}, {INDEX}, {DOCKER_MANIFEST}, {DOCKER_LIST}"}
PLATFORM = ("linux", "amd64")
NOT_FOUND = 404


class OciRegistry:
    """Every registry that image references may name; logins are those of the user's Docker configuration."""

    def __init__(self, *, ca: str | None = None, private_host: str = "") -> None:
        """Trust the PEM file `ca` for `private_host`, and the machine's own certificates for all others."""
        self._http = RegistryHttp(ca=ca, private_host=private_host)

    def digest(self, reference: str) -> Digest | None:
        """Return the digest that `reference` stands for, or None when there is no such image."""
        where = parse(reference)
        answer = self._http.call("HEAD", where, f"manifests/{where.version}", headers=ACCEPT, accept=(200, NOT_FOUND))
        if answer.status_code == NOT_FOUND:
            return None
        named = answer.headers.get("Docker-Content-Digest", "")
        return digest(named) if named else digest(_hash(self._manifest(where)[0]))

    def find(self, service: str, reference: str) -> Built | None:
        """Return the image under `reference` with its labels and sizes, or None; its layers are not fetched."""
        where = parse(reference)
        if self.digest(reference) is None:
            return None
        body, manifest = self._image_manifest(where)
        config = json.loads(self._small_blob(where, manifest["config"]["digest"]))
        labels = {str(key): str(value) for key, value in (config.get("config", {}).get("Labels") or {}).items()}
        layers = tuple(
            Layer(digest=digest(each["digest"]), unpacked=self._unpacked(where, each), created_by=words)
            for each, words in zip(manifest["layers"], created_by(config), strict=False)
        )
        image = Image(
            service=service,
            repository=where.repository,
            tag=where.version,
            digest=digest(_hash(body)),
            unpacked_bytes=sum(layer.unpacked for layer in layers),
            labels=labels,
            schema=labels.get(SCHEMA_LABEL),
        )
        return Built(image=image, layers=layers, origin="registry")

    def base(self, reference: str) -> tuple[Digest, dict[str, Digest]]:
        """Return the digest of a pulled base's manifest for our platform, and its layers: diff id -> digest.

        Raise EnvironmentLacks when it is not there.
        """
        where = parse(reference)
        if self.digest(reference) is None:
            raise EnvironmentLacks(
                f"there is no base image {reference}", where=where.host, now="correct `pull` in plimsoll.toml", code="no-base"
            )
        body, manifest = self._image_manifest(where)
        config = json.loads(self._small_blob(where, manifest["config"]["digest"]))
        pairs = zip(config["rootfs"]["diff_ids"], manifest["layers"], strict=True)
        return digest(_hash(body)), {str(diff): digest(layer["digest"]) for diff, layer in pairs}

    def fetch(self, image: Image, folder: Path) -> None:
        """Write the image's OCI layout into `folder`."""
        where = parse(image.reference)
        layout = Layout(folder).create()
        body, manifest = self._image_manifest(where)
        for each in (manifest["config"], *manifest["layers"]):
            self._fetch_blob(where, each["digest"], layout.blob(each["digest"]))
        layout.blob(_hash(body)).write_bytes(body)
        entry = {"mediaType": manifest.get("mediaType", MANIFEST), "digest": _hash(body), "size": len(body)}
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
        (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")

    def push(self, image: Image, folder: Path) -> PushResult:
        """Move what is missing of the image whose OCI layout is `folder`. Raise Misconfigured rather than move a tag."""
        started = time.monotonic()
        where = parse(image.tagged)
        standing = self.digest(image.tagged)
        if standing == image.digest:
            return PushResult(digest=standing, pushed=False)
        if standing is not None:
            raise Misconfigured(
                f"the tag {image.tag} is already another image ({standing}), and no tag is ever moved",
                where=image.tagged,
                now=f"that image is the one to use: remove {folder.parent} and run `inv build` again",
                code="tag-taken",
            )
        layout = Layout(folder)
        manifest = layout.manifest()
        moved = sum(self._push_blob(where, layout, each) for each in (*manifest["layers"], manifest["config"]))
        body = layout.read(image.digest)
        headers = {"Content-Type": str(manifest.get("mediaType", MANIFEST))}
        answer = self._http.call("PUT", where, f"manifests/{where.version}", headers=headers, data=body, accept=(201,))
        stored = answer.headers.get("Docker-Content-Digest", image.digest)
        if stored != image.digest or self.digest(image.tagged) != image.digest:
            raise EnvironmentLacks(
                f"the registry stored {stored}, not {image.digest}", where=where.host, now="use a registry that keeps bytes"
            )
        return PushResult(digest=image.digest, pushed=True, bytes_moved=moved + len(body), seconds=time.monotonic() - started)

    def require_rights(self, repository: str) -> None:
        """Raise when images may not be pushed to `repository`; an upload is begun and given up, nothing is stored."""
        where = parse(f"{repository}:any")
        answer = self._http.call("POST", where, "blobs/uploads/", accept=(202,))
        self._http.call("DELETE", where, answer.headers["Location"], accept=(200, 202, 204, NOT_FOUND, 405))

    def _manifest(self, where: Reference) -> tuple[bytes, dict[str, Any]]:
        answer = self._http.call("GET", where, f"manifests/{where.version}", headers=ACCEPT)
        body: bytes = answer.content
        if where.version.startswith("sha256:") and _hash(body) != where.version:
            raise EnvironmentLacks(f"the registry sent other bytes than {where.version}", where=where.host, now="look at it")
        return body, json.loads(body)

    def _image_manifest(self, where: Reference) -> tuple[bytes, dict[str, Any]]:
        body, manifest = self._manifest(where)
        if "manifests" not in manifest:
            return body, manifest
        for entry in manifest["manifests"]:
            platform = entry.get("platform", {})
            if (platform.get("os"), platform.get("architecture")) == PLATFORM:
                return self._manifest(where.at(entry["digest"]))
        raise EnvironmentLacks(f"there is no image for {'/'.join(PLATFORM)}", where=where.repository, now="name another base")

    def _small_blob(self, where: Reference, name: str) -> bytes:
        body: bytes = self._http.call("GET", where, f"blobs/{name}").content
        if _hash(body) != name:
            raise EnvironmentLacks(f"the registry sent other bytes than {name}", where=where.host, now="look at it")
        return body

    def _fetch_blob(self, where: Reference, name: str, target: Path) -> None:
        seen = hashlib.sha256()
        partial = target.with_name(f".{target.name}")
        with self._http.call("GET", where, f"blobs/{name}", stream=True) as answer, partial.open("wb") as out:
            for chunk in answer.iter_content(CHUNK):
                seen.update(chunk)
                out.write(chunk)
        if f"sha256:{seen.hexdigest()}" != name:
            partial.unlink()
            raise EnvironmentLacks(f"the registry sent other bytes than {name}", where=where.host, now="try again")
        partial.replace(target)

    def _unpacked(self, where: Reference, layer: Mapping[str, Any]) -> int:
        noted = (layer.get("annotations") or {}).get(UNPACKED, "")
        if noted.isdigit():
            return int(noted)
        # Somebody else's image: only its bytes tell.
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "layer"
            self._fetch_blob(where, layer["digest"], path)
            with open_layer(path, layer["mediaType"]) as plain:
                return unpacked_size(plain)

    def _push_blob(self, where: Reference, layout: Layout, descriptor: Mapping[str, Any]) -> int:
        name = descriptor["digest"]
        there = self._http.call("HEAD", where, f"blobs/{name}", accept=(200, NOT_FOUND), push=True)
        if there.status_code != NOT_FOUND:
            return 0
        begun = self._http.call("POST", where, "blobs/uploads/", accept=(202,))
        location = begun.headers["Location"]
        location += f"{'&' if '?' in location else '?'}digest={name}"
        with layout.blob(name).open("rb") as body:
            headers = {"Content-Type": "application/octet-stream"}
            self._http.call("PUT", where, location, headers=headers, data=body, accept=(201,))
        return int(descriptor["size"])


def _hash(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"
