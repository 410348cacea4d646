"""Kubernetes objects as a release sees them: identity, ownership, the release's mark, and the hash of their content.

Objects are plain dicts as the API writes them. What leaves `prepare` is what a deploy applies and a record keeps:
every image pinned by digest, no replicas where an autoscaler owns them, no secret values, immutable Jobs under a name of their
own content, and the labels by which Plimsoll knows what is its own.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plimsoll.errors import Failed, Misconfigured

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Manifest = dict[str, Any]

MANAGER = "plimsoll"
OWNER_LABEL = "app.kubernetes.io/managed-by"
# By which any tool lists what an environment owns; its value is the ID of an inventory (`domain.inventory`).
PART_OF_LABEL = "applyset.kubernetes.io/part-of"
# The environment variable that tells a workload which release last changed it; it is not part of the content.
MARK = "RELEASE"
# Kinds whose pods carry the mark. Jobs do not: their name carries the hash of their spec.
MARKED_KINDS = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
# Enough hexadecimal digits that two specs of one Job never meet, few enough for the 63 characters of a Job's name.
JOB_HASH = 10


@dataclass(frozen=True, order=True)
class Ref:
    """The identity of an object: `api` is its apiVersion, `namespace` is empty for cluster-wide objects."""

    api: str
    kind: str
    namespace: str
    name: str

    @property
    def path(self) -> str:
        """The kind as the Cluster port takes it (`apps/v1/Deployment`)."""
        return f"{self.api}/{self.kind}"

    @property
    def short(self) -> str:
        """The name that people read (`Deployment/backend`)."""
        return f"{self.kind}/{self.name}"

    def __str__(self) -> str:
        return f"{self.api}/{self.kind}:{self.namespace}:{self.name}"

    @classmethod
    def parse(cls, text: str) -> Ref:
        """Read what `str` wrote; raise ValueError for anything else."""
        path, namespace, name = text.split(":", 2)
        api, kind = path.rsplit("/", 1)
        return cls(api, kind, namespace, name)


class Conflict(Failed):
    """Another field manager owns fields that we want to set: exit code 1, unless the caller takes them over.

    `target` names the object (`Deployment/backend`), `fields` are pairs of field path and the manager that owns it.
    """

    default_code = "conflict"

    def __init__(self, target: str, fields: Sequence[tuple[str, str]]) -> None:
        listed = "; ".join(f"{field} belongs to {manager}" for field, manager in fields) or "the server names no field"
        super().__init__(
            f"{target} has fields that somebody else manages: {listed}",
            where=target,
            now="undo that change in the cluster, or deploy with --take-over to own the fields again",
        )
        self.target = target
        self.fields = tuple(fields)


def ref(manifest: Mapping[str, Any]) -> Ref:
    """Return the identity of `manifest`."""
    metadata = manifest.get("metadata", {})
    return Ref(manifest["apiVersion"], manifest["kind"], metadata.get("namespace") or "", metadata["name"])


def copied(value: Any) -> Any:  # noqa: ANN401 -- any JSON value
    """Return a copy of a JSON value that shares nothing with it; five times as fast as copy.deepcopy, which serves any object."""
    if isinstance(value, dict):
        return {key: copied(each) for key, each in value.items()}
    if isinstance(value, list):
        return [copied(each) for each in value]
    return value


def pod_template(manifest: Mapping[str, Any]) -> Manifest | None:
    """Return the pod template of a workload (of a CronJob's Job too), or None."""
    spec = manifest.get("spec") or {}
    if manifest.get("kind") == "CronJob":
        spec = (spec.get("jobTemplate") or {}).get("spec") or {}
    template = spec.get("template")
    return template if isinstance(template, dict) and "spec" in template else None


def containers(manifest: Mapping[str, Any]) -> Iterator[Manifest]:
    """Yield every container of a workload or pod, init containers first."""
    template = manifest if manifest.get("kind") == "Pod" else pod_template(manifest)
    spec = (template or {}).get("spec") or {}
    yield from spec.get("initContainers") or ()
    yield from spec.get("containers") or ()


def canonical(value: object) -> bytes:
    """Return `value` as JSON that is equal for equal values: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def content_hash(manifests: Sequence[Mapping[str, Any]]) -> str:
    """Return the hash of the manifests without the release's marks and the inventory's label: equal content is nothing to do."""
    found = hashlib.sha256()
    for manifest in sorted(manifests, key=ref):
        found.update(canonical(unlisted(marked(manifest, None))))
    return f"sha256:{found.hexdigest()}"


def marked(manifest: Mapping[str, Any], release: str | None) -> Manifest:
    """Return a copy whose containers carry `release` in RELEASE, or none at all for None; other kinds stay as they are."""
    result: Manifest = copied(dict(manifest))
    template = pod_template(result) if result.get("kind") in MARKED_KINDS else None
    for container in (template or {}).get("spec", {}).get("containers", ()):
        kept = [entry for entry in container.get("env") or () if entry.get("name") != MARK]
        if release is not None:
            kept.append({"name": MARK, "value": release})
        container.pop("env", None)
        if kept:
            container["env"] = kept
    return result


def unlisted(manifest: Mapping[str, Any]) -> Manifest:
    """Return the manifest without the inventory's label, by which it is found and which says nothing of what it does."""
    labels = {key: value for key, value in (manifest["metadata"].get("labels") or {}).items() if key != PART_OF_LABEL}
    metadata = {key: value for key, value in manifest["metadata"].items() if key != "labels"}
    return {**manifest, "metadata": {**metadata, **({"labels": labels} if labels else {})}}


def mark_of(manifest: Mapping[str, Any]) -> str | None:
    """Return the release that a workload's pods say they are, or None."""
    template = pod_template(manifest) if manifest.get("kind") in MARKED_KINDS else None
    return mark_in((template or {}).get("spec", {}))


def mark_in(pod_spec: Mapping[str, Any]) -> str | None:
    """Return the release that a pod of this specification says it is, or None."""
    for container in pod_spec.get("containers", ()):
        for entry in container.get("env") or ():
            if entry.get("name") == MARK and entry.get("value"):
                return str(entry["value"])
    return None


def marks(manifests: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return workload (`Deployment/backend`) -> the release that last changed it."""
    found = {ref(manifest).short: mark_of(manifest) for manifest in manifests}
    return {name: mark for name, mark in found.items() if mark}


def prepare(rendered: Sequence[Mapping[str, Any]], *, namespace: str, part_of: str, inventory: str = "") -> tuple[Manifest, ...]:
    """Return the objects that a release applies, sorted; the namespace is added where the overlay does not render it.

    `inventory` is the ID of the inventory that they are listed in, empty for none.
    Raise Misconfigured for what no release may carry: values of Secrets, and images that are not pinned by digest.
    """
    objects: list[Manifest] = [copied(dict(manifest)) for manifest in rendered]
    if not any(each["kind"] == "Namespace" and each["metadata"]["name"] == namespace for each in objects):
        labels = {"app.kubernetes.io/part-of": part_of}
        objects.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}})
    scaled = autoscaled(objects)
    for each in objects:
        refuse(each)
        metadata = each["metadata"]
        metadata["labels"] = {**(metadata.get("labels") or {}), OWNER_LABEL: MANAGER}
        if inventory:
            metadata["labels"][PART_OF_LABEL] = inventory
        if (each["kind"], metadata["name"]) in scaled:
            each["spec"].pop("replicas", None)
        if each["kind"] == "Job":
            spec_hash = hashlib.sha256(canonical(each["spec"])).hexdigest()[:JOB_HASH]
            metadata["name"] = f"{metadata['name']}-{spec_hash}"
    return tuple(sorted(objects, key=ref))


def refuse(manifest: Mapping[str, Any]) -> None:
    """Raise Misconfigured when `manifest` carries a secret value or an image that could move."""
    name = ref(manifest).short
    if manifest["kind"] == "Secret" and (manifest.get("data") or manifest.get("stringData")):
        raise Misconfigured(
            f"{name} is rendered with values",
            where=f"the overlay, {name}",
            now="take it out of the overlay and name it under [secrets] in plimsoll.toml: the cluster keeps its values",
            code="secret-rendered",
        )
    for container in containers(manifest):
        image = str(container.get("image") or "")
        if "@sha256:" not in image:
            raise Misconfigured(
                f"{name} runs the image {image!r}, which is not pinned by digest",
                where=f"the overlay, {name}, container {container.get('name')!r}",
                now="name a service of plimsoll.toml, whose digest is filled in, or write NAME@sha256:...",
                code="image-not-pinned",
            )


def autoscaled(objects: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], int]:
    """Return (kind, name) of the workloads whose replicas an autoscaler owns -> the fewest it lets them have."""
    scalers = [each["spec"] for each in objects if each["kind"] == "HorizontalPodAutoscaler"]
    return {
        (spec["scaleTargetRef"]["kind"], spec["scaleTargetRef"]["name"]): int(spec.get("minReplicas") or 1) for spec in scalers
    }
