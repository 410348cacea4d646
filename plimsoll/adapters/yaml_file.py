"""YAML files of the repository."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from plimsoll.errors import Misconfigured

if TYPE_CHECKING:
    from pathlib import Path


def documents(path: Path) -> tuple[dict[str, Any], ...]:
    """Return the documents of a file. Raise Misconfigured when it is not there, or not YAML."""
    try:
        return tuple(each for each in yaml.safe_load_all(path.read_text(encoding="utf-8")) if each)
    except OSError as error:
        raise Misconfigured(f"{path.name} cannot be read: {error.strerror}", where=str(path), now="restore it") from error
    except yaml.YAMLError as error:
        raise Misconfigured(f"{path.name} is not YAML: {error}", where=str(path), now="correct it") from error
