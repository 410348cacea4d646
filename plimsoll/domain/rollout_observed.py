"""What a watch has seen of a namespace, indexed by identity and by owner, for verdicts to read.

Its size follows what is there now, never how long it has been watched: what is gone is forgotten with all that hangs on it.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from plimsoll.domain.failure import last_seen
from plimsoll.domain.manifests import MANAGER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Object = dict[str, Any]

# Ordinary events that a verdict hangs on: an autoscaler brings a node, a claim waits for its first pod or for its volume.
NODE_COMES = frozenset({"TriggeredScaleUp", "Nominated"})
CLAIM_WAITS = frozenset({"WaitForFirstConsumer", "FailedBinding"})
TELLING = NODE_COMES | CLAIM_WAITS
# Events kept of one object; a pod that fails has a handful.
EVENTS_EACH = 20
# Objects that were not seen (yet) and whose events are kept: each kind has a watch of its own, and an event may come before what
# it is about. As many as the pods of a large namespace.
STRAYS = 3000


@dataclass
class _Course:
    """What became of a pod since it was first seen: restarts of each container at that time, and how often readiness went."""

    restarts: dict[str, int]
    ready: bool
    flaps: int = 0


@dataclass
class _Entry:
    """An object, the events about it by name, and for a pod its course."""

    seen: Object
    kind: str
    events: dict[str, Object] = field(default_factory=dict)
    course: _Course | None = None


class Observed:
    """The objects of a namespace as they were last seen. Only `take` changes it.

    Field ownership of pods and events is dropped, so that thousands of them fit into memory.
    """

    def __init__(self, objects: Iterable[Mapping[str, Any]] = ()) -> None:
        """Start with `objects`, each kind among them known whole."""
        self._entries: dict[str, _Entry] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._children: dict[str, dict[str, None]] = {}
        # Ordered: the oldest is dropped in no time, which a dictionary that loses its first entries does not do.
        self._strays: OrderedDict[str, dict[str, Object]] = OrderedDict()
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

    @property
    def size(self) -> int:
        """How many things are kept: objects, events, and what ties them together."""
        events = sum(len(entry.events) for entry in self._entries.values()) + sum(map(len, self._strays.values()))
        owned = len(self._children) + sum(map(len, self._children.values()))
        return len(self._entries) + len(self._names) + len(self._strays) + events + owned

    def whole(self, kind: str) -> bool:
        """Tell whether all objects of `kind` that were there at the start have been seen."""
        return kind in self._synced

    def find(self, kind: str, name: str) -> Object | None:
        """Return the object, or None when it is not there (or was not seen yet: `whole` tells)."""
        uid = self._names.get((kind, name))
        return self._entries[uid].seen if uid else None

    def every(self, kind: str) -> list[Object]:
        """Return all objects of `kind`."""
        return [entry.seen for entry in self._entries.values() if entry.kind == kind]

    def owned(self, owner: str, kind: str) -> list[Object]:
        """Return the objects of `kind` whose controller has the UID `owner`."""
        children = (self._entries[uid] for uid in self._children.get(owner, ()))
        return [each.seen for each in children if each.kind == kind]

    def warnings(self, uid: str) -> list[Object]:
        """Return the warnings about the object with this UID."""
        return [event for event in self._about(uid) if event.get("type") != "Normal"]

    def said(self, uid: str, reasons: frozenset[str]) -> Object | None:
        """Return the newest event about the object with this UID that gives one of `reasons`, None when there is none."""
        found = [event for event in self._about(uid) if event.get("reason") in reasons]
        return max(found, key=last_seen, default=None)

    def restarts(self, uid: str, container: str) -> int:
        """Return how often a pod's container was restarted while it was watched."""
        entry = self._entries.get(uid)
        if entry is None or entry.course is None:
            return 0
        now = _restarts(entry.seen).get(container, 0)
        return max(now - entry.course.restarts.get(container, 0), 0)

    def flaps(self, uid: str) -> int:
        """Return how often a pod that was ready ceased to be while it was watched."""
        entry = self._entries.get(uid)
        return entry.course.flaps if entry and entry.course else 0

    def root(self, seen: Mapping[str, Any]) -> str:
        """Return the UID of the workload that `seen` (an object or an event about one) belongs to in the end."""
        about = seen.get("involvedObject")
        here = self._seen(str(about.get("uid", ""))) if about else seen
        while here is not None:
            owner = owner_of(here)
            above = self._seen(owner) if owner else None
            if above is None:
                return str(here["metadata"].get("uid", ""))
            here = above
        return ""

    def _seen(self, uid: str) -> Object | None:
        entry = self._entries.get(uid)
        return entry.seen if entry else None

    def _about(self, uid: str) -> list[Object]:
        entry = self._entries.get(uid)
        return list(entry.events.values()) if entry else []

    def _remember(self, kind: str, seen: Object) -> None:
        metadata = dict(seen["metadata"])
        if kind == "v1/Pod":
            metadata.pop("managedFields", None)
        seen["metadata"] = metadata
        uid = str(metadata["uid"])
        before = self._names.get((kind, metadata["name"]))
        if before and before != uid:
            self._drop(before)
        entry = self._entries.get(uid)
        if entry is None:
            entry = self._entries[uid] = _Entry(seen=seen, kind=kind, events=self._strays.pop(uid, {}))
        entry.seen = seen
        entry.course = _course(entry.course, seen) if kind == "v1/Pod" else None
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
        gone = self._entries.pop(uid, None)
        owner = owner_of(gone.seen) if gone else ""
        if owner in self._children:
            self._children[owner].pop(uid, None)
            if not self._children[owner]:
                del self._children[owner]

    def _take_event(self, event: str, seen: Object) -> None:
        about = str((seen.get("involvedObject") or {}).get("uid", ""))
        if not about or (seen.get("type") == "Normal" and seen.get("reason") not in TELLING):
            return
        name, entry = str(seen["metadata"].get("name")), self._entries.get(about)
        if event == "DELETED":
            (entry.events if entry else self._strays.get(about, {})).pop(name, None)
            return
        seen["metadata"] = {key: value for key, value in seen["metadata"].items() if key != "managedFields"}
        events = entry.events if entry else self._strays.setdefault(about, {})
        # The newest last.
        events.pop(name, None)
        events[name] = seen
        if len(events) > EVENTS_EACH:
            del events[next(iter(events))]
        if len(self._strays) > STRAYS:
            self._strays.popitem(last=False)


def kind_of(seen: Mapping[str, Any]) -> str:
    """Return the kind as the Cluster port names it (`apps/v1/Deployment`)."""
    return f"{seen['apiVersion']}/{seen['kind']}"


def group_kind(seen: Mapping[str, Any]) -> str:
    """Return group and kind without the version (`apps/Deployment`, `Service`): what an object is, whichever version shows it."""
    group, slash, _version = str(seen["apiVersion"]).rpartition("/")
    return f"{group}{slash}{seen['kind']}"


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


def applied_at(workload: Mapping[str, Any]) -> str:
    """Return when our last change reached the API server, by its own clock (RFC 3339, whole seconds); empty when never."""
    times = [
        str(each.get("time", ""))
        for each in workload["metadata"].get("managedFields") or ()
        if each.get("manager") == MANAGER and each.get("operation") == "Apply" and not each.get("subresource")
    ]
    return max(times, default="")


def _course(before: _Course | None, pod: Object) -> _Course:
    ready = condition(pod, "Ready").get("status") == "True"
    if before is None:
        return _Course(restarts=_restarts(pod), ready=ready)
    return _Course(restarts=before.restarts, ready=ready, flaps=before.flaps + (before.ready and not ready))


def _restarts(pod: Object) -> dict[str, int]:
    status = pod.get("status") or {}
    return {str(each.get("name", "")): int(each.get("restartCount") or 0) for each in status.get("containerStatuses") or ()}
