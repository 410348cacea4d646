"""The base images that this machine has made (port BaseStore): OCI layouts named by the hash of what is in them."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plimsoll.adapters.debian_layer import write_layer
from plimsoll.adapters.disk import forget_unused, room
from plimsoll.adapters.oci import CONFIG, MANIFEST, PATH, Layout
from plimsoll.domain.bases import BaseImage
from plimsoll.domain.images import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from plimsoll.adapters.bootstrap import AptMirror
    from plimsoll.adapters.registry import OciRegistry
    from plimsoll.domain.bases import BaseState, Recorded
    from plimsoll.ports import Reporter

MADE = "1980-01-01T00:00:00Z"  # domain.bases.EPOCH, as a configuration writes it
# A base that no build asked for in this many days is one of an older record.
KEPT_DAYS = 30
SCHEMA = "plimsoll.bases-taken/1"


class BaseImages:
    """Bases below `home`, which projects may share: they are named by their content."""

    def __init__(self, home: Path, taken: Path, mirror: AptMirror, registry: Callable[[], OciRegistry]) -> None:
        """Keep bases below `home`, and in the file `taken` what this machine took where recorded versions had gone."""
        self._home = home
        self._taken = taken
        self._mirror = mirror
        self._registry = registry

    def find(self, state: BaseState) -> BaseImage | None:
        """Return the base in this state, or None when it has to be made. A pulled one is asked for at its registry."""
        if state.base.pull:
            found, layers = self._registry().base(state.base.pull)
            return BaseImage(name=state.base.name, digest=found, context=f"docker-image://{state.base.pull}", layers=layers)
        folder = self._home / state.key
        if not (folder / "index.json").exists():
            return None
        os.utime(folder)
        return _image(state.base.name, Layout(folder))

    def make(self, state: BaseState, *, reporter: Reporter) -> BaseImage:
        """Make the base in exactly this state, or raise EnvironmentLacks."""
        base = state.base
        self._home.mkdir(parents=True, exist_ok=True)
        with (
            room(self._home),
            tempfile.TemporaryDirectory(prefix=".new-", dir=self._home) as folder,
            self._mirror.archives(base, state.recorded, reporter=reporter) as archives,
        ):
            layout = Layout(Path(folder) / "layout").create()
            with tempfile.TemporaryFile(dir=folder) as spool, tempfile.TemporaryFile(dir=folder) as tar:
                write_layer(base, archives, spool, tar)
                tar.seek(0)
                # A builder base never leaves this machine: packing it would only cost time.
                layer = layout.put_layer(tar, compress=base.kind == "runtime")
            words = f"{base.name}: {len(state.recorded.packages)} packages of Debian {base.suite}"
            config = {
                "architecture": "amd64",
                "os": "linux",
                "created": MADE,
                "config": {"Env": [PATH]},
                "rootfs": {"type": "layers", "diff_ids": [layer.diff_id]},
                "history": [{"created": MADE, "created_by": words}],
            }
            stored = layout.put_json(CONFIG, config)
            layout.finish(
                {
                    "schemaVersion": 2,
                    "mediaType": MANIFEST,
                    "config": stored.descriptor(),
                    "layers": [layer.descriptor()],
                }
            )
            target = self._home / state.key
            with suppress(OSError):  # another process made the same one meanwhile
                layout.folder.rename(target)
        forget_unused(self._home, days=KEPT_DAYS)
        return _image(base.name, Layout(target))

    def taken(self) -> Mapping[str, Mapping[str, Any]]:
        """Return what this machine took where recorded versions had gone (`domain.bases.recorded_state`)."""
        try:
            data = json.loads(self._taken.read_bytes())
        except (OSError, ValueError):
            return {}
        bases: dict[str, Mapping[str, Any]] = data.get("bases", {}) if data.get("schema") == SCHEMA else {}
        return bases

    def take(self, base: str, instead_of: str, recorded: Recorded) -> None:
        """Remember what was taken for the recorded state with the key `instead_of`."""
        bases = {**self.taken(), base: {"instead_of": instead_of, "packages": dict(recorded.packages)}}
        partial = self._taken.with_name(f".{self._taken.name}")
        partial.write_text(json.dumps({"schema": SCHEMA, "bases": bases}, indent=1), encoding="utf-8")
        partial.replace(self._taken)


def _image(name: str, layout: Layout) -> BaseImage:
    found = layout.digest()
    diffs = layout.config()["rootfs"]["diff_ids"]
    layers = {str(diff): digest(each["digest"]) for diff, each in zip(diffs, layout.manifest()["layers"], strict=True)}
    return BaseImage(
        name=name,
        digest=found,
        context=f"oci-layout://{layout.folder}@{found}",
        layers=layers,
        folder=str(layout.folder),
    )
