"""What a watch has seen of a namespace, indexed by identity and by owner, for verdicts to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Object = dict[str, Any]


class Observed:
    """The objects of a namespace as they were last seen. Only `take` changes it.

    Field ownership of pods and events is dropped, so that thousands of them fit into memory.
    """

    def __init__(self, objects: Iterable[Mapping[str, Any]] = ()) -> None:
        """Start with `objects`, each kind among them known whole."""
        self._objects: dict[str, Object] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._children: dict[str, dict[str, None]] = {}
        self._events: dict[str, dict[str, Object]] = {}
        self._synced: set[str] = set()
        for each in objects:
            self.take("MODIFIED", each)
            self.take("SYNCED", each)

    def take(self, event: str, seen: Mapping[str, Any]) -> None:
        """Note what a watch said: MODIFIED, DELETED or SYNCED (see `ports.Cluster.watch`)."""
        kind = kind_of(seen)
        if event == "SYNCED":
            self._synced.add(kind)
        elif kind == "v1/Event":
            self._take_event(event, dict(seen))
        elif event == "DELETED":
            self._forget(kind, seen)
        else:
            self._remember(kind, dict(seen))

    def whole(self, kind: str) -> bool:
        """Tell whether all objects of `kind` that were there at the start have been seen."""
        return kind in self._synced

    def find(self, kind: str, name: str) -> Object | None:
        """Return the object, or None when it is not there (or was not seen yet: `whole` tells)."""
        uid = self._names.get((kind, name))
        return self._objects[uid] if uid else None

    def owned(self, owner: str, kind: str) -> list[Object]:
        """Return the objects of `kind` whose controller has the UID `owner`."""
        children = (self._objects[uid] for uid in self._children.get(owner, ()))
        return [each for each in children if kind_of(each) == kind]

    def warnings(self, uid: str) -> list[Object]:
        """Return the warnings about the object with this UID."""
        return list(self._events.get(uid, {}).values())

    def root(self, seen: Mapping[str, Any]) -> str:
        """Return the UID of the workload that `seen` (an object or an event about one) belongs to in the end."""
        about = seen.get("involvedObject")
        here = self._objects.get(about.get("uid", "")) if about else seen
        while here is not None:
            owner = owner_of(here)
            above = self._objects.get(owner) if owner else None
            if above is None:
                return str(here["metadata"].get("uid", ""))
            here = above
        return ""

    def _remember(self, kind: str, seen: Object) -> None:
        metadata = dict(seen["metadata"])
        if kind == "v1/Pod":
            metadata.pop("managedFields", None)
        seen["metadata"] = metadata
        uid = str(metadata["uid"])
        before = self._names.get((kind, metadata["name"]))
        if before and before != uid:
            self._drop(before)
        self._objects[uid] = seen
        self._names[kind, metadata["name"]] = uid
        if owner := owner_of(seen):
            self._children.setdefault(owner, {})[uid] = None

    def _forget(self, kind: str, seen: Mapping[str, Any]) -> None:
        uid = str(seen["metadata"].get("uid", ""))
        self._drop(uid)
        key = (kind, seen["metadata"]["name"])
        if self._names.get(key) == uid:
            del self._names[key]

    def _drop(self, uid: str) -> None:
        gone = self._objects.pop(uid, None)
        self._events.pop(uid, None)
        if gone and (owner := owner_of(gone)):
            self._children.get(owner, {}).pop(uid, None)

    def _take_event(self, event: str, seen: Object) -> None:
        about = str((seen.get("involvedObject") or {}).get("uid", ""))
        if seen.get("type") == "Normal" or not about:
            return
        name = str(seen["metadata"].get("name"))
        if event == "DELETED":
            self._events.get(about, {}).pop(name, None)
        else:
            seen["metadata"] = {key: value for key, value in seen["metadata"].items() if key != "managedFields"}
            self._events.setdefault(about, {})[name] = seen


def kind_of(seen: Mapping[str, Any]) -> str:
    """Return the kind as the Cluster port names it (`apps/v1/Deployment`)."""
    return f"{seen['apiVersion']}/{seen['kind']}"


def short(seen: Mapping[str, Any]) -> str:
    """Return the name that people read (`Deployment/backend`)."""
    return f"{seen['kind']}/{seen['metadata']['name']}"


def owner_of(seen: Mapping[str, Any]) -> str:
    """Return the UID of the object's controller, empty when it has none."""
    for owner in seen["metadata"].get("ownerReferences") or ():
        if owner.get("controller"):
            return str(owner.get("uid", ""))
    return ""


def condition(seen: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """Return the object's condition of this type, empty when there is none."""
    for each in (seen.get("status") or {}).get("conditions") or ():
        if each.get("type") == kind:
            return dict(each)
    return {}
