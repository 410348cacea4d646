"""Setup from end to end over fakes: decide, say, ask, do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from plimsoll.domain.tools_setup import Kind
from plimsoll.errors import EnvironmentLacks, Interrupted
from plimsoll.workflows.setup import Workbench, carry_out, prepare, require_engine
from tests.fake_machine import (
    ABSENT,
    ASLEEP,
    BOOKWORM,
    BUILDX,
    DATABASE,
    DOCKER,
    RUNNING,
    SCANNER,
    FakeEngine,
    FakeHost,
    FakePackages,
    FakeToolbox,
    installed,
    on_path,
)
from tests.fakes import FakeReporter

if TYPE_CHECKING:
    from plimsoll.domain.tools_setup import SetupPlan, SetupResult

TOOLS = (DOCKER, BUILDX, SCANNER)
DEBIANS_OWN = replace(DATABASE, name="bootstrapper", debian_only=True)
TERMINAL = replace(BOOKWORM, terminal=True)
LONELY = replace(BOOKWORM, root=False, user="ada")


def bench(
    engine: FakeEngine | None = None, host: FakeHost | None = None, toolbox: FakeToolbox | None = None
) -> tuple[Workbench, FakeEngine, FakePackages, FakeReporter]:
    engine, packages, reporter = engine or FakeEngine(ABSENT), FakePackages(), FakeReporter()
    made = Workbench(
        toolbox=toolbox or FakeToolbox(),
        engine=engine,
        host=host or FakeHost(),
        packages=packages,
        reporter=reporter,
        next_release={"bookworm": "trixie"},
    )
    return made, engine, packages, reporter


def never(_plan: SetupPlan) -> bool:
    pytest.fail("nobody is to be asked")


def run(made: Workbench, *, yes: bool = False, ask: object = never) -> SetupResult:
    return carry_out(prepare(TOOLS, made), TOOLS, made, yes=yes, ask=ask)  # type: ignore[arg-type]  # a test's own function


def test_a_bare_machine_is_made_ready() -> None:
    made, engine, packages, reporter = bench()
    result = run(made)
    assert packages.installed == ["docker.io/trixie", "docker-cli/trixie", "iptables", "docker-buildx/trixie"]
    assert engine.started == [False]
    assert [step.kind for step in result.plan.steps] == [Kind.PACKAGES, Kind.START_ENGINE, Kind.TOOL]
    assert set(result.seconds) == {step.title for step in result.plan.steps}
    assert "no terminal to ask at, and root may: going ahead" in reporter.lines("info")
    assert any(line.strip() == "docker.io 26.1.5 from trixie" for line in reporter.lines("info"))


def test_the_second_run_has_nothing_to_do_and_asks_no_mirror() -> None:
    made, _, packages, reporter = bench()
    run(made)
    packages.asked.clear()
    reporter.said.clear()
    assert run(made).plan.steps == ()
    assert packages.asked == []
    assert reporter.said == []


def test_preparing_changes_nothing() -> None:
    made, engine, packages, _ = bench()
    assert prepare(TOOLS, made).root
    assert (engine.started, packages.installed) == ([], [])


def test_a_user_at_a_terminal_is_shown_the_plan_and_asked() -> None:
    made, engine, _, _ = bench(host=FakeHost(TERMINAL))
    shown: list[SetupPlan] = []
    run(made, ask=lambda plan: shown.append(plan) or True)
    assert [step.kind for step in shown[0].steps] == [Kind.PACKAGES, Kind.START_ENGINE, Kind.TOOL]
    assert engine.started


def test_a_no_changes_nothing() -> None:
    made, engine, packages, _ = bench(host=FakeHost(TERMINAL))
    with pytest.raises(Interrupted, match="nothing was changed"):
        run(made, ask=lambda _plan: False)
    assert (engine.started, packages.installed) == ([], [])


def test_without_a_terminal_a_user_is_told_about_yes() -> None:
    made, engine, packages, _ = bench(host=FakeHost(LONELY))
    with pytest.raises(EnvironmentLacks) as raised:
        run(made)
    assert (raised.value.exit_code, raised.value.now) == (4, "run `./inv setup --yes`")
    assert (engine.started, packages.installed) == ([], [])


@pytest.mark.parametrize("automatic", [True, False])
def test_yes_and_ci_go_ahead(automatic: bool) -> None:
    made, engine, _, _ = bench(host=FakeHost(replace(LONELY, automatic=automatic)))
    run(made, yes=not automatic)
    assert engine.started


def test_a_user_who_cannot_become_root_learns_it_before_anything_is_done() -> None:
    made, _, packages, _ = bench(host=FakeHost(LONELY, administrator=False))
    with pytest.raises(EnvironmentLacks) as raised:
        run(made, yes=True)
    assert (raised.value.code, packages.installed) == ("not-root", [])


def test_tools_alone_need_no_administrator() -> None:
    made, _, _, _ = bench(FakeEngine(), FakeHost(LONELY, administrator=False))
    assert [step.kind for step in run(made, yes=True).plan.steps] == [Kind.TOOL]


def test_kernel_limits_and_the_users_group_are_changes_of_the_machine() -> None:
    host = FakeHost(replace(LONELY, limits={"fs.inotify.max_user_instances": 128, "fs.inotify.max_user_watches": 1}))
    made, _, _, _ = bench(FakeEngine(replace(ASLEEP, refused=True)), host)
    run(made, yes=True)
    assert host.changed == [Kind.KERNEL_LIMIT, Kind.KERNEL_LIMIT, Kind.ENGINE_GROUP]


def test_systemd_is_asked_to_start_the_engine() -> None:
    made, engine, _, _ = bench(FakeEngine(ASLEEP), FakeHost(replace(BOOKWORM, systemd=True)))
    run(made)
    assert engine.started == [True]


def test_elsewhere_one_line_names_what_to_install() -> None:
    made, _, _, _ = bench(host=FakeHost(replace(BOOKWORM, distribution="fedora", release="")))
    with pytest.raises(EnvironmentLacks) as raised:
        prepare((*TOOLS, DATABASE), made)
    assert raised.value.where == "fedora"
    assert "docker >= 26.1" in raised.value.what
    assert "\n" not in raised.value.what


def test_elsewhere_pinned_tools_are_installed_all_the_same() -> None:
    made, _, _, _ = bench(FakeEngine(), FakeHost(replace(BOOKWORM, distribution="darwin", release="")))
    assert [step.kind for step in prepare((*TOOLS, DEBIANS_OWN), made).steps] == [Kind.TOOL]


def test_a_known_bad_tool_stops_setup_before_it_decides_anything() -> None:
    made, _, packages, _ = bench(toolbox=FakeToolbox(("scanner", on_path("1.9.4"))))
    with pytest.raises(EnvironmentLacks, match="refused"):
        prepare(TOOLS, made)
    assert packages.asked == []


def test_a_tool_that_cannot_be_had_fails_the_setup_by_name() -> None:
    made, _, _, reporter = bench(FakeEngine(), toolbox=FakeToolbox(failing={"download": "down", "python": "down"}))
    with pytest.raises(EnvironmentLacks, match=r"scanner 2\.0 cannot be had"):
        run(made)
    assert reporter.lines("failed")


def test_an_engine_without_the_containerd_image_store_is_not_called_ready() -> None:
    made, _, _, _ = bench(FakeEngine(replace(RUNNING, containerd_store=False)), toolbox=FakeToolbox(("scanner", installed())))
    assert run(made).plan.steps == ()
    with pytest.raises(EnvironmentLacks, match="image-store") as raised:
        require_engine(TOOLS, made)
    assert "containerd-snapshotter" in raised.value.now


def test_an_engine_that_is_as_it_should_be_is_ready() -> None:
    made, _, _, _ = bench(FakeEngine())
    require_engine(TOOLS, made)
    assert [step.kind for step in run(made).plan.steps] == [Kind.TOOL]
