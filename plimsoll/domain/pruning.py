"""What is removed once a release is verified: what was ours and is no part of it any more.

Nothing that holds data goes without `--allow-data-loss`, and configuration under a generated name outlives its release for a
while: pods of an older release may still start with it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plimsoll.domain.manifests import Ref, ref

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plimsoll.domain.ledger import History
    from plimsoll.domain.manifests import Manifest
    from plimsoll.domain.release import Release

# Hash-suffixed configuration of this many releases outlives them, unless the settings say otherwise.
KEPT_CONFIGURATIONS = 5
# What kustomize appends to the names of generated ConfigMaps and Secrets: ten characters of its own alphabet.
HASH_SUFFIX = re.compile(r".+-[bcdfghkmt2456789]{10}")
# Kinds that hold data, or whose end takes objects with data along.
DATA_KINDS = frozenset({"PersistentVolumeClaim", "PersistentVolume", "Namespace", "CustomResourceDefinition"})


@dataclass(frozen=True, kw_only=True)
class Pruning:
    """How far a release may go: `keep` releases' configuration stays; with `data_loss`, what holds data is removed as well."""

    keep: int = KEPT_CONFIGURATIONS
    data_loss: bool = False


DEFAULT = Pruning()


def prunes(
    objects: Sequence[Manifest],
    owned: frozenset[Ref],
    history: History,
    *,
    data: frozenset[Ref] = frozenset(),
    pruning: Pruning = DEFAULT,
) -> tuple[Ref, ...]:
    """Return what is removed. `owned` are the live objects with our label, `data` those of them that `holds_data` names."""
    left = _left_over(objects, owned, history, pruning.keep)
    return tuple(sorted(each for each in left if pruning.data_loss or not _is_data(each, data)))


def spared(
    objects: Sequence[Manifest], owned: frozenset[Ref], history: History, *, data: frozenset[Ref], pruning: Pruning = DEFAULT
) -> tuple[Ref, ...]:
    """Return what is no part of the release any more and stays, because it holds data."""
    left = _left_over(objects, owned, history, pruning.keep)
    return () if pruning.data_loss else tuple(sorted(each for each in left if _is_data(each, data)))


def holds_data(live: Mapping[str, Any]) -> bool:
    """Tell whether data would go with a live object: by its kind, or because its claims are deleted with it."""
    policy = (live.get("spec") or {}).get("persistentVolumeClaimRetentionPolicy") or {}
    return live["kind"] in DATA_KINDS or (live["kind"] == "StatefulSet" and policy.get("whenDeleted") == "Delete")


def still_owned(target: Release, standing: Release | None) -> tuple[str, ...]:
    """Return the inventory of a release that brings `target` back: its own, and what may hold data of the one that stands.

    So it is known as ours for as long as it is there, however old the release becomes that last applied it.
    """
    later = [each for each in (standing.inventory if standing else ()) if Ref.parse(each).kind in {*DATA_KINDS, "StatefulSet"}]
    return tuple(dict.fromkeys((*target.inventory, *later)))


def recorded(history: History) -> frozenset[Ref]:
    """Return every object that a record names as ours."""
    # As text first: the releases of an environment name the same objects again and again.
    return frozenset(Ref.parse(each) for each in {each for release in history.releases for each in release.inventory})


def is_generated(each: Ref) -> bool:
    """Tell whether an object is configuration whose name carries the hash of its content."""
    return each.kind in {"ConfigMap", "Secret"} and bool(HASH_SUFFIX.fullmatch(each.name))


def _left_over(objects: Sequence[Manifest], owned: frozenset[Ref], history: History, keep: int) -> frozenset[Ref]:
    """Return what is ours, stands in a record, and is no part of `objects`; configuration of the last releases excepted."""
    left = (owned & recorded(history)) - {ref(each) for each in objects}
    last = {each for release in history.releases[max(len(history.releases) - keep, 0) :] for each in release.inventory}
    return frozenset(each for each in left if not (is_generated(each) and str(each) in last))


def _is_data(each: Ref, data: frozenset[Ref]) -> bool:
    return each in data or each.kind in DATA_KINDS
