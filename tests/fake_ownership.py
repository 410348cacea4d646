"""Server-side apply over plain objects: who owns which field, what conflicts, what falls away. Used by the fake cluster.

A path is a tuple of keys; an item of a list that the API merges by a key is `(key, value)` in it. Lists without such a key are
one field, as in the API. Defaults are not filled in.
"""

from __future__ import annotations

import json
from typing import Any

from plimsoll.domain.manifests import copied

Json = Any  # anything that JSON can hold
Path = tuple[Any, ...]
Owner = tuple[str, str]  # field manager and operation (Apply or Update): the API tells them apart, and so does a conflict
Owners = dict[Owner, set[Path]]

# What identifies an object is nobody's field, and what the server writes is nobody's either.
UNOWNED = {("apiVersion",), ("kind",)}
SERVER_SIDE = {
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
    "deletionTimestamp",
}
LIST_KEYS = {
    "ports": ("containerPort", "port"),
    "volumeMounts": ("mountPath",),
    "conditions": ("type",),
    "ownerReferences": ("uid",),
}


def leaves(value: Json, path: Path = ()) -> dict[Path, Any]:
    """Return every owned field of an object with its value."""
    if path in UNOWNED or (len(path) == 2 and path[0] == "metadata" and path[1] in SERVER_SIDE):
        return {}
    if isinstance(value, dict) and value:
        found: dict[Path, Any] = {}
        for key, each in value.items():
            found.update(leaves(each, (*path, key)))
        return found
    key = item_key(value, path)
    if key:
        found = {}
        for item in value:
            found.update(leaves(item, (*path, (key, item[key]))))
        return found
    return {path: copied(value)}


def item_key(value: Json, path: Path) -> str | None:
    """Return the key by which the API merges this list, or None for anything that is one field as a whole."""
    if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
        return None
    last = path[-1] if path and isinstance(path[-1], str) else ""
    return next((key for key in LIST_KEYS.get(last, ("name",)) if all(key in item for item in value)), None)


def put(target: Json, path: Path, value: Json) -> None:
    """Set the field at `path`, making what leads to it."""
    for here, after in zip(path, [*path[1:], None], strict=True):
        last = after is None
        if isinstance(here, tuple):
            item = next((each for each in target if each.get(here[0]) == here[1]), None)
            if item is None:
                item = {here[0]: here[1]}
                target.append(item)
            target = item
        elif last:
            target[here] = copied(value)
        else:
            target = target.setdefault(here, [] if isinstance(after, tuple) else {})


def drop(target: Json, path: Path) -> None:
    """Remove the field at `path`, and what it leaves empty above it."""
    here, rest = path[0], path[1:]
    if isinstance(here, tuple):
        item = next((each for each in target if each.get(here[0]) == here[1]), None)
        if item is None:
            return
        if rest and rest != (here[0],):
            drop(item, rest)
        if set(item) <= {here[0]}:
            target.remove(item)
    elif rest:
        if here in target:
            drop(target[here], rest)
            if not target[here]:
                del target[here]
    else:
        target.pop(here, None)


def conflicts(live: dict[str, Any], owners: Owners, wanted: dict[Path, Any], me: Owner) -> list[tuple[Path, Owner]]:
    """Return the fields that others own with another value than the wanted one."""
    present = leaves(live)
    return [
        (path, owner)
        for path, value in wanted.items()
        for owner, paths in owners.items()
        if owner != me and path in paths and present.get(path) != value
    ]


def merge(live: dict[str, Any], owners: Owners, wanted: dict[Path, Any], me: Owner) -> tuple[dict[str, Any], Owners]:
    """Return object and owners after `me` applied `wanted`: contested fields are taken over, abandoned ones fall away."""
    result, after = copied(live), {owner: set(paths) for owner, paths in owners.items()}
    present = leaves(live)
    for path, value in wanted.items():
        if path in present and present[path] != value:
            for paths in after.values():
                paths.discard(path)
        put(result, path, value)
    abandoned = after.get(me, set()) - set(wanted)
    for path in abandoned:
        if not any(path in paths for owner, paths in after.items() if owner != me):
            drop(result, path)
    after[me] = set(wanted)
    return result, {owner: paths for owner, paths in after.items() if paths}


def dotted(path: Path) -> str:
    """Return a path as the API writes it in a conflict: `.spec.containers[name="app"].image`."""
    return "".join(f'[{part[0]}="{part[1]}"]' if isinstance(part, tuple) else f".{part}" for part in path)


def fields_v1(paths: set[Path]) -> dict[str, Any]:
    """Return owned paths in the API's own notation (`f:spec`, `k:{"name":"app"}`)."""
    tree: dict[str, Any] = {}
    for path in sorted(paths, key=str):
        here = tree
        for part in path:
            name = f"k:{json.dumps({part[0]: part[1]}, separators=(',', ':'))}" if isinstance(part, tuple) else f"f:{part}"
            here = here.setdefault(name, {})
    return tree


def patched(live: Json, changes: Json) -> Json:
    """Return `live` with a JSON merge patch applied: None removes a key."""
    if not isinstance(live, dict) or not isinstance(changes, dict):
        return copied(changes)
    merged = {**copied(live), **{key: patched(live.get(key), value) for key, value in changes.items()}}
    return {key: value for key, value in merged.items() if value is not None}
