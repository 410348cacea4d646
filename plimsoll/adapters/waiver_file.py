"""The file of waivers as YAML."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from plimsoll.errors import Misconfigured

if TYPE_CHECKING:
    from pathlib import Path


def read(path: Path) -> object:
    """Return what the file holds, None when it is not there; raise Misconfigured when it is not YAML."""
    if not path.exists():
        return None
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Misconfigured(
            f"the waivers are not valid YAML: {error}", where=path.name, now="correct it", code="waivers"
        ) from error
