"""What a release would change, field by field: a live object against the API server's answer to a dry run.

What the server sets by itself (status, versions, managed fields) is noise and never shown. Secret values are never shown either,
not even their lengths: Secrets as a whole, and environment variables that are named like one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plimsoll.domain.manifests import marked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HIDDEN = "***"
ABSENT = None
# metadata that the server sets; a change of it is not ours.
NOISE = frozenset({"managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink", "deletionTimestamp"})
# Annotations that controllers and kubectl keep for themselves.
NOISY_ANNOTATIONS = (
    "deployment.kubernetes.io/",
    "kubectl.kubernetes.io/last-applied-configuration",
    "autoscaling.alpha.kubernetes.io/",
)
SECRET_NAME = re.compile(r"PASSWORD|PASSWD|SECRET|TOKEN|API[-_]?KEY|PRIVATE[-_]?KEY|CREDENTIAL", re.IGNORECASE)
# Where a name decides whether the value beside it is secret: `env[NAME].value` of a container, `data.NAME` of a ConfigMap.
NAMED_VALUE = re.compile(r"(?:.*env\[(?P<variable>[^\]]+)\]\.value|data\.(?P<key>.+))")


@dataclass(frozen=True)
class Change:
    """One field that would change: `before` is None where it is new, `after` None where it goes."""

    path: str
    before: Any
    after: Any

    def to_json(self) -> dict[str, Any]:
        """Return the change as the plan's JSON prints it."""
        return {"path": self.path, "before": self.before, "after": self.after}


def changes(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return how `wanted` (a dry run's answer) differs from `live`, without noise, the release's mark and secret values."""
    if wanted is live:
        return ()
    secret = live.get("kind") == "Secret"
    found = _walk("", _quiet(live), _quiet(wanted))
    return tuple(_masked(change) if secret or _is_secret(change.path) else _redacted(change) for change in found)


def touches_template(found: tuple[Change, ...]) -> bool:
    """Tell whether the changes roll pods: a controller replaces them when its pod template changes."""
    return any(change.path.startswith("spec.template") for change in found)


def _quiet(manifest: Mapping[str, Any]) -> dict[str, Any]:
    quiet = marked(manifest, None)
    quiet.pop("status", None)
    metadata = {key: value for key, value in quiet.get("metadata", {}).items() if key not in NOISE}
    annotations = {
        key: value for key, value in (metadata.pop("annotations", None) or {}).items() if not key.startswith(NOISY_ANNOTATIONS)
    }
    if annotations:
        metadata["annotations"] = annotations
    quiet["metadata"] = metadata
    return quiet


def _walk(path: str, before: object, after: object) -> Iterator[Change]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _children(path, before, after)
    elif (old := _by_name(before)) is not None and (new := _by_name(after)) is not None:
        yield from _children(path, old, new)
        if list(old) != list(new) and old.keys() == new.keys():
            yield Change(path, list(old), list(new))
    else:
        yield Change(path, before, after)


def _children(path: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    for key in [*before, *(key for key in after if key not in before)]:
        child = key if key.startswith("[") else f".{key}"
        yield from _walk(f"{path}{child}".lstrip("."), before.get(key, ABSENT), after.get(key, ABSENT))


def _by_name(value: object) -> dict[str, Any] | None:
    """Return a list of named objects (containers, variables, volumes) as a mapping, so that a change has a lasting path."""
    if not isinstance(value, list) or not all(isinstance(each, dict) and isinstance(each.get("name"), str) for each in value):
        return None
    named = {f"[{each['name']}]": each for each in value}
    return named if len(named) == len(value) else None


def _is_secret(path: str) -> bool:
    found = NAMED_VALUE.fullmatch(path)
    return bool(found and SECRET_NAME.search(found["variable"] or found["key"]))


def _masked(change: Change) -> Change:
    before, after = (None if value is ABSENT else HIDDEN for value in (change.before, change.after))
    return Change(change.path, before, after)


def _redacted(change: Change) -> Change:
    return Change(change.path, _redact(change.before), _redact(change.after))


def _redact(value: Any) -> Any:  # noqa: ANN401 -- any JSON value
    """Return a value without the secrets inside it, for a change that shows a whole list or object at once."""
    if isinstance(value, list):
        return [_redact(each) for each in value]
    if not isinstance(value, dict):
        return value
    named = "value" in value and SECRET_NAME.search(str(value.get("name", "")))
    return {key: HIDDEN if named and key == "value" else _redact(each) for key, each in value.items()}
