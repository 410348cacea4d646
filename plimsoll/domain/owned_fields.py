"""Which fields of a live object are ours, by the API server's own account (`metadata.managedFields`), and what follows from it.

A dry run asks the server what an apply would change. Where its books and the object itself already say "nothing", the question is
spared: two lists instead of a thousand dry runs. Anything less than certain is a doubt, and a doubt is asked.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from plimsoll.domain.manifests import MANAGER, copied

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# What identifies an object is nobody's field.
IDENTITY = frozenset({"apiVersion", "kind"})
NAMES = frozenset({"name", "namespace"})


def settled(manifest: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    """Tell whether applying `manifest` to `live` would surely change nothing; False is a doubt, not a difference.

    Sure means: the fields that the server books under our name are exactly those of `manifest`, and each has its very value. Then
    an apply has nothing to set, nothing to take away and nothing to dispute. A field that somebody else changed is not booked
    under our name any more. A value that the server writes in another way (`0.5` for `500m`) is a doubt.
    """
    owned = ours(live, manifest["apiVersion"])
    wanted = {key: value for key, value in manifest.items() if key not in IDENTITY}
    wanted["metadata"] = {key: value for key, value in wanted.get("metadata", {}).items() if key not in NAMES}
    return owned is not None and _same(owned, {key: value for key, value in wanted.items() if value != {}}, live)


def owns(live: Mapping[str, Any], *path: str) -> bool:
    """Tell whether the field at `path` (`"spec", "replicas"`) of a live object is booked under our name."""
    here: Any = ours(live, str(live["apiVersion"]))
    for name in path:
        here = (here or {}).get(f"f:{name}")
    return here is not None


def disowned(live: Mapping[str, Any], *path: str) -> list[dict[str, Any]]:
    """Return the managed fields of `live` without our claim to the field at `path`; all other claims stay."""
    fields: list[dict[str, Any]] = copied(list(live["metadata"].get("managedFields") or ()))
    for entry in fields:
        if _is_ours(entry):
            here = entry.get("fieldsV1") or {}
            for name in path[:-1]:
                here = here.get(f"f:{name}") or {}
            here.pop(f"f:{path[-1]}", None)
    return fields


def ours(live: Mapping[str, Any], api: str) -> Mapping[str, Any] | None:
    """Return the tree of fields that we applied in version `api`, None where there is none."""
    for entry in live["metadata"].get("managedFields") or ():
        if _is_ours(entry) and entry.get("apiVersion", api) == api:
            found: Mapping[str, Any] = entry.get("fieldsV1") or {}
            return found
    return None


def _is_ours(entry: Mapping[str, Any]) -> bool:
    return entry.get("manager") == MANAGER and entry.get("operation") == "Apply" and not entry.get("subresource")


def _same(fields: Mapping[str, Any], wanted: object, live: object) -> bool:
    """Tell whether `wanted` has exactly the owned `fields`, each with the value it has in `live`."""
    owned = [name for name in fields if name != "."]
    if not owned:
        return wanted == live
    if isinstance(wanted, dict) and isinstance(live, dict):
        names = {f"f:{key}" for key in wanted}
        return names == set(owned) and all(_same(fields[f"f:{key}"], each, live.get(key)) for key, each in wanted.items())
    if isinstance(wanted, list) and isinstance(live, list) and len(wanted) == len(owned):
        places = [_place(name, fields[name], wanted, live) for name in owned]
        return None not in places and _in_order(places)
    return False


def _place(name: str, fields: Mapping[str, Any], wanted: Sequence[Any], live: Sequence[Any]) -> tuple[int, int] | None:
    """Return where an owned item stands in both lists, None unless each has it once and they agree on what is ours in it."""
    kind, _, text = name.partition(":")
    if kind not in {"k", "v"}:
        return None
    key = json.loads(text)
    if kind == "v":
        here, there = ([index for index, each in enumerate(items) if each == key] for items in (wanted, live))
    else:
        # What a manifest leaves out of a key is filled in by the server (a port's protocol).
        here = [index for index, each in enumerate(wanted) if all(each.get(part, value) == value for part, value in key.items())]
        there = [index for index, each in enumerate(live) if all(each.get(part) == value for part, value in key.items())]
    if len(here) != 1 or len(there) != 1:
        return None
    same = kind == "v" or _same(fields, wanted[here[0]], live[there[0]])
    return (here[0], there[0]) if same else None


def _in_order(places: Sequence[tuple[int, int] | None]) -> bool:
    """Tell whether items have one order in the manifest and in the live object, and no place twice."""
    there = [place[1] for place in sorted(place for place in places if place is not None)]
    return all(before < after for before, after in pairwise(there))
