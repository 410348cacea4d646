"""Bring one pinned tool: the user's own, the one that is installed, or the first source that has it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from plimsoll.domain.tools import State
from plimsoll.domain.tools_verdict import judge
from plimsoll.errors import EnvironmentLacks

if TYPE_CHECKING:
    from plimsoll.domain.tools import Tool
    from plimsoll.domain.tools_verdict import Check
    from plimsoll.ports import Reporter, Toolbox

REFUSED = frozenset({State.DENIED, State.TOO_OLD, State.TOO_NEW})


def ensure(tool: Tool, *, toolbox: Toolbox, platform: str, reporter: Reporter) -> Path:
    """Return the path of a tool that serves, installing the pinned one where there is none.

    Raise EnvironmentLacks where the user's own is refused, or where no source brings what is pinned, naming the setting.
    """
    check = judge(tool, toolbox.found(tool))
    if check.state is State.OK:
        return Path(check.path)
    named = check.source and not tool.system
    if check.state in REFUSED or named:
        raise refusal(check)
    with reporter.step(f"installing {tool.name} {tool.wanted}"):
        return install(tool, toolbox=toolbox, platform=platform, reporter=reporter)


def refusal(check: Check) -> EnvironmentLacks:
    """Return the error for a binary that must not be used."""
    what = f"{check.name} {check.found} is refused ({check.state})" if check.found else f"{check.name} is {check.state}"
    return EnvironmentLacks(
        f"{what}: {check.note}" if check.note else what,
        where=check.source or check.name,
        now=f"run `{check.repair}`" if check.repair else "run `./inv doctor`",
        code=f"tool-{check.state.replace(' ', '-')}",
    )


def install(tool: Tool, *, toolbox: Toolbox, platform: str, reporter: Reporter) -> Path:
    """Install a tool from the first source that has it for this platform, and return its path; raise as `ensure` does."""
    tried, gone = [], False
    for index, source in enumerate(tool.sources):
        if source.kind in {"build", "debian"}:
            continue
        if not source.serves(platform):
            tried.append(f"[tools.{tool.name}] sources[{index}], {source.label}: nothing for {platform}")
            continue
        try:
            found = toolbox.install(tool, source, reporter=reporter)
        except EnvironmentLacks as error:
            gone = gone or bool(getattr(error, "gone", False))
            tried.append(f"[tools.{tool.name}] sources[{index}], {source.label}: {error.what}")
            reporter.detail(tried[-1])
            continue
        if source.note:
            reporter.info(f"{tool.name}: {source.note}")
        return Path(found.path)
    raise EnvironmentLacks(
        f"{tool.name} {tool.wanted} cannot be had:" + "".join(f"\n  - {each}" for each in tried),
        where=f"infrastructure/versions.toml, [[tools.{tool.name}.sources]]",
        now=f"correct version and hash there, or name a binary of your own ({tool.range}) in plimsoll.local.toml: "
        f'[tools] {tool.name} = "/path"',
        code="pin-vanished" if gone else "tool-missing",
    )
