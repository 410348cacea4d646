"""`inv release.*`: recorded releases as evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from plimsoll import wiring

if TYPE_CHECKING:
    from invoke.context import Context

JSON = {"json": "print one JSON object to stdout and nothing else"}


@task(positional=["release"], help={"release": "a recorded release of any environment, such as staging-12", **JSON})
def show(_c: Context, release: str, json: bool = False) -> None:
    """Show everything that is recorded of a release: source, images, verdicts, smoke test, timings, who and when."""
    from plimsoll.ui.release_records import draw_release
    from plimsoll.wiring import release_records

    output = wiring.output(json=json)
    output.result(release_records.show(release, output.reporter), draw_release)


@task(
    positional=["before", "after"],
    help={
        "before": "a recorded release of any environment, such as staging-11",
        "after": "the release to hold against it",
        **JSON,
    },
)
def diff(_c: Context, before: str, after: str, json: bool = False) -> None:
    """Show what differs between two recorded releases, field by field; secret values are never shown."""
    from plimsoll.ui.release_records import draw_diff
    from plimsoll.wiring import release_records

    output = wiring.output(json=json)
    output.result(release_records.diff(before, after, output.reporter), draw_diff)


@task(
    help={
        "env": "the protected environment whose gate is asked (default: production)",
        "version": "a recorded release of any environment (staging-12): its images, and not those of the present source",
        **JSON,
    }
)
def gate(_c: Context, env: str = "production", version: str | None = None, json: bool = False) -> None:
    """Collect the evidence that a protected environment asks of a release: met, not met, or not provided and why."""
    from plimsoll.ui.release_records import draw_gate
    from plimsoll.wiring import gate as gates

    output = wiring.output(json=json)
    output.result(gates.report(env, version, output.reporter), draw_gate, gates.require_passed)


@task(
    positional=["release"],
    help={
        "release": "a recorded release of any environment, such as staging-12",
        "out": "file to write (default: PROJECT-RELEASE.tar.gz in the present folder)",
        **JSON,
    },
)
def export(_c: Context, release: str, out: str | None = None, json: bool = False) -> None:
    """Write a release's record and manifests to a tar.gz; equal records give equal bytes, and it holds no secret."""
    from plimsoll.ui.release_records import draw_export
    from plimsoll.wiring import release_records

    output = wiring.output(json=json)
    output.result(release_records.export(release, out, output.reporter), draw_export)
