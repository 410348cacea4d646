"""Look at everything that Plimsoll stands on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from plimsoll.domain.tools_machine import engine_checks, machine_checks
from plimsoll.domain.tools_setup import ENGINE_TOOLS
from plimsoll.domain.tools_verdict import Diagnosis, judge
from plimsoll.errors import EnvironmentLacks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from plimsoll.domain.tools import Tool
    from plimsoll.domain.tools_verdict import Check
    from plimsoll.ports import Engine, Host, Toolbox


def diagnose(
    tools: Mapping[str, Tool],
    *,
    toolbox: Toolbox,
    engine: Engine,
    host: Host,
    more: Sequence[Callable[[], Check | None]] = (),
) -> Diagnosis:
    """Return one line per thing, in a fixed order. Everything is asked at once: most of the time is programs starting.

    `more` are checks of other subjects (base images, a remote registry); None is no line.
    """
    with ThreadPoolExecutor(max_workers=8) as pool:
        facts = pool.submit(engine.facts)
        machine = pool.submit(host.facts)
        packaged = machine.result().packaged
        programs = [tool for tool in tools.values() if tool.name not in ENGINE_TOOLS and (packaged or not tool.debian_only)]
        judged = [pool.submit(lambda tool: judge(tool, toolbox.found(tool)), tool) for tool in programs]
        others = [pool.submit(check) for check in more]
        engine_lines = engine_checks(tools, facts.result(), machine.result())
        other_lines = [line for each in others if (line := each.result()) is not None]
        tool_lines = [each.result() for each in judged]
    return Diagnosis(checks=(*engine_lines, *tool_lines, *machine_checks(machine.result()), *other_lines))


def require(diagnosis: Diagnosis) -> None:
    """Raise EnvironmentLacks naming what is needed and wrong, with the command that repairs it."""
    wrong = diagnosis.wrong
    if not wrong:
        return
    repairs = list(dict.fromkeys(check.repair for check in wrong if check.repair))
    raise EnvironmentLacks(
        "needed and not right: " + ", ".join(f"{check.name} ({check.state})" for check in wrong),
        where="this machine",
        now="run " + ", then ".join(f"`{each}`" for each in repairs) if repairs else "see above",
        code="doctor",
        report=diagnosis,
    )
