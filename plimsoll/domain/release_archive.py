"""A release as one file: its record and its manifests in a tar.gz whose bytes follow from them alone."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

from plimsoll.domain.manifests import ref

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plimsoll.domain.manifests import Manifest

CLUSTER_WIDE = "cluster-wide"
READABLE = 0o644


def archive(folder: str, record: Mapping[str, Any], manifests: Sequence[Manifest]) -> bytes:
    """Return a tar.gz of `folder` with record.json and manifests/NAMESPACE/KIND.GROUP/NAME.json.

    Equal records and manifests give equal bytes: no times, no owners, sorted names.
    """
    files = {"record.json": record, **{_name(each): each for each in manifests}}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in sorted(files.items()):
            text = (json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mode = len(text), READABLE
            tar.addfile(entry, io.BytesIO(text))
    return gzip.compress(out.getvalue(), mtime=0)


def _name(manifest: Manifest) -> str:
    each = ref(manifest)
    group = each.api.rpartition("/")[0]
    kind = f"{each.kind}.{group}" if group else each.kind
    return f"manifests/{each.namespace or CLUSTER_WIDE}/{kind}/{each.name}.json"
