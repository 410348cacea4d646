"""Which part of the settings goes into an image, so that a commit that changed another part does not count."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from plimsoll.domain import bases
from plimsoll.domain.project import Base
from plimsoll.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Mapping


def settings_inputs(settings: str | None, lock: str | None, service: str) -> Mapping[str, Any] | None:
    """Return what of plimsoll.toml and bases.lock goes into the service's image; None when they do not describe it.

    Two versions of the files that answer alike cannot make a difference to the image.
    """
    if settings is None:
        return None
    try:
        top = tomllib.loads(settings)
        table = top["services"][service]
        names = list(table["bases"])
        recorded = bases.loads(lock).bases if lock else {}
        return {
            "source": top["project"]["source"],
            "project": top["project"]["name"],
            "dockerfile": table["dockerfile"],
            "context": table["context"],
            "schema": table.get("schema"),
            "arguments": table.get("arguments", {}),
            "bases": {name: _base_key(name, top["bases"][name], recorded) for name in names},
        }
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError, Misconfigured):
        return None


def _base_key(name: str, table: Mapping[str, Any], recorded: Mapping[str, bases.Recorded]) -> str:
    base = Base(
        name=name,
        suite=table["suite"],
        kind=table["kind"],
        packages=tuple(table["packages"]),
        exclude=tuple(table.get("exclude", ())),
        pull=table.get("pull"),
    )
    return bases.key(base, recorded.get(name, bases.Recorded()))
