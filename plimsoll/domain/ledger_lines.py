"""Old releases as a line each: what stays of a record when its manifests and details are given up.

`<application>-<environment>.older.<page>` holds up to `PAGE` lines, one release each, oldest first. A line still answers what was
decided from old releases: which digests and which database schemas were proven, and what was rolled back.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from plimsoll.domain.release import Release

if TYPE_CHECKING:
    from collections.abc import Iterable

# Lines of one object: 50 releases of 50 services stay below the 1 MiB that the API server takes.
PAGE = 50
LINES_KEY = "older.jsonl"
# What a line drops: it is long, and nothing is decided from it once the manifests are gone.
DROPPED = frozenset({"inventory", "workloads", "smoke", "secrets", "timings", "gate"})
LONGEST_CAUSE = 200
# What reading something else than a record or a line raises.
UNREADABLE = (KeyError, TypeError, ValueError, AttributeError)


def page_of(release: Release) -> int:
    """Return the number of the page on which a release's line stands."""
    return release.number // PAGE


def line_of(release: Release) -> str:
    """Return a release as one line of JSON."""
    record = {name: value for name, value in release.to_record().items() if name not in DROPPED}
    record["cause"] = (release.cause or "").partition("\n")[0][:LONGEST_CAUSE] or None
    record["gate"] = replace(release.gate, items=()).to_json() if release.gate and release.broken_glass else None
    record["images"] = {
        service: {
            "reference": image.reference,
            "tag": image.tag,
            "unpacked_bytes": image.unpacked_bytes,
            "scan": {"verdict": image.scan.verdict, "database_date": image.scan.database_date} if image.scan else None,
        }
        for service, image in release.images.items()
    }
    return json.dumps(
        {name: value for name, value in record.items() if value is not None and value is not False},
        sort_keys=True,
        ensure_ascii=False,
    )


def read_line(line: str) -> Release:
    """Return the release of a line, `compacted`; raise KeyError, TypeError or ValueError for what is none."""
    data = json.loads(line)
    images = {service: {"labels": {}, **image} for service, image in data["images"].items()}
    whole = {
        "workloads": {},
        "inventory": [],
        "smoke": [],
        "secrets": {},
        "timings": {},
        "dirty": False,
        **data,
        "images": images,
    }
    return Release.from_record(whole, compacted=True)


def merged(lines: Iterable[str], releases: Iterable[Release]) -> str:
    """Return the text of a page with the lines of `releases` among those that it has, by number; what is there already stays."""
    unreadable, found = [], {}
    for line in filter(str.strip, lines):
        try:
            found[read_line(line).number] = line
        except UNREADABLE:
            unreadable.append(line)
    for release in releases:
        found.setdefault(release.number, line_of(release))
    return "".join(f"{line}\n" for line in (*unreadable, *(found[number] for number in sorted(found))))
