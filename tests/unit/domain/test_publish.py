"""The gate before the registry, and what a push says."""

from __future__ import annotations

import pytest

from plimsoll.domain.images import Digest, Image, ScanSummary
from plimsoll.domain.publish import Publication, PushResult, gate

DIGEST = Digest("sha256:" + "a" * 64)


def image(service: str, verdict: str | None) -> Image:
    scan = ScanSummary(verdict=verdict) if verdict else None
    return Image(service=service, repository=f"r/{service}", tag="0" * 16, digest=DIGEST, unpacked_bytes=1, labels={}, scan=scan)


@pytest.mark.parametrize("verdict", ["clean", "excepted"])
def test_what_the_gate_passes_may_be_pushed(verdict: str) -> None:
    assert gate([image("backend", verdict)]) is None


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        (("findings",), 1),
        (("expired-waiver",), 1),
        (("not-run",), 4),
        ((None,), 4),
        (("not-run", "findings"), 1),
        (("clean", "not-run"), 4),
    ],
)
def test_everything_else_is_refused_and_findings_win(verdicts: tuple[str | None, ...], code: int) -> None:
    refusal = gate([image(f"s{number}", verdict) for number, verdict in enumerate(verdicts)])
    assert refusal is not None
    assert refusal.exit_code == code
    refused = [number for number, verdict in enumerate(verdicts) if verdict != "clean"]
    assert all(f"s{number} (" in refusal.what for number in refused)


def test_a_publication_says_what_moved() -> None:
    images = {"backend": image("backend", "clean"), "redis": image("redis", "clean")}
    results = {
        "backend": PushResult(digest=DIGEST, pushed=True, bytes_moved=10, seconds=0.5),
        "redis": PushResult(digest=DIGEST, pushed=False),
    }
    publication = Publication(images=images, results=results)
    assert publication.moved == ("backend",)
    told = publication.to_json()
    assert told["schema"] == "plimsoll.image.push/1"
    assert (told["images"]["backend"]["pushed"], told["images"]["redis"]["bytes_moved"]) == (True, 0)
