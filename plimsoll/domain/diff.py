"""What a release would change, field by field: a live object against the API server's answer to a dry run.

What the server sets by itself (status, versions, managed fields) is noise and never shown. Secret values are never shown either,
not even their lengths: Secrets as a whole, and environment variables that are named like one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plimsoll.domain.manifests import marked, unlisted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

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
NAMED_VALUE = re.compile(r"(?:.*\[(?P<variable>[^\]]+)\]\.value|(?:data|binaryData|stringData)\.(?P<key>.+))")
# Fields of other objects that are secret by themselves; names with more to them (`secretName`, `tokenRef`) are references.
SECRET_FIELD = re.compile(r"(?:.*\.)?(?:password|passwd|token|api[-_]?key|private[-_]?key|client[-_]?secret)", re.IGNORECASE)
# The path of a mounted file is no secret, whatever is in that file (POSTGRES_PASSWORD_FILE=/run/secrets/password).
FILE_NAME, FILE_PATH = re.compile(r".*(?:FILE|PATH|DIR)", re.IGNORECASE), re.compile(r"/[\w./-]+")
# Inside a text: what follows `--db-password=` or `DB_PASSWORD=`, and what stands between user and host of a URL.
ASSIGNED = re.compile(rf"((?:^|[\s;&?])[\w-]*(?:{SECRET_NAME.pattern})[\w-]*=)[^\s;&]+", re.IGNORECASE)
IN_URL = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s/@]+(?=@)", re.IGNORECASE)


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
    return tuple(_masked(change) if secret else _redacted(change) for change in found)


def hidden_paths(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the paths of all values in an object that are never shown, sorted."""
    secret = manifest.get("kind") == "Secret"
    return tuple(
        sorted(
            path
            for path, value in _leaves("", manifest)
            if value is not None and (redact(path, value) != value or (secret and path.startswith(("data.", "stringData."))))
        )
    )


def redact(path: str, value: Any) -> Any:  # noqa: ANN401 -- any JSON value
    """Return the value that stands at `path` of an object without the secrets in it, which may be a whole list or object."""
    if isinstance(value, list):
        return [redact(child, each) for child, each in _items(path, value)]
    if isinstance(value, dict):
        return {key: redact(f"{path}.{key}".lstrip("."), each) for key, each in value.items()}
    if _is_secret(path, value):
        return HIDDEN
    if isinstance(value, str):
        return IN_URL.sub(rf"\1{HIDDEN}", ASSIGNED.sub(rf"\1{HIDDEN}", value))
    return value


def in_texts(value: Any, change: Callable[[str], str]) -> Any:  # noqa: ANN401 -- any JSON value
    """Return a JSON value with `change` done to every text in it."""
    if isinstance(value, list):
        return [in_texts(each, change) for each in value]
    if isinstance(value, dict):
        return {key: in_texts(each, change) for key, each in value.items()}
    return change(value) if isinstance(value, str) else value


def touches_template(found: tuple[Change, ...]) -> bool:
    """Tell whether the changes roll pods: a controller replaces them when its pod template changes."""
    return any(change.path.startswith("spec.template") for change in found)


def _quiet(manifest: Mapping[str, Any]) -> dict[str, Any]:
    quiet = unlisted(marked(manifest, None))
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


def _is_secret(path: str, value: object) -> bool:
    """Tell whether a value is secret by where it stands."""
    if value in ("", None) or isinstance(value, bool):
        return False
    found = NAMED_VALUE.fullmatch(path)
    if not found:
        return isinstance(value, str) and bool(SECRET_FIELD.fullmatch(path))
    name = found["variable"] or found["key"]
    names_file = FILE_NAME.fullmatch(name) and FILE_PATH.fullmatch(str(value))
    return bool(SECRET_NAME.search(name)) and not names_file


def _masked(change: Change) -> Change:
    before, after = (None if value is ABSENT else HIDDEN for value in (change.before, change.after))
    return Change(change.path, before, after)


def _redacted(change: Change) -> Change:
    return Change(change.path, redact(change.path, change.before), redact(change.path, change.after))


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 -- any JSON value
    if isinstance(value, list):
        for child, each in _items(path, value):
            yield from _leaves(child, each)
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _leaves(f"{path}.{key}".lstrip("."), each)
    else:
        yield path, value


def _items(path: str, values: list[Any]) -> Iterator[tuple[str, Any]]:
    """Yield the items of a list with their paths: by name where they have one, by number otherwise."""
    for index, each in enumerate(values):
        name = each.get("name") if isinstance(each, dict) else None
        yield f"{path}[{name if isinstance(name, str) else index}]", each
