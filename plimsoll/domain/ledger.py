"""The ledger of an environment: its releases as ConfigMaps of the namespace `plimsoll`, and what follows from them.

`<application>-<environment>-<number>` holds the record as JSON, `….0`, `….1`, … its manifests (`ledger_manifests`). A record is
written once and only its state moves on (`release_moves`). Of old releases a line is kept (`ledger_lines`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plimsoll.domain.ledger_lines import LINES_KEY, UNREADABLE, read_line
from plimsoll.domain.manifests import MANAGER, OWNER_LABEL
from plimsoll.domain.release import UNFINISHED, Release
from plimsoll.errors import Failed, Misconfigured

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plimsoll.domain.manifests import Manifest

NAMESPACE = "plimsoll"
APPLICATION_LABEL = "plimsoll.dev/application"
ENVIRONMENT_LABEL = "plimsoll.dev/environment"
PART_LABEL = "plimsoll.dev/part"
RECORD_KEY = "release.json"
RECORD_FORMAT = "plimsoll.record/1"
OLDER = ".older."


@dataclass(frozen=True)
class History:
    """The releases of one environment, oldest first. `damaged` names records that cannot be read: they count as taken numbers."""

    releases: tuple[Release, ...] = ()
    damaged: tuple[str, ...] = ()
    highest: int = 0

    @property
    def next_number(self) -> int:
        """The number of the next record."""
        return max([self.highest, *(release.number for release in self.releases)]) + 1

    @property
    def verified(self) -> Release | None:
        """The live release, when it is proven."""
        return next((release for release in reversed(self.releases) if release.verified), None)

    @property
    def live(self) -> Release | None:
        """The release to speak of: the verified one, otherwise the newest of all."""
        return self.verified or (self.releases[-1] if self.releases else None)

    @property
    def standing(self) -> Release | None:
        """The release whose objects stand in the cluster, proven or not: the newest that changed anything."""
        return next((release for release in reversed(self.releases) if not release.untouched), None)

    @property
    def unfinished(self) -> tuple[Release, ...]:
        """Records that nobody finished. Under the lock these are the traces of a deploy that was killed."""
        return tuple(release for release in self.releases if release.state in UNFINISHED)

    @property
    def last_good(self) -> Release | None:
        """What an automatic rollback brings back: the verified release, otherwise the newest that was and was not rolled back."""
        return self.verified or self._newest_good(below=None, unlike="")

    def named(self, name: str) -> Release | None:
        """Return the record called `name`."""
        return next((release for release in self.releases if release.name == name), None)

    def origin(self, release: Release) -> Release:
        """Return the record whose content `release` runs: what it brought back, otherwise (or where that is not whole) itself."""
        found = self.named(release.origin)
        return release if found is None or found.compacted else found

    def rollback_target(self, name: str | None = None) -> Release:
        """Return the content to go back to: `name`, otherwise the newest good one older than what stands, never rolled back.

        Raise Misconfigured when `name` is no release of this environment or never was verified, Failed when no older one is.
        """
        standing = self.standing
        if name is not None:
            return self._chosen(name)
        if standing is None:
            raise Failed("there is no release to roll back", now="deploy one: `inv build deploy`", code="no-release")
        content = self.origin(standing)
        proven = standing.verified
        found = self._newest_good(below=content.number if proven else None, unlike=content.content if proven else "")
        if found is None:
            raise Failed(
                f"no release before {content.name} was verified and never rolled back",
                where=f"the ledger of {standing.environment}",
                now="name one with --to (`inv history`), or deploy a corrected source",
                code="no-rollback-target",
            )
        return found

    def kept(self, count: int) -> tuple[Release, ...]:
        """Return the whole records of the newest `count` contents that once were verified, and of the live release.

        A content counts once, however often it was brought back: failures in a row push no other one out.
        """
        contents: dict[str, Release] = {}
        for release in reversed(self.releases):
            if release.once_verified and not release.compacted and len(contents) < count:
                contents.setdefault(release.origin, self.origin(release))
        live = () if self.verified is None else (self.verified,)
        return tuple({each.name: each for each in (*live, *contents.values())}.values())

    def outdated(self, count: int) -> tuple[Release, ...]:
        """Return the closed records of which a line is enough: neither among the newest `count`, nor `kept`."""
        whole = {release.name for release in (*self.kept(count), *self.releases[-count:])}
        return tuple(
            release
            for release in self.releases
            if not (release.name in whole or release.compacted or release.verified or release.state in UNFINISHED)
        )

    def reached(self, namespace_uid: str | None) -> frozenset[str]:
        """Return the schemas that the database of this very namespace has reached."""
        if namespace_uid is None:
            return frozenset()
        return frozenset(r.schema for r in self.releases if r.schema and r.migrated == namespace_uid)

    def _chosen(self, name: str) -> Release:
        found = self.named(name)
        if found is None:
            whole = [release.name for release in reversed(self.releases) if release.once_verified and not release.compacted]
            known = ", ".join(whole) or "none"
            raise Misconfigured(
                f"there is no release {name!r}", where="--to", now=f"verified once: {known}", code="unknown-release"
            )
        if not found.once_verified:
            raise Misconfigured(
                f"{name} was never verified", where="--to", now="choose one that was (`inv history`)", code="never-verified"
            )
        if found.compacted:
            raise Misconfigured(
                f"of {name} only a line is kept, and nothing to apply",
                where="--to",
                now="choose a newer one (`inv history`), or deploy its source again",
                code="not-whole",
            )
        # Where something else came after it, ended or not, nobody knows that it runs: it may be brought back.
        if self.verified is not None and self.verified is self.standing and self.verified.origin == found.origin:
            now = "choose another one (`inv history`); `inv deploy` repairs what has drifted from it"
            raise Misconfigured(f"the content of {name} is what runs", where="--to", now=now, code="already-live")
        return self.origin(found)

    def _newest_good(self, *, below: int | None, unlike: str) -> Release | None:
        gone = {r.origin for r in map(self.named, self._rolled_back()) if r is not None}
        for release in reversed(self.releases):
            origin = self.origin(release)
            older = below is None or origin.number < below
            good = release.once_verified and not origin.compacted
            if good and older and release.origin not in gone and origin.content != unlike:
                return origin
        return None

    def _rolled_back(self) -> list[str]:
        return [release.rollback_of for release in self.releases if release.rollback_of]


def stem(application: str, environment: str) -> str:
    """Return the name of an environment's lock, and what its records' names begin with."""
    return f"{application}-{environment}"


def labels(application: str, environment: str, part: str) -> dict[str, str]:
    """Return the labels by which an environment's objects of one part (`record`, `manifests`, `lock`) are found."""
    return {OWNER_LABEL: MANAGER, APPLICATION_LABEL: application, ENVIRONMENT_LABEL: environment, PART_LABEL: part}


def selector(application: str, environment: str, part: str) -> str:
    """Return the label selector of `labels`."""
    return ",".join(f"{key}={value}" for key, value in labels(application, environment, part).items())


def record_object(release: Release, application: str, *, chunks: int, digest: str) -> Manifest:
    """Return the ConfigMap of a record whose manifests lie in `chunks` objects and hash to `digest`."""
    body = {"format": RECORD_FORMAT, **release.to_record(), "manifests": {"chunks": chunks, "sha256": digest}}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": f"{application}-{release.name}",
            "namespace": NAMESPACE,
            "labels": labels(application, release.environment, "record"),
        },
        "data": {RECORD_KEY: json.dumps(body, sort_keys=True, ensure_ascii=False)},
    }


def read_history(objects: Sequence[Mapping[str, Any]]) -> History:
    """Return the history that the ConfigMaps of an environment hold; unreadable ones are named, never guessed.

    Where a record stands beside its line (whoever wrote the line was killed before the record went), the record counts.
    """
    lines: dict[str, Release] = {}
    whole: dict[str, Release] = {}
    damaged, highest = [], 0
    for each in objects:
        name = str(each["metadata"]["name"])
        data = each.get("data") or {}
        if LINES_KEY in data or OLDER in name:
            found, unreadable = _read_lines(name, data.get(LINES_KEY))
            lines |= {release.name: release for release in found}
            damaged += unreadable
            continue
        number = name.rpartition("-")[2]
        highest = max(highest, int(number) if number.isdecimal() else 0)
        try:
            release = read_record(each)
            whole[release.name] = release
        except UNREADABLE:
            damaged.append(name)
    releases = sorted((lines | whole).values(), key=lambda release: release.number)
    return History(tuple(releases), tuple(sorted(damaged)), highest)


def read_record(each: Mapping[str, Any]) -> Release:
    """Return the release that a record's ConfigMap holds; raise one of `UNREADABLE` when it holds none, or another's."""
    data = json.loads(each["data"][RECORD_KEY])
    if data.get("format", RECORD_FORMAT) != RECORD_FORMAT:
        msg = f"it is of the format {data['format']!r}, which this version does not know"
        raise ValueError(msg)
    release = Release.from_record(data)
    if not str(each["metadata"]["name"]).endswith(f"-{release.name}"):
        msg = f"it holds the record of {release.name}"
        raise ValueError(msg)
    return release


def _read_lines(name: str, text: object) -> tuple[list[Release], list[str]]:
    """Return the releases of a page, and the names of lines that cannot be read."""
    if not isinstance(text, str):
        return [], [name]
    found, damaged = [], []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            found.append(read_line(line))
        except UNREADABLE:
            damaged.append(f"{name} line {number}")
    return found, damaged


def page_object(application: str, environment: str, page: int, text: str) -> Manifest:
    """Return the ConfigMap of a page of old releases."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": page_name(application, environment, page),
            "namespace": NAMESPACE,
            # Found by the same look as the records.
            "labels": labels(application, environment, "record"),
        },
        "data": {LINES_KEY: text},
    }


def page_name(application: str, environment: str, page: int) -> str:
    """Return the name of a page of old releases."""
    return f"{stem(application, environment)}{OLDER}{page}"
