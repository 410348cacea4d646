"""Manifests that may leave the cluster: what is named like a secret, and passwords inside addresses, are hidden."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from plimsoll.domain.diff import HIDDEN, SECRET_NAME
from plimsoll.domain.manifests import copied, ref

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plimsoll.domain.manifests import Manifest

# scheme://user:password@host
PASSWORD = re.compile(r"(?<=://)([^/\s:@]*):([^@\s]+)@")


def concealed(manifests: Sequence[Mapping[str, Any]]) -> tuple[tuple[Manifest, ...], tuple[str, ...]]:
    """Return copies of the manifests that hold no secret, and the paths (`ConfigMap/web: data.API_TOKEN`) that were hidden."""
    hidden: list[str] = []
    found = []
    for manifest in manifests:
        paths: list[str] = []
        secret = manifest.get("kind") == "Secret"
        found.append(
            {key: _walked(copied(value), key, secret and key in {"data", "stringData"}, paths) for key, value in manifest.items()}
        )
        hidden += [f"{ref(manifest).short}: {path}" for path in paths]
    return tuple(found), tuple(hidden)


def text_concealed(value: Any) -> Any:  # noqa: ANN401 -- any JSON value
    """Return a JSON value whose texts hold no password inside an address."""
    return _walked(value, "", False, [])  # noqa: FBT003 -- the value itself is no secret


def _walked(value: Any, path: str, secret: bool, paths: list[str]) -> Any:  # noqa: ANN401, FBT001 -- any JSON value
    if isinstance(value, dict):
        named = SECRET_NAME.search(str(value.get("name", ""))) is not None
        return {
            key: _walked(each, f"{path}.{key}", secret or (named and key == "value") or _keyed(path, key), paths)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [_walked(each, f"{path}[{_index(each, index)}]", secret, paths) for index, each in enumerate(value)]
    if secret and value is not None:
        paths.append(path)
        return HIDDEN
    if isinstance(value, str) and PASSWORD.search(value):
        paths.append(path)
        return PASSWORD.sub(rf"\1:{HIDDEN}@", value)
    return value


def _keyed(path: str, key: str) -> bool:
    """Tell whether a key of a ConfigMap is named like a secret."""
    return path in {"data", "binaryData"} and SECRET_NAME.search(key) is not None


def _index(value: object, index: int) -> str:
    return str(value["name"]) if isinstance(value, dict) and isinstance(value.get("name"), str) else str(index)
