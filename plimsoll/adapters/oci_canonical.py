"""From what the engine exported to an image that is the same wherever it was built.

BuildKit can rewrite times itself (`rewrite-timestamp`), but then packs every base layer anew in each build and each image, and
which bytes it exports for a base depends on what its cache holds. So layers of a base are taken from the base itself, byte for
byte, and only those that the build added are rewritten here; one that was rewritten before is taken from there.
"""

from __future__ import annotations

import tarfile
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from plimsoll.adapters.oci import CONFIG, MANIFEST, UNPACKED, Blob, Layout, created_by, unpacked_size
from plimsoll.domain.bases import EPOCH
from plimsoll.domain.build import Layer
from plimsoll.domain.images import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from plimsoll.domain.bases import BaseImage
    from plimsoll.domain.images import Digest

# Of a tar entry's extended header: times with fractions, and names that only the building machine knows.
LOCAL_HEADERS = ("mtime", "atime", "ctime", "uname", "gname")


class Canonical:
    """Writes one exported image anew."""

    def __init__(
        self, exported: Layout, target: Layout, *, bases: Iterable[BaseImage], before: Mapping[str, tuple[Layout, Blob]]
    ) -> None:
        """Read `exported` and write `target`; `before` maps diff ids to layers that were rewritten earlier."""
        self._exported = exported
        self._target = target.create()
        self._bases = tuple(bases)
        self._before = before
        self.made_from: dict[str, Blob] = {}

    def write(self, *, created: str) -> tuple[Digest, tuple[Layer, ...]]:
        """Write the image and return its digest and layers; `created` is the time (RFC 3339) that it gives as its own."""
        manifest, config = self._exported.manifest(), self._exported.config()
        pairs = zip(manifest["layers"], config["rootfs"]["diff_ids"], strict=True)
        blobs = [self._layer(descriptor, diff) for descriptor, diff in pairs]
        words = created_by(config)
        config["rootfs"]["diff_ids"] = [blob.diff_id for blob in blobs]
        config["created"] = created
        stored = self._target.put_json(CONFIG, config)
        name = self._target.finish(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": stored.descriptor(),
                "layers": [blob.descriptor() for blob in blobs],
            }
        )
        layers = (
            Layer(digest=blob.digest, unpacked=blob.unpacked or 0, created_by=text)
            for blob, text in zip(blobs, words, strict=False)
        )
        return name, tuple(layers)

    def _layer(self, descriptor: Mapping[str, Any], diff: str) -> Blob:
        for base in self._bases:
            if diff in base.layers:
                return self._from_base(base, descriptor, digest(diff))
        if diff in self._before:
            layout, blob = self._before[diff]
            self._target.take(layout, blob.digest)
        else:
            with self._exported.plain(descriptor) as plain, tempfile.TemporaryFile(dir=self._target.folder) as scratch:
                rewrite(plain, scratch)
                scratch.seek(0)
                blob = self._target.put_layer(scratch)
        self.made_from[diff] = blob
        return blob

    def _from_base(self, base: BaseImage, descriptor: Mapping[str, Any], diff: Digest) -> Blob:
        name = base.layers[diff]
        if not base.folder:
            if descriptor["digest"] != name:
                # The engine gave a pulled base's layer in another packing; ours is at least always the same.
                with self._exported.plain(descriptor) as plain:
                    return self._target.put_layer(plain)
            self._target.take(self._exported, name)
            with self._exported.plain(descriptor) as plain:
                size = unpacked_size(plain)
            return Blob(media_type=descriptor["mediaType"], digest=name, size=descriptor["size"], diff_id=diff, unpacked=size)
        layout = Layout(Path(base.folder))
        self._target.take(layout, name)
        own = next(each for each in layout.manifest()["layers"] if each["digest"] == name)
        size = int(own["annotations"][UNPACKED])
        return Blob(media_type=own["mediaType"], digest=name, size=own["size"], diff_id=diff, unpacked=size)


def rewrite(plain: IO[bytes], out: IO[bytes]) -> None:
    """Copy a layer's archive so that nothing in it tells when or where it was built."""
    with (
        tarfile.open(fileobj=plain, mode="r|") as source,
        tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as target,
    ):
        for member in source:
            member.mtime = min(int(member.mtime), EPOCH)
            member.uname = member.gname = ""
            member.pax_headers = {name: value for name, value in member.pax_headers.items() if name not in LOCAL_HEADERS}
            target.addfile(member, source.extractfile(member) if member.isreg() else None)
