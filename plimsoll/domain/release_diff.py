"""What differs between two recorded releases, of one environment or of two: images, configuration and every other object.

Objects are matched by kind and by the name that people gave them: the hash that generated configuration and Jobs carry in their
names is no difference, nor is the namespace where the releases are of two environments. Secret values are never shown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plimsoll.domain import diff
from plimsoll.domain.concealed import text_concealed
from plimsoll.domain.manifests import JOB_HASH, ref
from plimsoll.domain.pruning import is_generated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plimsoll.domain.images import Image
    from plimsoll.domain.manifests import Manifest, Ref
    from plimsoll.domain.release import Release

JOB_SUFFIX = re.compile(rf"-[0-9a-f]{{{JOB_HASH}}}$")
GENERATED_SUFFIX = re.compile(r"-[bcdfghkmt2456789]{10}$")
# Stands for the environment's own namespace when two environments are compared.
NAMESPACE = "(namespace)"
ADDED, REMOVED, CHANGED = "added", "removed", "changed"


@dataclass(frozen=True, kw_only=True)
class ImageDifference:
    """One service whose image differs; None where a release does not have it."""

    service: str
    before: Image | None
    after: Image | None

    def to_json(self) -> dict[str, Any]:
        """Return one entry of `images`."""
        return {"service": self.service, "before": _image(self.before), "after": _image(self.after)}


@dataclass(frozen=True, kw_only=True)
class ObjectDifference:
    """One object that differs: `what` is added, removed or changed, `fields` say how it was changed."""

    name: str
    what: str
    fields: tuple[diff.Change, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return one entry of `configuration` or `manifests`."""
        return {"object": self.name, "what": self.what, "fields": [change.to_json() for change in self.fields]}


@dataclass(frozen=True, kw_only=True)
class ReleaseDiff:
    """From release `before` to release `after`. `secrets` are the names that only one of them has; values are not compared."""

    before: Release
    after: Release
    images: tuple[ImageDifference, ...]
    configuration: tuple[ObjectDifference, ...]
    manifests: tuple[ObjectDifference, ...]
    secrets: tuple[tuple[str, str], ...]

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not (self.images or self.configuration or self.manifests or self.secrets)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON contract `plimsoll.release.diff/1`."""
        return {
            "schema": "plimsoll.release.diff/1",
            "before": _side(self.before),
            "after": _side(self.after),
            "same": self.same,
            "images": [each.to_json() for each in self.images],
            "configuration": [each.to_json() for each in self.configuration],
            "manifests": [each.to_json() for each in self.manifests],
            "secrets": [{"name": name, "what": what} for name, what in self.secrets],
        }


def compare(
    before: Release, after: Release, manifests_before: Sequence[Manifest], manifests_after: Sequence[Manifest]
) -> ReleaseDiff:
    """Return how `after` differs from `before`."""
    apart = before.environment != after.environment
    old, new = _by_name(manifests_before, apart=apart), _by_name(manifests_after, apart=apart)
    found = []
    for name in sorted(old.keys() | new.keys()):
        if name not in old or name not in new:
            found.append(ObjectDifference(name=name, what=ADDED if name in new else REMOVED))
        elif changed := diff.changes(old[name], new[name]):
            found.append(ObjectDifference(name=name, what=CHANGED, fields=tuple(_safe(change) for change in changed)))
    return ReleaseDiff(
        before=before,
        after=after,
        images=_images(before.images, after.images),
        configuration=tuple(each for each in found if _is_configuration(each)),
        manifests=tuple(each for each in found if not _is_configuration(each)),
        secrets=tuple(
            (name, ADDED if name in after.secrets else REMOVED) for name in sorted(before.secrets.keys() ^ after.secrets.keys())
        ),
    )


def _images(before: Mapping[str, Image], after: Mapping[str, Image]) -> tuple[ImageDifference, ...]:
    pairs = {service: (before.get(service), after.get(service)) for service in sorted({*before, *after})}
    return tuple(
        ImageDifference(service=service, before=old, after=new)
        for service, (old, new) in pairs.items()
        if old is None or new is None or old.digest != new.digest
    )


def _by_name(manifests: Sequence[Manifest], *, apart: bool) -> dict[str, Manifest]:
    """Return `Kind/name` -> manifest, generated names given back as people wrote them.

    Objects of another namespace than the environment's own, or of a second API with the same kind, keep theirs in the name.
    """
    own = {each["metadata"]["name"] for each in manifests if each["kind"] == "Namespace"}
    names = {each["metadata"]["name"]: _plain(ref(each)) for each in manifests if _plain(ref(each)) != each["metadata"]["name"]}
    if apart:
        names |= dict.fromkeys(own, NAMESPACE)
    found: dict[str, Manifest] = {}
    for each in manifests:
        plain = _renamed(each, names)
        short = ref(plain).short
        namespace = each["metadata"].get("namespace") or ""
        if namespace and namespace not in own:
            short = f"{short} in {namespace}"
        found[short if short not in found else f"{short} ({each['apiVersion']})"] = plain
    return found


def _plain(each: Ref) -> str:
    if is_generated(each):
        return GENERATED_SUFFIX.sub("", each.name)
    return JOB_SUFFIX.sub("", each.name) if each.kind == "Job" else each.name


def _renamed(value: Any, names: Mapping[str, str]) -> Any:  # noqa: ANN401 -- any JSON value
    if isinstance(value, dict):
        return {key: _renamed(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [_renamed(each, names) for each in value]
    return names.get(value, value) if isinstance(value, str) else value


def _safe(change: diff.Change) -> diff.Change:
    """Return a change without passwords inside addresses. That one changed is still told: the change itself stays."""
    return diff.Change(change.path, text_concealed(change.before), text_concealed(change.after))


def _is_configuration(each: ObjectDifference) -> bool:
    return each.name.startswith("ConfigMap/")


def _image(image: Image | None) -> dict[str, Any] | None:
    if image is None:
        return None
    return {"reference": image.reference, "digest": image.digest, "tag": image.tag}


def _side(release: Release) -> dict[str, Any]:
    return {
        "release": release.name,
        "environment": release.environment,
        "state": release.state.value,
        "git_revision": release.git_revision,
        "dirty": release.dirty,
        "content_of": release.content_of,
    }
