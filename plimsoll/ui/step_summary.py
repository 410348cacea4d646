"""The summary of a GitHub step, in Markdown: a release with its images, and why it failed.

Text from outside is escaped, so that nothing that a container printed can change the page: outside of code each character that
Markdown gives a meaning, inside of code by a fence that is longer than any in the text.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from plimsoll.domain.outcome import RELEASED, UNCHANGED, BrokenRelease, DeployResult, RollbackResult
from plimsoll.ui.failure import failure_in
from plimsoll.ui.plan import size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from plimsoll.domain.failure import Failure
    from plimsoll.domain.release import Release
    from plimsoll.errors import PlimsollError
    from plimsoll.ui.github import Log

SPECIAL = re.compile(r"[\\`*_~\[\]<>&|#!$@^]")
TICKS = re.compile(r"`+")


def append(text: str, log: Log) -> None:
    """Append to the step's summary; a file that cannot be written is a warning in `log`."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path or not text:
        return
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text + "\n\n")
    except OSError as error:
        log.command("warning", f"the step's summary cannot be written: {error.strerror}")


def of_result(result: object) -> str:
    """Return the summary of a deploy (that of `inv up`, too) or rollback; empty for what tells nothing of a release."""
    result = getattr(result, "deployed", result)
    if not isinstance(result, (DeployResult, RollbackResult)) or result.release is None:
        return ""
    title = _title(result)
    return "\n".join((f"### ✔ {words(title)}", "", *_release(result.release, result.url, result.seconds))) if title else ""


def of_error(error: PlimsollError) -> str:
    """Return the summary of what failed: the cause, what now, the details, the release."""
    first, *rest = error.what.splitlines() or [""]
    lines = [f"### ✘ {words(first)}", "", *([code(rest), ""] if rest else [])]
    lines += [f"**{label}** {words(text)}\n" for label, text in (("Where:", error.where), ("Now:", error.now)) if text]
    failure = failure_in(error.report)
    if failure is not None:
        lines += _details(failure)
    if isinstance(error.report, BrokenRelease):
        release = error.report.release
        lines += ["", *_release(release, None, sum(release.timings.values()))]
    return "\n".join(lines)


def words(text: str) -> str:
    """Return text for a line or a cell of Markdown, on one line, with nothing in it that is more than text."""
    return SPECIAL.sub(lambda found: f"&#{ord(found[0])};", " ".join(text.split()))


def code(lines: Iterable[str]) -> str:
    """Return a block of code that shows `lines` as they are."""
    text = "\n".join(lines)
    fence = "`" * max(3, *(len(run) + 1 for run in TICKS.findall(text)), 3)
    return f"{fence}text\n{text}\n{fence}"


def _title(result: DeployResult | RollbackResult) -> str:
    if isinstance(result, RollbackResult):
        return f"{result.release.content_of} runs again in {result.environment}"
    name = result.release.name if result.release else ""
    titles = {
        RELEASED: f"{name} is verified in {result.environment}",
        UNCHANGED: f"{result.environment} is unchanged: {name} is verified",
    }
    return titles.get(result.outcome, "")


def _release(release: Release, url: str | None, seconds: float) -> Iterator[str]:
    dirty = ", with uncommitted changes" if release.dirty else ""
    steps = ", ".join(f"{step} {spent:.1f} s" for step, spent in release.timings.items())
    rows = [
        ("Environment", words(release.environment)),
        ("Release", words(release.name)),
        ("State", words(release.state.value)),
        ("Source", words(release.git_revision) + dirty),
        ("By", words(release.actor)),
        ("Time", words(f"{seconds:.1f} s" + (f" ({steps})" if steps else ""))),
    ]
    if release.content_of:
        rows.insert(2, ("Content of", words(release.content_of)))
    if release.approval:
        rows.append(("Approved by", words(f"{release.approval.by} ({release.approval.kind}, {release.approval.at})")))
    if release.broken_glass:
        rows.append(("**Gate passed by broken glass**", words(release.broken_glass)))
    if url:
        rows.append(("Address", words(url)))
    yield from _table(("", ""), rows)
    yield ""
    yield from _table(
        ("Image", "Tag", "Digest", "Unpacked", "Scan"),
        [
            (
                words(service),
                words(image.tag),
                words(image.digest),
                size(image.unpacked_bytes),
                words(image.scan.verdict if image.scan else "not scanned"),
            )
            for service, image in sorted(release.images.items())
        ],
    )


def _details(failure: Failure) -> Iterator[str]:
    if failure.others:
        yield from ("", "**Also:**", "", *(f"- {words(cause.workload)}: {words(cause.headline)}" for cause in failure.others))
    if failure.events:
        rows = [(words(each.last_seen), words(each.object), words(each.reason), words(each.told)) for each in failure.events]
        yield from _folded("Events", "\n".join(_table(("Last seen", "Object", "Reason", "Message"), rows)), opened=True)
    for excerpt in failure.excerpts:
        yield from _folded(excerpt.title[0].upper() + excerpt.title[1:], code(excerpt.lines), opened=True)
    if failure.commands:
        yield from _folded("Look further", code(failure.commands))


def _folded(title: str, body: str, *, opened: bool = False) -> Iterator[str]:
    yield from ("", f"<details{' open' if opened else ''}><summary>{words(title)}</summary>", "", body, "", "</details>")


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(titles)} |"
    yield "|" + "---|" * len(titles)
    yield from (f"| {' | '.join(row)} |" for row in rows)
