"""The manifests of a recorded release: compressed, split under the limit of an object, and never changed."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from typing import TYPE_CHECKING, Any

from plimsoll.domain.ledger import NAMESPACE, RECORD_KEY, labels
from plimsoll.domain.manifests import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plimsoll.domain.manifests import Manifest
    from plimsoll.domain.release import Release

RELEASE_LABEL = "plimsoll.dev/release"
CHUNK_KEY = "manifests.json.gz"
# The API server refuses objects over 1 MiB; this leaves room for metadata.
CHUNK_BYTES = 900_000


def pack(manifests: Sequence[Mapping[str, Any]]) -> tuple[tuple[bytes, ...], str]:
    """Return the manifests compressed in pieces below the limit of an object, and the hash of the whole."""
    # mtime=0: the same manifests give the same bytes.
    packed = gzip.compress(canonical(list(manifests)), mtime=0)
    pieces = tuple(packed[start : start + CHUNK_BYTES] for start in range(0, len(packed), CHUNK_BYTES))
    return pieces, hashlib.sha256(packed).hexdigest()


def chunk_object(release: Release, application: str, index: int, piece: bytes) -> Manifest:
    """Return the ConfigMap of one piece of a release's manifests; it can never be changed."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": f"{application}-{release.name}.{index}",
            "namespace": NAMESPACE,
            "labels": {**labels(application, release.environment, "manifests"), RELEASE_LABEL: release.name},
        },
        "immutable": True,
        "binaryData": {CHUNK_KEY: base64.b64encode(piece).decode()},
    }


def unpack(record: Mapping[str, Any], pieces: Sequence[Mapping[str, Any] | None]) -> tuple[Manifest, ...]:
    """Return the manifests that `record` (its ConfigMap) names; raise ValueError when a piece is missing or was changed."""
    wanted = json.loads(record["data"][RECORD_KEY])["manifests"]
    if any(piece is None for piece in pieces):
        msg = "its manifests are gone; only the newest releases are kept whole"
        raise ValueError(msg)
    packed = b"".join(base64.b64decode(piece["binaryData"][CHUNK_KEY]) for piece in pieces if piece is not None)
    if hashlib.sha256(packed).hexdigest() != wanted["sha256"]:
        msg = "its manifests do not have the hash that was recorded"
        raise ValueError(msg)
    return tuple(json.loads(gzip.decompress(packed)))


def chunk_count(record: Mapping[str, Any]) -> int:
    """Return how many pieces a record's manifests have; raise KeyError or ValueError when the record cannot be read."""
    return int(json.loads(record["data"][RECORD_KEY])["manifests"]["chunks"])
