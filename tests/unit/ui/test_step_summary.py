"""The summary of a GitHub step: what it shows of a release and of a failure, and that no text changes the page."""

from __future__ import annotations

import html
import io
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from plimsoll.domain.approval import Approval
from plimsoll.domain.failure import Cause, Event, Excerpt, Failure
from plimsoll.domain.gate import Gate
from plimsoll.domain.outcome import BrokenRelease
from plimsoll.domain.release import State
from plimsoll.errors import Failed, Misconfigured
from plimsoll.ui.github import Log
from plimsoll.ui.step_summary import append, code, of_error, of_result, words
from tests.fake_site import World, image, images, record

if TYPE_CHECKING:
    from pathlib import Path

    from plimsoll.errors import PlimsollError

HOSTILE = "a|b `c` **d** <img src=x> [e](http://x) @all #1 $x$ </details>\n# heading\n```\n~~~"


def crashed(message: str = "exited with code 1", line: str = "no such setting", tag: str = "v1.0.0") -> PlimsollError:
    cause = Cause(workload="Deployment/web", object="Pod/web-1", reason="CrashLoopBackOff", message=message, rule="crash-loop")
    failure = Failure(
        cause=cause,
        environment="staging",
        events=(Event(object="Pod/web-1", reason="Unhealthy", message=message, count=4, last_seen="2030-01-02T03:04:05Z"),),
        excerpts=(Excerpt(pods=("web-1", "web-2"), container="web", previous=False, lines=("first", line)),),
        commands=("kubectl describe pod web-1",),
    )
    release = record(state=State.FAILED, images={"web": image("web", tag=tag)}, timings={"foundation": 1.0, "workloads": 12.25})
    report = BrokenRelease(environment="staging", release=release, failure=failure)
    return Failed(
        f"Deployment/web will not become ready: {message}", where="environment staging", now="correct it", report=report
    )


def test_a_verified_release_shows_its_images_whole_and_its_time() -> None:
    result = World().deploy()
    text = of_result(result)
    assert text.startswith("### ✔ staging-1 is verified in staging\n")
    web = result.release.images["web"]
    assert f"| web | {web.tag} | {web.digest} | 10.0 MB | clean |" in text
    assert "| State | verified |" in text
    assert re.search(r"\| Time \| \d+\.\d s \(.*foundation 0\.0 s,", text)
    assert "| Address | http://127.0.0.1:8081 |" in text


def test_who_approved_and_a_broken_glass_are_shown() -> None:
    approval = Approval(kind="signed", by="bo", at="2030-01-02T03:00:00Z")
    gate = Gate(at="2030-01-02T03:00:00Z", items=(), broken="the shop is down | now")
    text = of_result(replace(World().deploy(), release=record(state=State.VERIFIED, approval=approval, gate=gate)))
    assert "| Approved by | bo (signed, 2030-01-02T03:00:00Z) |" in text
    assert "| **Gate passed by broken glass** | the shop is down &#124; now |" in text


def test_a_rollback_says_whose_content_runs_again() -> None:
    world = World()
    world.deploy()
    world.deploy(images(web="2"))
    text = of_result(world.rollback())
    assert text.startswith("### ✔ staging-1 runs again in staging\n")
    assert "| Content of | staging-1 |" in text


def test_a_plan_is_no_release_and_an_unchanged_one_says_so() -> None:
    world = World()
    assert of_result(world.deploy(dry_run=True)) == ""
    world.deploy()
    assert of_result(world.deploy()).startswith("### ✔ staging is unchanged: staging-1 is verified\n")
    assert of_result(object()) == ""


def test_a_failure_begins_with_its_cause_and_what_now() -> None:
    text = of_error(crashed())
    assert text.startswith("### ✘ Deployment/web will not become ready: exited with code 1\n")
    places = [text.index(part) for part in ("**Now:** correct it", "Events", "first", "kubectl describe", "| State | failed |")]
    assert places == sorted(places)
    assert "Last lines of container web in web-1, web-2</summary>" in text
    assert "| Time | 13.2 s (foundation 1.0 s, workloads 12.2 s) |" in text
    assert "exited with code 1 (4 times)" in text


def test_an_error_without_a_release_says_what_where_and_what_now() -> None:
    error = Misconfigured("the settings have 2 problems:\n  - a\n  - b", where="plimsoll.toml", now="correct them")
    text = of_error(error)
    assert text.startswith("### ✘ the settings have 2 problems:\n")
    assert "```text\n  - a\n  - b\n```" in text
    assert "**Where:** plimsoll.toml" in text


@pytest.mark.parametrize(("place", "said"), [(".", "Is a directory"), ("gone/summary.md", "No such file or directory")])
def test_a_summary_that_cannot_be_written_is_a_warning(
    place: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / place))
    stream = io.StringIO()
    append("text", Log(stream))
    assert stream.getvalue() == f"::warning::the step's summary cannot be written: {said}\n"


def test_summaries_of_several_tasks_follow_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    for text in ("one", "", "two"):
        append(text, Log(io.StringIO()))
    assert (tmp_path / "summary.md").read_text() == "one\n\ntwo\n\n"


def outside_of_code(text: str) -> list[str]:
    """Return the lines that Markdown reads as more than code."""
    lines, fence = [], ""
    for line in text.splitlines():
        ticks = re.match(r"`{3,}", line)
        if fence:
            fence = "" if line == fence else fence
        elif ticks:
            fence = ticks[0]
        else:
            lines.append(line)
    assert not fence, "a block of code does not end"
    return lines


def test_no_text_of_a_failure_changes_the_page() -> None:
    tame, hostile = of_error(crashed("exited\nwith code 1")), of_error(crashed(HOSTILE, HOSTILE.replace("\n", " "), tag=HOSTILE))
    shape = [re.sub(r"&#\d+;|[^|#*<>`-]", "", line) for line in outside_of_code(hostile)]
    assert shape == [re.sub(r"&#\d+;|[^|#*<>`-]", "", line) for line in outside_of_code(tame)]
    assert html.unescape(hostile).count("[e](http://x)") >= 4


def test_code_shows_a_fence_in_a_log_as_text() -> None:
    assert code(("````", "x")) == "`````text\n````\nx\n`````"


@pytest.mark.parametrize("char", list("\\`*_~[]<>&|#!$@^"))
def test_a_character_with_a_meaning_is_shown_and_means_nothing(char: str) -> None:
    assert char not in words(f"a{char}b").replace(f"&#{ord(char)};", "")
    assert html.unescape(words(f"a{char}b")) == f"a{char}b"
