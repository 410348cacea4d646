"""The images that this machine keeps (port ImageStore): per service and tag a description and an OCI layout."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plimsoll.adapters.disk import room
from plimsoll.adapters.oci import Blob, Layout
from plimsoll.domain.build import Built, Layer
from plimsoll.domain.images import Digest, Image

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Tags kept per service: the newest, and a few to go back to without building. Others are in the registry, or can be built again.
KEPT = 4
DESCRIPTION = "image.json"
LAYOUT = "layout"


class StateImages:
    """Images below one folder: `<service>/<tag>/`."""

    def __init__(self, home: Path) -> None:
        """Keep images below `home`."""
        self._home = home

    def find(self, service: str, tag: str) -> Built | None:
        """Return the image, or None. One that was looked for stays when old ones are removed."""
        place = self._home / service / tag
        data = _read(place / DESCRIPTION)
        if data is None:
            return None
        try:
            found = Built(image=Image.from_json(service, data["image"]), layers=tuple(_layer(each) for each in data["layers"]))
        except (KeyError, TypeError, ValueError):
            return None  # written by another version of Plimsoll: as if it were not there
        os.utime(place)
        return found

    def folder(self, image: Image) -> Path | None:
        """Return the OCI layout of the image, or None when only its description is kept."""
        layout = self._home / image.service / image.tag / LAYOUT
        return layout if (layout / "index.json").exists() and Layout(layout).digest() == image.digest else None

    def keep(
        self, built: Built, fill: Callable[[Path], None] | None = None, *, made_from: Mapping[str, Blob] | None = None
    ) -> None:
        """Keep an image's description; `fill` writes its OCI layout into the folder it is given. Whole or not at all.

        `made_from` maps the diff ids that the engine exported to what became of those layers (`rewritten`).
        """
        image = built.image
        target = self._home / image.service / image.tag
        with room(self._home):
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".new-", dir=target.parent) as folder:
                new = Path(folder) / "image"
                new.mkdir()
                if fill is not None:
                    fill(new / LAYOUT)
                data = {
                    "image": image.to_json(),
                    "layers": [layer.to_json() for layer in built.layers],
                    "made_from": {diff: blob.to_json() for diff, blob in (made_from or {}).items()},
                }
                (new / DESCRIPTION).write_text(json.dumps(data, indent=1), encoding="utf-8")
                _replace(target, new, Path(folder) / "old")
        self._forget_old(image.service)

    def rewritten(self, service: str) -> dict[str, tuple[Layout, Blob]]:
        """Return what became of layers that were exported before: diff id -> where its blob lies, and the blob."""
        found: dict[str, tuple[Layout, Blob]] = {}
        for description in (self._home / service).glob(f"*/{DESCRIPTION}"):
            layout = Layout(description.parent / LAYOUT)
            for diff, blob in ((_read(description) or {}).get("made_from") or {}).items():
                made = Blob.from_json(blob)
                if layout.blob(made.digest).exists():
                    found[diff] = (layout, made)
        return found

    def _forget_old(self, service: str) -> None:
        places = [path for path in (self._home / service).iterdir() if not path.name.startswith(".")]
        for old in sorted(places, key=lambda path: -path.stat().st_mtime)[KEPT:]:
            shutil.rmtree(old, ignore_errors=True)


def _replace(target: Path, new: Path, old: Path) -> None:
    """Put `new` in the place of `target`. Where another process was faster, its image stays: it has the same tag."""
    with suppress(FileNotFoundError):
        target.rename(old)
    try:
        new.rename(target)
    except OSError:
        if not (target / DESCRIPTION).exists():
            raise


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found


def _layer(data: Mapping[str, Any]) -> Layer:
    return Layer(digest=Digest(data["digest"]), unpacked=int(data["unpacked_bytes"]), created_by=str(data["created_by"]))
