"""A failed rollout as people see it: on one screen."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.text import Text

from plimsoll.domain.failure import Cause, Event, Excerpt, Failure
from plimsoll.ui.failure import draw, failure_in
from plimsoll.ui.wrap import fitted

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


def drawn(told: Failure, *, terminal: bool, width: int = 100) -> list[str]:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=width, color_system=None)
    draw(told, console)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 100, 130])
@pytest.mark.parametrize("excerpts", [0, 1, 2, 3])
def test_a_report_fits_a_screen_of_forty_lines_with_its_headline(excerpts: int, width: int) -> None:
    lines = drawn(failure(excerpts=excerpts), terminal=True, width=width)
    # Headline, where and now take up to eight more.
    assert len(lines) + 8 <= 40
    assert all(len(line) <= width for line in lines)


def test_the_end_of_the_last_line_is_seen_on_a_narrow_terminal() -> None:
    words = "ValueError: " + "the setting is missing, and " * 3 + "this is why"
    excerpt = Excerpt(pods=("web-1",), container="web", previous=False, lines=("first", words))
    lines = drawn(Failure(cause=CAUSE, environment="staging", excerpts=(excerpt,)), terminal=True, width=60)
    assert lines[1:3] == ["    | first", "    | ValueError: the setting is missing, and the setting is"]
    assert lines[-1] == "    | missing, and the setting is missing, and this is why"


def test_a_command_is_never_cut_or_wrapped_so_that_it_can_be_copied() -> None:
    command = "kubectl --kubeconfig /home/ada/.local/state/plimsoll/hello/kubeconfig --context kind-hello describe pod web-1"
    assert drawn(Failure(cause=CAUSE, environment="staging", commands=(command,)), terminal=True, width=60)[1] == f"    {command}"


def test_causes_of_many_workloads_are_counted_on_a_screen_and_whole_elsewhere() -> None:
    told = Failure(cause=CAUSE, environment="staging", others=(CAUSE,) * 9)
    assert drawn(told, terminal=True)[-1] == "  also:  5 more workloads"
    assert len(drawn(told, terminal=False)) == 9


def test_the_last_lines_of_a_log_are_the_ones_that_are_shown() -> None:
    text = "\n".join(drawn(failure(excerpts=1), terminal=True))
    assert "    | line 11\n" in text
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


@pytest.mark.parametrize(
    ("rows", "shown"),
    [
        (0, ["now: one two", "     three", "     four"]),
        (3, ["now: one two", "     three", "     four"]),
        (2, ["now: one two", "     three fo…"]),
        (1, ["now: one two …"]),
    ],
)
def test_text_is_wrapped_below_its_beginning_and_cut_after_its_rows(rows: int, shown: list[str]) -> None:
    terminal = Console(file=io.StringIO(), force_terminal=True, width=14)
    narrow = fitted(terminal, Text("now: "), Text("one two three four"), rows=rows)
    assert [line.plain for line in narrow] == shown


def test_text_without_words_is_folded() -> None:
    terminal = Console(file=io.StringIO(), force_terminal=True, width=40)
    assert [line.plain for line in fitted(terminal, Text("> "), Text("x" * 60), mark="|")] == ["> " + "x" * 38, "| " + "x" * 22]
