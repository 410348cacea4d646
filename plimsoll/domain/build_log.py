"""What BuildKit prints when a build fails: the step, its last words, and the Dockerfile's line."""

from __future__ import annotations

import re
from dataclasses import dataclass

TAIL = 15
# `#12 34.56 words` is what a step printed; `#12 [builder 2/3] RUN ...` names it.
SAID = re.compile(r"#(?P<step>\d+) (?:\d+\.\d+ )?(?P<text>.*)")
NAMED = re.compile(r"#(?P<step>\d+) (?P<name>\[.+\] .+)")
ERRORED = re.compile(r"#(?P<step>\d+) ERROR: (?P<text>.*)")
PLACE = re.compile(r"^(?P<file>\S+):(?P<line>\d+)\n-{10,}$", re.MULTILINE)
SOLVE = re.compile(r"^ERROR: (?:failed to (?:solve|build): )?(?P<text>.+)$", re.MULTILINE)
# How a client notices that the engine went away in the middle, and that it was never there.
GONE = re.compile(
    r"error reading from server|transport is closing|connection reset by peer|broken pipe|code = Unavailable|closing transport"
    r"|failed to receive status|no active session|unexpected EOF|use of closed network connection"
    r"|Cannot connect to the Docker daemon|Is the docker daemon running|error during connect",
    re.IGNORECASE,
)
FULL = re.compile(r"no space left on device|disk quota exceeded|ENOSPC", re.IGNORECASE)
NO_BUILDX = re.compile(r"is not a docker command|unknown command: docker buildx|unknown flag: --build-context")
NO_OCI = re.compile(r"(OCI exporter is not supported|exporter \"?oci\"? .*(not|n't) (supported|found))", re.IGNORECASE)


@dataclass(frozen=True)
class Explanation:
    """Why a build failed: `cause` is `engine-gone`, `disk-full`, `no-buildx`, `no-oci` or `step`.

    `place` is `FILE:LINE` or empty.
    """

    cause: str
    summary: str
    step: str
    lines: tuple[str, ...]
    place: str


def explain(output: str) -> Explanation:
    """Read the plain progress of a failed build."""
    solved = list(SOLVE.finditer(output))
    summary = solved[-1]["text"] if solved else _last(output)
    errored = list(ERRORED.finditer(output))
    step = errored[-1]["step"] if errored else ""
    names = {found["step"]: found["name"] for found in NAMED.finditer(output)}
    said = [found["text"] for found in SAID.finditer(output) if step and found["step"] == step]
    noise = {names.get(step, ""), *(f"ERROR: {each['text']}" for each in errored)}
    lines = tuple(line for line in said if line.strip() and line not in noise)[-TAIL:]
    place = PLACE.search(output)
    return Explanation(
        cause=_cause(output, summary, lines),
        summary=summary,
        step=names.get(step, ""),
        lines=lines,
        place=f"{place['file']}:{place['line']}" if place else "",
    )


def _cause(output: str, summary: str, lines: tuple[str, ...]) -> str:
    if FULL.search(summary) or any(FULL.search(line) for line in lines):
        return "disk-full"
    if NO_BUILDX.search(output):
        return "no-buildx"
    if NO_OCI.search(output):
        return "no-oci"
    # A failing step may print such words itself; the engine is gone only where no step ended with an exit code.
    if GONE.search(summary) and "did not complete successfully" not in summary:
        return "engine-gone"
    return "step"


def _last(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else "the build said nothing"
