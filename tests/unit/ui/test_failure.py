"""A failed rollout as people see it: on one screen."""

from __future__ import annotations

import io

from rich.console import Console

from plimsoll.domain.failure import Cause, Event, Excerpt, Failure
from plimsoll.ui.failure import draw, failure_in

CAUSE = Cause(
    workload="Deployment/backend",
    object="Pod/backend-7d4f-x2x",
    reason="CrashLoopBackOff",
    message="exited with code 1, 2 times",
    rule="crash-loop",
    container="backend",
    exit_code=1,
)


def failure(*, excerpts: int = 3, lines: int = 12) -> Failure:
    said = tuple(f"line {number} " + "x" * 150 for number in range(lines))
    return Failure(
        cause=CAUSE,
        environment="staging",
        others=(CAUSE, CAUSE),
        events=tuple(
            Event(
                object="Pod/backend-7d4f-x2x",
                reason="Unhealthy",
                message="probe failed " * 20,
                count=n,
                last_seen="2030-01-02T03:04:05Z",
            )
            for n in range(1, 6)
        ),
        excerpts=tuple(
            Excerpt(pods=("backend-1", "backend-2"), container=f"c{n}", previous=n == 0, lines=said) for n in range(excerpts)
        ),
        commands=("kubectl describe", "kubectl logs", "kubectl get events"),
    )


def drawn(told: Failure, *, terminal: bool) -> list[str]:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=100, color_system=None)
    draw(told, console)
    return console.file.getvalue().splitlines()


def test_a_report_fits_a_screen_of_forty_lines_with_its_headline() -> None:
    for excerpts in (0, 1, 2, 3):
        lines = drawn(failure(excerpts=excerpts), terminal=True)
        # Headline (wrapped once), where and now take four more.
        assert len(lines) + 4 <= 40
        assert all(len(line) <= 100 for line in lines)


def test_the_last_lines_of_a_log_are_the_ones_that_are_shown() -> None:
    text = "\n".join(drawn(failure(excerpts=1), terminal=True))
    assert "line 11 " in text
    assert "last lines of container c0 in backend-1, backend-2, before its last restart" in text


def test_plain_output_keeps_long_lines_whole_and_has_no_colours() -> None:
    text = "\n".join(drawn(failure(), terminal=False))
    assert "line 11 " + "x" * 150 in text
    assert "\x1b" not in text


def test_a_bare_failure_prints_nothing_but_its_commands() -> None:
    told = Failure(cause=CAUSE, environment="staging", commands=("kubectl describe",))
    assert drawn(told, terminal=True) == ["  look further", "    kubectl describe"]
    assert drawn(Failure(cause=CAUSE, environment="staging"), terminal=True) == []


def test_an_event_of_many_replicas_says_of_how_many() -> None:
    said = Event(
        object="Pod/web-3", reason="Unhealthy", message="probe failed", count=12, last_seen="2030-01-02T03:04:05Z", objects=4
    )
    told = Failure(cause=CAUSE, environment="staging", events=(said,))
    assert drawn(told, terminal=True)[1] == "    03:04:05 Pod/web-3 Unhealthy: probe failed (12 times, 4 objects)"


def test_pods_that_nobody_listened_to_are_counted() -> None:
    excerpt = Excerpt(pods=("a", "b", "c"), container="web", previous=False, lines=("boom",))
    told = Failure(cause=CAUSE, environment="staging", excerpts=(excerpt,), failed_pods=10)
    assert drawn(told, terminal=True)[-1] == "  10 pods are not ready in all"


def test_a_failure_is_found_in_reports_that_carry_one() -> None:
    class Report:
        failure = failure()

    assert failure_in(Report()) is Report.failure
    assert failure_in(Report.failure) is Report.failure
    assert failure_in(None) is None
    assert failure_in("text") is None
