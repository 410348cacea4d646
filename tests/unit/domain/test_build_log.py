"""What is made of BuildKit's output when a build fails: recorded outputs in tests/cases/build-logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from plimsoll.domain.build_log import TAIL, explain

if TYPE_CHECKING:
    from pathlib import Path


def log(root: Path, name: str) -> str:
    return (root / "tests" / "cases" / "build-logs" / f"{name}.txt").read_text()


def test_a_failing_step_is_told_by_its_last_lines_and_its_place(root: Path) -> None:
    found = explain(log(root, "step"))
    assert found.cause == "step"
    assert found.step.startswith("[1/2] RUN echo working")
    assert found.lines == ("working", "cannot find the thing")
    assert found.place == "fail.Dockerfile:2"


def test_a_missing_file_is_told_although_no_step_printed_anything(root: Path) -> None:
    found = explain(log(root, "copy"))
    assert (found.cause, found.lines, found.place) == ("step", (), "c.Dockerfile:2")
    assert '"/missing": not found' in found.summary


def test_a_dockerfile_that_does_not_parse_is_told_with_its_line(root: Path) -> None:
    found = explain(log(root, "syntax"))
    assert (found.cause, found.step, found.place) == ("step", "", "s.Dockerfile:2")
    assert "unknown instruction: RUNN (did you mean RUN?)" in found.summary


def test_words_of_a_step_about_connections_do_not_mean_that_the_engine_went_away(root: Path) -> None:
    assert explain(log(root, "words")).cause == "step"


@pytest.mark.parametrize(
    ("name", "cause"), [("full", "disk-full"), ("noengine", "engine-gone"), ("killed", "engine-gone"), ("tmpfs", "disk-full")]
)
def test_a_machine_that_lacks_something_is_recognised(root: Path, name: str, cause: str) -> None:
    assert explain(log(root, name)).cause == cause


@pytest.mark.parametrize(
    ("output", "cause"),
    [
        ("docker: 'buildx' is not a docker command.\nSee 'docker --help'", "no-buildx"),
        ("ERROR: OCI exporter is not supported for the docker driver without the containerd image store.", "no-oci"),
        ("ERROR: failed to receive status: rpc error: code = Unavailable desc = error reading from server: EOF", "engine-gone"),
        ("ERROR: failed to copy: write /x/ingest/data: no space left on device", "disk-full"),
        ("", "step"),
    ],
)
def test_other_causes_are_recognised_by_their_words(output: str, cause: str) -> None:
    assert explain(output).cause == cause


def test_a_talkative_step_is_cut_to_its_last_lines() -> None:
    lines = [f"#7 {number}.0 line {number}" for number in range(100)]
    output = "\n".join(["#7 [2/2] RUN make", *lines, "#7 ERROR: process failed", "ERROR: failed to solve: process failed"])
    found = explain(output)
    assert found.lines == tuple(f"line {number}" for number in range(100 - TAIL, 100))
    assert found.step == "[2/2] RUN make"
