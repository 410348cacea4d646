"""GitHub's log: which commands we give, and that nothing which is printed can give one."""

from __future__ import annotations

import io
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from plimsoll.domain.failure import Cause, Excerpt, Failure
from plimsoll.errors import Failed, Misconfigured
from plimsoll.ui import output
from plimsoll.ui.console import ConsoleReporter
from plimsoll.ui.errors import annotated
from plimsoll.ui.failure import draw
from plimsoll.ui.github import Log, command, log_of, places
from tests.github_runner import commands

FORGERIES = (
    "::add-mask::secret",
    "  \t::set-output name=x::y",
    "fine\r::error::forged",
    "fine\n\u2003::error::forged",
    "##[add-mask]secret",
    "before ##[error file=x]after",
    ":::stop-commands::x",
)
PIECES = st.lists(st.sampled_from(["::", ":", "##[", "#", "[", "]", "error", "add-mask", " ", "\n", "\r", "x=y", "\u2003"]))


def logged(*, terminal: bool = False) -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    return Console(file=Log(stream), force_terminal=terminal, width=140, soft_wrap=True, color_system=None), stream


@pytest.mark.parametrize("text", FORGERIES)
def test_a_forged_command_is_one_where_nobody_takes_care(text: str) -> None:
    assert commands(text) or text.startswith(":::")


@pytest.mark.parametrize("text", FORGERIES)
def test_what_is_printed_is_no_command_and_can_still_be_read(text: str) -> None:
    console, stream = logged()
    console.print(Text(text))
    assert commands(stream.getvalue()) == []
    for word in ("secret", "forged", "after"):
        assert (word in text) == (word in stream.getvalue())


@given(PIECES)
def test_no_text_makes_a_command(pieces: list[str]) -> None:
    console, stream = logged()
    console.print(Text("".join(pieces)))
    ConsoleReporter(console).info("".join(pieces))
    assert commands(stream.getvalue()) == []


@given(st.text(), st.text())
def test_what_a_command_says_arrives_as_it_was_and_alone(message: str, title: str) -> None:
    found = commands(command("error", message, title=title))
    assert [each.name for each in found] == ["error"]
    assert found[0].message == message
    assert found[0].properties == ({"title": title} if title else {})


def test_ordinary_text_is_left_as_it_is() -> None:
    console, stream = logged()
    console.print(Text("namespace::thing at [::1]:8080 # 1"))
    assert stream.getvalue() == "namespace::thing at [::1]:8080 # 1\n"


@pytest.mark.parametrize(("variable", "there"), [("true", True), ("", False)])
def test_the_log_is_githubs_where_github_runs_us(variable: str, there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", variable)
    for stderr in (True, False):
        assert (log_of(output.console(stderr=stderr)) is not None) is there


def test_a_warning_of_several_lines_is_one_annotation() -> None:
    console, stream = logged()
    ConsoleReporter(console).warn("100% full\n::error::forged")
    assert [(each.name, each.message) for each in commands(stream.getvalue())] == [("warning", "100% full\n::error::forged")]


def test_a_step_is_a_group_and_its_outcome_stands_below_it() -> None:
    console, stream = logged()
    reporter = ConsoleReporter(console)
    with reporter.step("rolling out"), reporter.step("inner"):
        reporter.info("Deployment/web: ready")
    assert [each.name for each in commands(stream.getvalue())] == ["group", "endgroup"]
    lines = stream.getvalue().splitlines()
    assert lines[0] == "::group::rolling out"
    assert lines[1].strip() == "Deployment/web: ready"
    assert lines[2] == "::endgroup::"
    assert lines[3].startswith("✔ rolling out")


def test_a_step_that_says_nothing_is_one_line_and_no_group() -> None:
    console, stream = logged()
    with ConsoleReporter(console).step("planning"):
        pass
    (line,) = stream.getvalue().splitlines()
    assert line.startswith("✔ planning")


def test_a_step_whose_program_writes_itself_is_a_group_from_its_beginning() -> None:
    console, stream = logged()
    with ConsoleReporter(console).step("suite unit", foreground=True):
        assert stream.getvalue() == "::group::suite unit\n"


def test_steps_side_by_side_never_open_a_group_inside_another() -> None:
    console, stream = logged()
    reporter = ConsoleReporter(console)

    def work(title: str) -> None:
        with reporter.step(title):
            reporter.info(f"in {title}")

    with reporter.step("both"):
        threads = [threading.Thread(target=work, args=(title,)) for title in ("one", "two")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [each.name for each in commands(stream.getvalue())] == ["group", "endgroup"]


def test_a_step_that_fails_closes_its_group() -> None:
    console, stream = logged()
    reporter = ConsoleReporter(console)

    def build() -> None:
        with reporter.step("building"):
            reporter.info("compiling")
            raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        build()
    assert [each.name for each in commands(stream.getvalue())] == ["group", "endgroup"]


CAUSE = Cause(
    workload="Deployment/web",
    object="Pod/web-1",
    reason="CrashLoopBackOff",
    message="exited with code 1",
    rule="crash-loop",
    container="web",
    exit_code=1,
)


def test_the_anatomy_of_a_failure_is_a_group_that_its_logs_cannot_leave() -> None:
    said = ("##[endgroup]", "::endgroup::", "::add-mask::x")
    excerpt = Excerpt(pods=("web-1",), container="web", previous=False, lines=said)
    console, stream = logged()
    draw(Failure(cause=CAUSE, environment="staging", excerpts=(excerpt,), commands=("kubectl get pods",)), console)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "::group::Deployment/web in staging: events, last lines, commands"
    assert lines[-1] == "::endgroup::"
    assert [each.name for each in commands(stream.getvalue())] == ["group", "endgroup"]


def test_a_failure_is_annotated_with_cause_last_words_and_what_now() -> None:
    excerpt = Excerpt(pods=("web-1",), container="web", previous=False, lines=("first", "100% broken"))
    report = Failure(cause=CAUSE, environment="staging", excerpts=(excerpt,))
    ((message, properties),) = annotated(Failed("it failed", now="correct it", report=report))
    assert message == "Pod/web-1, container web: CrashLoopBackOff: exited with code 1\n100% broken\ncorrect it"
    assert properties == {"title": "Deployment/web in staging"}


@pytest.fixture
def tree(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    # Where a step runs and what was checked out are facts of the process.
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "web.Dockerfile").write_text("FROM x\n")
    (tmp_path / "plimsoll.toml").write_text("")
    monkeypatch.chdir(tmp_path / "docker")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))


@pytest.mark.usefixtures("tree")
def test_an_error_is_annotated_at_the_file_and_line_that_it_names() -> None:
    ((message, properties),) = annotated(Failed("the build failed", where="web.Dockerfile:12", now="correct it", code="build"))
    assert message == "the build failed\ncorrect it"
    assert properties == {"title": "build", "file": "docker/web.Dockerfile", "line": "12"}


@pytest.mark.usefixtures("tree")
def test_an_error_of_two_files_is_annotated_at_each_with_its_own_line() -> None:
    error = Failed("web is broken\nthe settings too", where="web.Dockerfile:3; plimsoll.toml, [web]", code="build")
    assert [(message, properties["file"]) for message, properties in annotated(error)] == [
        ("web is broken", "docker/web.Dockerfile"),
        ("the settings too", "plimsoll.toml"),
    ]


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize("where", ["", "environment staging", "/etc/passwd", "no-such.toml:3", "http://127.0.0.1:8080", ":", "."])
def test_what_is_no_file_of_the_work_tree_is_no_place(where: str) -> None:
    assert places(where) == []
    assert [properties for _message, properties in annotated(Misconfigured("wrong", where=where))] == [{"title": "misconfigured"}]
