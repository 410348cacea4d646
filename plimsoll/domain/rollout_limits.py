"""What a release is waited for, and how long: by settings, and by annotations of each object.

plimsoll.dev/timeout: 15m             how long the wait for this object may take
plimsoll.dev/crash-restarts: "5"      restarts of one container that are borne with
plimsoll.dev/readiness-flaps: "5"     times that a pod's readiness may go again
plimsoll.dev/grace: 2m                seconds granted to faults that may heal; likewise configuration-grace (a cache that has not
                                      caught up), probe-grace (a start) and scale-up-grace (a new node)
plimsoll.dev/wait: "false"            not waited for at all; "true" also where nothing says that there is something to wait for
plimsoll.dev/ready, .../failed        of definitions and custom resources only: see `domain.rollout_declared`
"""

from __future__ import annotations

import difflib
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from plimsoll.domain.project import parse_duration
from plimsoll.domain.rollout_declared import FAILED, READY, parse
from plimsoll.domain.rollout_kinds import WAIT
from plimsoll.domain.rollout_missing import KINDS
from plimsoll.domain.rollout_observed import group_kind
from plimsoll.domain.rollout_rules import Limits
from plimsoll.domain.rollout_workloads import selects_its_pods

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from plimsoll.domain.project import RolloutSettings

PREFIX = "plimsoll.dev/"
COUNTS = {"plimsoll.dev/crash-restarts": "crash_restarts", "plimsoll.dev/readiness-flaps": "readiness_flaps"}
SECONDS = {
    "plimsoll.dev/timeout": "timeout",
    "plimsoll.dev/grace": "grace",
    "plimsoll.dev/configuration-grace": "configuration_grace",
    "plimsoll.dev/probe-grace": "probe_grace",
    "plimsoll.dev/scale-up-grace": "scale_up_grace",
}
KNOWN = (*COUNTS, *SECONDS, WAIT, READY, FAILED)
DEFINITION = "apiextensions.k8s.io/CustomResourceDefinition"
# The groups that the API server itself serves; every other one is somebody's definition.
BUILT_IN = frozenset({"", "apps", "autoscaling", "batch", "extensions", "policy"}) | frozenset(
    f"{name}.k8s.io"
    for name in (
        "admissionregistration",
        "apiextensions",
        "apiregistration",
        "authentication",
        "authorization",
        "certificates",
        "coordination",
        "discovery",
        "events",
        "flowcontrol.apiserver",
        "internal.apiserver",
        "networking",
        "node",
        "rbac.authorization",
        "resource",
        "scheduling",
        "storage",
        "storagemigration",
    )
)


def waited(manifest: Mapping[str, Any]) -> bool:
    """Tell whether a release waits for this object: it has a verdict of its own, or a definition behind it."""
    said = _annotations(manifest).get(WAIT)
    if said in {"true", "false"}:
        return said == "true"
    kind = group_kind(manifest)
    if kind == "Service":
        return bool((manifest.get("spec") or {}).get("type") == "LoadBalancer")
    return kind in KINDS or is_custom(kind)


def is_custom(kind: str) -> bool:
    """Tell whether a group and kind (`rollout_observed.group_kind`) is served because of a definition."""
    return kind.rpartition("/")[0] not in BUILT_IN


def limits_from(settings: RolloutSettings) -> Limits:
    """Return the limits of the settings; the time-out is the wait's own."""
    shared = (each.name for each in fields(Limits) if each.name != "timeout")
    return Limits(**{name: getattr(settings, name) for name in shared})


def limits_of(manifest: Mapping[str, Any], default: Limits) -> Limits:
    """Return the limits of one object: `default`, and what its annotations say. One that cannot be read was refused before."""
    found: dict[str, Any] = {}
    for name, text in _annotations(manifest).items():
        if (name in COUNTS or name in SECONDS) and not _unreadable(name, str(text)):
            found[COUNTS.get(name) or SECONDS[name]] = int(text) if name in COUNTS else parse_duration(str(text))
    return replace(default, **found)


def problems(manifest: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
    """Return (path, what, what now) for everything about an object that no wait could go by; empty when it is fine."""
    found = list(_annotation_problems(manifest))
    now = "give the template the labels that the selector asks for"
    try:
        if not selects_its_pods(manifest):
            found.append(("spec.selector", "does not match spec.template.metadata.labels", now))
    except (KeyError, ValueError) as error:
        found.append(("spec.selector", f"cannot be read: {error}", "correct it"))
    return tuple(found)


def _annotation_problems(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    template = ((manifest.get("spec") or {}).get("template") or {}) if manifest["kind"] != "Pod" else {}
    for name in _annotations(template) if isinstance(template, dict) else ():
        if name in KNOWN:
            now = f"move it to metadata.annotations of the {manifest['kind']}"
            yield f"spec.template.metadata.annotations[{name}]", "stands where nobody reads it", now
    kind = group_kind(manifest)
    for name, text in _annotations(manifest).items():
        path = f"metadata.annotations[{name}]"
        if name in {READY, FAILED} and kind != DEFINITION and not is_custom(kind):
            now = f"take it out: Plimsoll knows when a {manifest['kind']} is ready"
            yield path, "is for definitions and custom resources", now
        elif name in KNOWN:
            if told := _unreadable(name, str(text)):
                yield path, told, "correct it, or take it out"
        elif name.startswith(PREFIX) and (near := _near(name)):
            yield path, "is not known", f"did you mean {near}?"


def _near(name: str) -> str:
    """Return the known annotation that `name` looks like a slip of, empty when there is none."""
    ends = [each.removeprefix(PREFIX) for each in KNOWN]
    found = difflib.get_close_matches(name.removeprefix(PREFIX), ends, n=1, cutoff=0.75)
    return f"{PREFIX}{found[0]}" if found else ""


def _unreadable(name: str, text: str) -> str:
    """Return what is wrong with the text of a known annotation, empty when nothing is."""
    if name in COUNTS:
        return "" if text.isascii() and text.isdigit() else f"is {text!r}, no whole number"
    if name == WAIT:
        return "" if text in {"true", "false"} else f'is {text!r}, neither "true" nor "false"'
    try:
        if name in {READY, FAILED}:
            parse(text)
        elif parse_duration(text) == 0 and SECONDS[name] == "timeout":
            return "is no time at all"
    except ValueError as error:
        return f"cannot be read: {error}"
    return ""


def _annotations(manifest: Mapping[str, Any]) -> Mapping[str, str]:
    return (manifest.get("metadata") or {}).get("annotations") or {}
