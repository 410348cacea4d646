"""Manifests that may leave the cluster: what a plan would not show of them is hidden (`diff.redact`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plimsoll.domain.diff import HIDDEN, hidden_paths, redact
from plimsoll.domain.manifests import ref

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plimsoll.domain.manifests import Manifest


def concealed(manifests: Sequence[Mapping[str, Any]]) -> tuple[tuple[Manifest, ...], tuple[str, ...]]:
    """Return copies of the manifests that hold no secret, and the paths (`ConfigMap/web: data.API_TOKEN`) that were hidden."""
    hidden = [f"{ref(manifest).short}: {path}" for manifest in manifests for path in hidden_paths(manifest)]
    return tuple(_concealed(manifest) for manifest in manifests), tuple(hidden)


def text_concealed(value: Any) -> Any:  # noqa: ANN401 -- any JSON value
    """Return a JSON value whose texts hold no password inside an address."""
    return redact("", value)


def _concealed(manifest: Mapping[str, Any]) -> Manifest:
    found: Manifest = redact("", dict(manifest))
    if manifest.get("kind") == "Secret":
        found |= {key: dict.fromkeys(found[key], HIDDEN) for key in ("data", "stringData") if found.get(key)}
    return found
