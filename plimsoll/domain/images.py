"""Images: digests, references, what is built, and what is known about it.

`plimsoll.domain.build` decides tags and labels; this module holds the words that every part shares.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NewType

if TYPE_CHECKING:
    from collections.abc import Mapping

Digest = NewType("Digest", str)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# 16 hexadecimal digits of the input hash: 64 bits, enough that two inputs of one repository never meet.
HASH_TAG = re.compile(r"[0-9a-f]{16}(-dirty)?")
SEMANTIC_TAG = re.compile(r"v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?")


def digest(text: str) -> Digest:
    """Return `text` as a digest; raise ValueError when it is none."""
    if not DIGEST.fullmatch(text):
        msg = f"{text!r} is no sha256 digest"
        raise ValueError(msg)
    return Digest(text)


def is_immutable_tag(tag: str) -> bool:
    """Tell whether `tag` can never be meant to move: an input hash or a semantic version."""
    return bool(HASH_TAG.fullmatch(tag) or SEMANTIC_TAG.fullmatch(tag))


@dataclass(frozen=True, kw_only=True)
class ScanSummary:
    """What a release records of a scan.

    `verdict` is `clean`, `findings`, `expired-waiver`, `not-run` or `excepted` (could not run, under an exception);
    `database_date` is RFC 3339 or None where no database was read; `counts` maps severity to findings.
    """

    verdict: str
    database_date: str | None = None
    scanner: str | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    unfixed: int = 0
    excepted_until: str | None = None
    reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the part of the JSON contract (`scan {verdict, database_date}` and what explains it)."""
        return {
            "verdict": self.verdict,
            "database_date": self.database_date,
            "scanner": self.scanner,
            "counts": dict(self.counts),
            "unfixed": self.unfixed,
            "excepted_until": self.excepted_until,
            "reason": self.reason,
        }


@dataclass(frozen=True, kw_only=True)
class Image:
    """One image of a release: where it lies, what it is, and what is known about it.

    `repository` has no tag (`localhost:5001/check-in/backend`); `unpacked_bytes` is the sum of uncompressed layers;
    `schema` the hash of the service's migration folder, None where the service has none.
    """

    service: str
    repository: str
    tag: str
    digest: Digest
    unpacked_bytes: int
    labels: Mapping[str, str]
    scan: ScanSummary | None = None
    schema: str | None = None

    @property
    def reference(self) -> str:
        """The reference that cannot move: repository@digest."""
        return f"{self.repository}@{self.digest}"

    @property
    def tagged(self) -> str:
        """The reference that people read: repository:tag."""
        return f"{self.repository}:{self.tag}"

    def to_json(self) -> dict[str, Any]:
        """Return the image as the JSON contracts of status, history and build print it."""
        return {
            "reference": self.reference,
            "digest": self.digest,
            "tag": self.tag,
            "unpacked_bytes": self.unpacked_bytes,
            "labels": dict(self.labels),
            "scan": self.scan.to_json() if self.scan else None,
            "schema": self.schema,
        }

    @classmethod
    def from_json(cls, service: str, data: Mapping[str, Any]) -> Image:
        """Read what `to_json` wrote; raise KeyError or ValueError when it is something else."""
        repository, _, hexed = str(data["reference"]).partition("@")
        scan = data.get("scan")
        return cls(
            service=service,
            repository=repository,
            tag=str(data["tag"]),
            digest=digest(hexed),
            unpacked_bytes=int(data["unpacked_bytes"]),
            labels={str(k): str(v) for k, v in data["labels"].items()},
            scan=ScanSummary(**scan) if scan else None,
            schema=data.get("schema"),
        )
