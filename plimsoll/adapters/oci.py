"""OCI image layouts on disk: blobs by digest, one manifest, and what can be read from them."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import json
import os
import tarfile
import tempfile
import zlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, cast

from plimsoll.domain.images import digest
from plimsoll.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from plimsoll.domain.images import Digest

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
LAYER_GZIP = f"{LAYER}+gzip"
# Carried by every layer's descriptor, so that the size of an image is known without fetching its layers.
UNPACKED = "dev.plimsoll.unpacked-bytes"
CHUNK = 1 << 20
# The level that gzip itself takes by default: 9 takes twice as long and saves one per cent.
LEVEL = 6
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, kw_only=True)
class Blob:
    """A stored blob: the descriptor that a manifest writes about it. `diff_id` is the digest of a layer's uncompressed bytes."""

    media_type: str
    digest: Digest
    size: int
    diff_id: Digest | None = None
    unpacked: int | None = None

    def descriptor(self) -> dict[str, Any]:
        """Return the OCI descriptor."""
        found: dict[str, Any] = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        if self.unpacked is not None:
            found["annotations"] = {UNPACKED: str(self.unpacked)}
        return found

    def to_json(self) -> dict[str, Any]:
        """Return everything that is known about the blob."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Blob:
        """Read what `to_json` wrote."""
        return cls(**data)


@dataclass(frozen=True)
class Layout:
    """An OCI layout with one image in it."""

    folder: Path

    def blob(self, name: str) -> Path:
        """Return where the blob with this digest lies, or would lie."""
        algorithm, _, value = name.partition(":")
        return self.folder / "blobs" / algorithm / value

    def create(self) -> Layout:
        """Make the folders of an empty layout and return it."""
        (self.folder / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
        (self.folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}', encoding="utf-8")
        return self

    def put(self, media_type: str, body: bytes) -> Blob:
        """Store a small blob."""
        name = digest(f"sha256:{hashlib.sha256(body).hexdigest()}")
        _atomic(self.blob(name), body)
        return Blob(media_type=media_type, digest=name, size=len(body))

    def put_json(self, media_type: str, data: Mapping[str, Any]) -> Blob:
        """Store a JSON document; equal documents give equal bytes."""
        return self.put(media_type, json.dumps(data, sort_keys=True, separators=(",", ":")).encode())

    def put_layer(self, tar: IO[bytes], *, compress: bool = True) -> Blob:
        """Store a layer from its uncompressed bytes, with the same bytes as result wherever that is done."""
        packed, plain = hashlib.sha256(), hashlib.sha256()
        size = unpacked = 0
        # wbits of 31: a gzip header without a name and with a time of 0.
        compressor = zlib.compressobj(LEVEL, wbits=31) if compress else None
        folder = self.folder / "blobs" / "sha256"
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".", delete=False) as out:
            while chunk := tar.read(CHUNK):
                plain.update(chunk)
                unpacked += len(chunk)
                part = compressor.compress(chunk) if compressor else chunk
                packed.update(part)
                size += out.write(part)
            if compressor:
                part = compressor.flush()
                packed.update(part)
                size += out.write(part)
        name = digest(f"sha256:{packed.hexdigest()}")
        os.chmod(out.name, 0o644)  # noqa: PTH101 -- the name is all that NamedTemporaryFile gives
        os.replace(out.name, self.blob(name))  # noqa: PTH105 -- the same
        return Blob(
            media_type=LAYER_GZIP if compress else LAYER,
            digest=name,
            size=size,
            diff_id=digest(f"sha256:{plain.hexdigest()}"),
            unpacked=unpacked,
        )

    def take(self, other: Layout, name: str) -> None:
        """Bring a blob over from another layout, as a hard link where that is possible."""
        target, source = self.blob(name), other.blob(name)
        if target.exists():
            return
        try:
            os.link(source, target)
        except OSError:
            _atomic(target, source.read_bytes())

    def finish(self, manifest: Mapping[str, Any]) -> Digest:
        """Store the manifest and make it the image of this layout; return its digest."""
        blob = self.put_json(MANIFEST, manifest)
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [blob.descriptor()]}
        _atomic(self.folder / "index.json", json.dumps(index).encode())
        return blob.digest

    def digest(self) -> Digest:
        """Return the digest of the image. Raise Failed when this is no layout with one image."""
        try:
            entries = json.loads((self.folder / "index.json").read_bytes())["manifests"]
            return digest(entries[0]["digest"])
        except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
            raise Failed(f"this is no OCI layout: {error}", where=str(self.folder), now="remove it and build again") from error

    def read(self, name: str) -> bytes:
        """Return a small blob. Raise Failed when it is not there or its bytes are not what its digest says."""
        try:
            body = self.blob(name).read_bytes()
        except OSError as error:
            raise Failed(f"a blob is missing: {name}", where=str(self.folder), now="remove it and build again") from error
        if f"sha256:{hashlib.sha256(body).hexdigest()}" != name:
            raise Failed(f"a blob is damaged: {name}", where=str(self.folder), now="remove it and build again")
        return body

    def manifest(self) -> dict[str, Any]:
        """Return the image's manifest."""
        found: dict[str, Any] = json.loads(self.read(self.digest()))
        return found

    def config(self) -> dict[str, Any]:
        """Return the image's configuration."""
        found: dict[str, Any] = json.loads(self.read(self.manifest()["config"]["digest"]))
        return found

    def plain(self, descriptor: Mapping[str, Any]) -> IO[bytes]:
        """Open a layer's uncompressed bytes."""
        return open_layer(self.blob(descriptor["digest"]), descriptor["mediaType"])


def open_layer(path: Path, media_type: str) -> IO[bytes]:
    """Open a layer's uncompressed bytes. Raise Failed for a compression that is not gzip."""
    if media_type.endswith(("+gzip", ".gzip")):
        return cast("IO[bytes]", gzip.open(path))
    if media_type.endswith("tar"):
        return path.open("rb")
    raise Failed(f"layers of type {media_type} are not understood", where=str(path), now="name a base with gzip layers")


def unpacked_size(stream: IO[bytes]) -> int:
    """Return how many bytes a stream holds."""
    return sum(len(chunk) for chunk in iter(lambda: stream.read(CHUNK), b""))


def created_by(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the instruction that made each layer, in order."""
    for entry in config.get("history", ()):
        if not entry.get("empty_layer"):
            yield str(entry.get("created_by", ""))


def _atomic(path: Path, body: bytes) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_bytes(body)
    partial.replace(path)


def layer_entries(folder: Path, at: int) -> dict[str, tuple[object, ...]]:
    """Return what is in the layer at position `at` of a layout: path -> kind, mode, owner, link, size, time, content."""
    layout = Layout(folder)
    found: dict[str, tuple[object, ...]] = {}
    with layout.plain(layout.manifest()["layers"][at]) as plain, tarfile.open(fileobj=plain, mode="r|") as archive:
        for member in archive:
            body = archive.extractfile(member) if member.isreg() else None
            content = hashlib.sha256(body.read()).hexdigest() if body else ""
            owner = (member.uid, member.gid)
            found[member.name] = (member.type, member.mode, owner, member.linkname, member.size, member.mtime, content)
    return found
