"""An API server in memory (ports Cluster, PodLogs and Identified), held to the real one by tests/contract/test_cluster_port.py.

Workloads become ready as soon as they are applied, unless the test says otherwise: `FakeCluster(behaviour=...)` takes one of
`tests.fake_controllers.BEHAVIOURS` or a function from the applied workload to one of them (by its image, say). Defaults are not
filled in, and every kind exists.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from plimsoll.domain.manifests import MANAGER, Conflict, copied
from plimsoll.errors import EnvironmentLacks, Failed, Misconfigured
from tests import fake_controllers
from tests.fake_ownership import conflicts, dotted, fields_v1, leaves, merge, patched
from tests.fakes import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from plimsoll.ports import Clock
    from tests.fake_ownership import Owner, Owners, Path

Key = tuple[str, str, str]  # kind with its API version, namespace, name
CLUSTER_WIDE = {"Namespace", "ClusterRole", "ClusterRoleBinding", "PersistentVolume", "CustomResourceDefinition", "StorageClass"}
CLUSTER_WIDE |= {"Node", "APIService"}
COUNTED = {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "NetworkPolicy", "Ingress", "PodDisruptionBudget"}
IMMUTABLE = {"Job": ("template",), "Deployment": ("selector",), "StatefulSet": ("selector", "serviceName")}
APPLY, UPDATE = (MANAGER, "Apply"), (MANAGER, "Update")


@dataclass(frozen=True)
class Call:
    """One request that reached the API server."""

    verb: str
    kind: str
    name: str
    namespace: str = ""
    dry_run: bool = False


class FakeCluster:
    """See the module's docstring. `clock` is what `watch` sleeps on when nothing happens."""

    server = "https://127.0.0.1:6443"

    def __init__(self, clock: Clock | None = None, *, behaviour: str | Callable[[dict[str, Any]], str] = "ready") -> None:
        self.clock = clock or FakeClock()
        self.behaviour = behaviour
        self.calls: list[Call] = []
        # Called with each request before it is served; it may raise what the adapter would raise, or change the cluster.
        self.on_call: list[Callable[[Call], None]] = []
        self.unreachable = False
        # How far (seconds) the API server's clock is ahead of ours.
        self.ahead = 0.0
        # (pod, container, previous) -> text; a pod's own name or a prefix of it.
        self.said: dict[tuple[str, str, bool], str] = {}
        self._objects: dict[Key, dict[str, Any]] = {}
        self._owners: dict[Key, Owners] = {}
        self._changes: list[tuple[str, dict[str, Any]]] = []
        self._planned: list[tuple[float, Callable[[], None]]] = []
        self._counter = 0
        self._lock = threading.RLock()
        for name in ("default", "kube-system"):
            self.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    # --- port Identified ---------------------------------------------------------------------------------------------------

    def identity(self) -> SimpleNamespace:
        found = self.get("v1/Namespace", "kube-system")
        return SimpleNamespace(server=self.server, uid=(found or {})["metadata"]["uid"])

    def server_time(self) -> datetime:
        """Return the present time by this server's clock, as adapters.kube_clock does."""
        self._reach()
        return (self.clock.now() + timedelta(seconds=self.ahead)).replace(microsecond=0)

    # --- port Cluster ------------------------------------------------------------------------------------------------------

    def get(self, kind: str, name: str, namespace: str | None = None) -> dict[str, Any] | None:
        with self._lock:
            self._called("get", kind, name, namespace)
            return copied(self._objects.get((kind, namespace or "", name)))

    def list(self, kind: str, namespace: str | None = None, *, labels: str = "") -> tuple[dict[str, Any], ...]:
        with self._lock:
            self._called("list", kind, "", namespace)
            return self._matching([kind], namespace, labels)

    def apply(
        self,
        manifest: Mapping[str, Any],
        *,
        dry_run: bool = False,
        force: bool = False,
        timeout: float = 10,  # noqa: ARG002 -- the port's own word
    ) -> dict[str, Any]:
        with self._lock:
            kind, key = self._key(manifest)
            self._called("apply", kind, key[2], key[1], dry_run=dry_run)
            self._admit(key, manifest, Misconfigured if dry_run else Failed)
            live, owners = self._objects.get(key), self._owners.get(key, {})
            base = copied(live) if live else _bare(manifest)
            wanted = leaves(manifest)
            contested = conflicts(base, owners, wanted, APPLY)
            if contested and not force:
                raise Conflict(_short(key), [(dotted(path), owner[0]) for path, owner in contested])
            result, after = merge(base, owners, wanted, APPLY)
            if dry_run:
                return result
            return self._store(key, result, after, APPLY)

    def write(
        self,
        manifest: Mapping[str, Any],
        *,
        create: bool = False,
        timeout: float = 5,  # noqa: ARG002 -- the port's own word
    ) -> dict[str, Any] | None:
        with self._lock:
            kind, key = self._key(manifest)
            self._called("create" if create else "replace", kind, key[2], key[1])
            self._admit(key, manifest, Failed)
            live = self._objects.get(key)
            version, uid = (manifest["metadata"].get(key) for key in ("resourceVersion", "uid"))
            if live is None:
                # A replacement makes a Lease that is gone anew, unless it says which one it replaces.
                if not create and (manifest["kind"] != "Lease" or uid):
                    return None
            elif (
                create or version not in {None, live["metadata"]["resourceVersion"]} or uid not in {None, live["metadata"]["uid"]}
            ):
                return None
            result = copied(dict(manifest))
            if live:
                kept = {"uid", "creationTimestamp", "generation"} & set(live["metadata"])
                result["metadata"] |= {name: live["metadata"][name] for name in kept}
            before, after = leaves(live or _bare(manifest)), leaves(result)
            touched = {path for path, value in after.items() if before.get(path, ...) != value}
            return self._store(key, result, self._handed_over(key, touched, set(after), UPDATE), UPDATE)

    def disown(self, live: Mapping[str, Any], *path: str, timeout: float = 5) -> bool:  # noqa: ARG002 -- the port's own word
        with self._lock:
            kind, key = self._key(live)
            self._called("patch", kind, key[2], key[1])
            found = self._objects.get(key)
            if found is None or found["metadata"]["resourceVersion"] != live["metadata"]["resourceVersion"]:
                return False
            owners = {owner: paths - {path} if owner == APPLY else paths for owner, paths in self._owners[key].items()}
            self._store(key, copied(found), {owner: paths for owner, paths in owners.items() if paths}, APPLY)
            return True

    def delete(self, kind: str, name: str, namespace: str | None = None, *, uid: str = "") -> None:
        with self._lock:
            self._called("delete", kind, name, namespace)
            gone = self._objects.get((kind, namespace or "", name))
            if gone is None or uid not in {"", gone["metadata"]["uid"]}:
                return
            self.remove(kind, name, namespace)
            if kind == "v1/Pod":
                fake_controllers.replace_pod(self, gone)

    def watch(
        self, kinds: Sequence[str], namespace: str, *, timeout: float, labels: str = ""
    ) -> Iterator[tuple[str, dict[str, Any]] | None]:
        end = self.clock.monotonic() + timeout
        self._called("watch", ",".join(kinds), "", namespace)
        with self._lock:
            seen = len(self._changes)
            present = [(kind, self._matching([kind], namespace, "" if kind == "v1/Event" else labels)) for kind in kinds]
        for kind, found in present:
            yield from (("MODIFIED", each) for each in found)
            api, _, name = kind.rpartition("/")
            yield "SYNCED", {"apiVersion": api, "kind": name}
        while self.clock.monotonic() < end:
            self._reach()
            self._run_planned()
            with self._lock:
                fresh, seen = self._changes[seen:], len(self._changes)
            for event, each in fresh:
                kind = f"{each['apiVersion']}/{each['kind']}"
                selector = "" if kind == "v1/Event" else labels
                if kind in kinds and each["metadata"].get("namespace", "") == namespace and _selected(each, selector):
                    yield event, copied(each)
            if not fresh:
                self.clock.sleep(min(1.0, max(end - self.clock.monotonic(), 0.001)))
                yield None

    # --- port PodLogs ------------------------------------------------------------------------------------------------------

    def logs(self, namespace: str, pod: str, container: str, *, previous: bool = False, lines: int = 20) -> str:
        self._called("logs", "v1/Pod", pod, namespace)
        for (name, of, old), text in self.said.items():
            if pod.startswith(name) and (of, old) == (container, previous):
                return "\n".join(text.splitlines()[-lines:])
        return ""

    def kubectl(self) -> tuple[str, ...]:
        return ("kubectl", "--kubeconfig", "/state/kubeconfig")

    def events(self, namespace: str, uid: str) -> tuple[dict[str, Any], ...]:
        found = [each for each in self.list("v1/Event", namespace) if each["involvedObject"].get("uid") == uid]
        return tuple(sorted(found, key=lambda each: each.get("lastTimestamp") or ""))

    def follow(
        self,
        namespace: str,
        labels: str,
        *,
        since: int | None,  # noqa: ARG002 -- nothing was said at a time here
        follow: bool,  # noqa: ARG002 -- nothing is said later here
    ) -> Iterator[tuple[str, str]]:
        for pod in self.list("v1/Pod", namespace, labels=labels):
            name = pod["metadata"]["name"]
            for container in pod["spec"].get("containers", []):
                for line in self.logs(namespace, name, container["name"], lines=1000).splitlines():
                    yield name, line

    # --- what a test does to the cluster ------------------------------------------------------------------------------------

    def put(self, manifest: Mapping[str, Any], manager: str = "somebody") -> dict[str, Any]:
        """Store an object as a controller (or somebody else) would: whole, without asking."""
        with self._lock:
            _kind, key = self._key(manifest)
            before = leaves(self._objects[key]) if key in self._objects else {}
            after = leaves(manifest)
            me = (manager, "Update")
            touched = {path for path, value in after.items() if before.get(path, ...) != value}
            return self._store(key, copied(dict(manifest)), self._handed_over(key, touched, set(after), me), me)

    def edit(
        self, kind: str, name: str, namespace: str, changes: Mapping[str, Any], *, manager: str = "kubectl-edit"
    ) -> dict[str, Any]:
        """Change fields of an object as somebody else, who owns them from then on. Lists are replaced."""
        with self._lock:
            return self.put(patched(self._objects[kind, namespace, name], changes), manager)

    def set_status(self, kind: str, name: str, namespace: str, status: Mapping[str, Any]) -> None:
        """Replace an object's status, as its controller would."""
        with self._lock:
            self.put({**self._objects[kind, namespace, name], "status": dict(status)}, "kube-controller-manager")

    def remove(self, kind: str, name: str, namespace: str | None = None) -> None:
        """Delete an object and its dependants; with a Namespace all that is in it."""
        with self._lock:
            gone = self._objects.pop((kind, namespace or "", name), None)
            if gone is None:
                return
            self._owners.pop((kind, namespace or "", name), None)
            self._counter += 1
            gone["metadata"]["resourceVersion"] = str(self._counter)
            self._changes.append(("DELETED", gone))
            uid = gone["metadata"]["uid"]
            for other_kind, other_namespace, other in list(self._objects):
                each = self._objects.get((other_kind, other_namespace, other))
                owned = each and any(owner["uid"] == uid for owner in each["metadata"].get("ownerReferences", []))
                if owned or (kind == "v1/Namespace" and other_namespace == name):
                    self.remove(other_kind, other, other_namespace)

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Run `action` once a watch has slept for `seconds` more."""
        self._planned.append((self.clock.monotonic() + seconds, action))

    def happened(self, about: Mapping[str, Any], reason: str, message: str, *, kind: str = "Warning") -> None:
        """Add an event about an object."""
        metadata = about["metadata"]
        self._counter += 1
        self.put(
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"name": f"{metadata['name']}.{self._counter}", "namespace": metadata["namespace"]},
                "involvedObject": {"kind": about["kind"], "name": metadata["name"], "uid": metadata["uid"]},
                "reason": reason,
                "message": message,
                "type": kind,
                "count": 1,
                "lastTimestamp": _stamp(self.clock.now()),
            }
        )

    # --- inside --------------------------------------------------------------------------------------------------------------

    def _called(self, verb: str, kind: str, name: str, namespace: str | None, *, dry_run: bool = False) -> None:
        self._reach()
        call = Call(verb, kind, name, namespace or "", dry_run)
        self.calls.append(call)
        for hook in list(self.on_call):
            hook(call)

    def _reach(self) -> None:
        if self.unreachable:
            raise EnvironmentLacks("the API server does not answer", where=self.server, now="see whether the cluster is up")

    def _run_planned(self) -> None:
        now = self.clock.monotonic()
        due = [action for at, action in self._planned if at <= now]
        self._planned = [(at, action) for at, action in self._planned if at > now]
        for action in due:
            action()

    def _key(self, manifest: Mapping[str, Any]) -> tuple[str, Key]:
        kind = f"{manifest['apiVersion']}/{manifest['kind']}"
        namespace = "" if manifest["kind"] in CLUSTER_WIDE else manifest["metadata"].get("namespace", "")
        if not namespace and manifest["kind"] not in CLUSTER_WIDE:
            raise Misconfigured(f"{manifest['kind']}/{manifest['metadata']['name']} names no namespace", where=kind)
        return kind, (kind, namespace, manifest["metadata"]["name"])

    def _admit(self, key: Key, manifest: Mapping[str, Any], refusal: type[Failed | Misconfigured]) -> None:
        if key[1] and ("v1/Namespace", "", key[1]) not in self._objects:
            raise Failed(f'the API server refuses {_short(key)}: namespaces "{key[1]}" not found', code="refused")
        live = self._objects.get(key)
        for field in IMMUTABLE.get(manifest["kind"], ()) if live else ():
            wanted, present = ({field: each["spec"][field]} if field in each.get("spec", {}) else {} for each in (manifest, live))
            if any(leaves(present).get(path, ...) != value for path, value in leaves(wanted).items()):
                raise refusal(f"the API server refuses {_short(key)}: spec.{field}: field is immutable", code="refused")

    def _handed_over(self, key: Key, touched: set[Path], left: set[Path], me: Owner) -> Owners:
        """Return the owners after `me` set what was touched, and only `left` is still there."""
        owners = {owner: (paths & left) - touched for owner, paths in self._owners.get(key, {}).items()}
        owners[me] = owners.get(me, set()) | touched
        return {owner: paths for owner, paths in owners.items() if paths}

    def _store(self, key: Key, result: dict[str, Any], owners: Owners, me: Owner) -> dict[str, Any]:
        live = self._objects.get(key)
        metadata = result["metadata"]
        if live and _content(live) == _content(result) and owners == self._owners[key]:
            return copied(live)
        self._counter += 1
        metadata.setdefault("uid", live["metadata"]["uid"] if live else f"uid-{self._counter}")
        metadata.setdefault("creationTimestamp", live["metadata"]["creationTimestamp"] if live else _stamp(self.clock.now()))
        metadata["resourceVersion"] = str(self._counter)
        new_spec = live is None or live.get("spec") != result.get("spec")
        if result["kind"] in COUNTED:
            metadata["generation"] = (live["metadata"].get("generation", 0) if live else 0) + new_spec
        fields = live["metadata"]["managedFields"] if live else []
        times = {(each["manager"], each["operation"]): each["time"] for each in fields}
        times[me] = _stamp(self.clock.now())
        metadata["managedFields"] = [
            {"manager": by, "operation": how, "time": times[by, how], "fieldsType": "FieldsV1", "fieldsV1": fields_v1(paths)}
            for (by, how), paths in owners.items()
        ]
        self._objects[key] = result
        self._owners[key] = owners
        self._changes.append(("MODIFIED", copied(result)))
        if new_spec and me in (APPLY, UPDATE):
            fake_controllers.react(self, copied(result))
        return copied(self._objects[key])

    def _matching(self, kinds: Sequence[str], namespace: str | None, labels: str) -> tuple[dict[str, Any], ...]:
        return tuple(
            copied(each)
            for (kind, inside, _name), each in sorted(self._objects.items())
            if kind in kinds and (namespace is None or inside == namespace) and _selected(each, labels)
        )


def _content(obj: Mapping[str, Any]) -> dict[str, Any]:
    noise = {"resourceVersion", "managedFields", "generation"}
    return {**obj, "metadata": {key: value for key, value in obj["metadata"].items() if key not in noise}}


def _bare(manifest: Mapping[str, Any]) -> dict[str, Any]:
    names = {key: value for key, value in manifest["metadata"].items() if key in {"name", "namespace"}}
    return {"apiVersion": manifest["apiVersion"], "kind": manifest["kind"], "metadata": names}


def _selected(obj: Mapping[str, Any], labels: str) -> bool:
    present = obj["metadata"].get("labels") or {}
    for term in filter(None, (each.strip() for each in labels.split(","))):
        if "!=" in term:
            key, _, value = term.partition("!=")
            matches = present.get(key) != value
        elif "=" in term:
            key, _, value = term.replace("==", "=").partition("=")
            matches = present.get(key) == value
        else:
            matches = term in present
        if not matches:
            return False
    return True


def _short(key: Key) -> str:
    return f"{key[0].rpartition('/')[2]}/{key[2]}"


def _stamp(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
