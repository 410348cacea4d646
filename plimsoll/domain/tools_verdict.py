"""Wanted against found: the state of each tool, and the one command that repairs it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from plimsoll.domain.tools import Need, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plimsoll.domain.tools import Found, Tool

SETUP = "./inv setup"


@dataclass(frozen=True, kw_only=True)
class Check:
    """One line of the doctor's report. `repair` is a single command, or empty where nothing needs to be done."""

    name: str
    wanted: str
    found: str
    state: State
    repair: str = ""
    needed: bool = True
    source: str = ""
    note: str = ""
    path: str = ""

    @property
    def good(self) -> bool:
        """Whether nothing that is needed is wrong."""
        return self.state is State.OK or not self.needed

    def to_json(self) -> dict[str, Any]:
        """Return the line as the published JSON has it."""
        fields = ("name", "wanted", "found", "state", "repair", "needed", "source", "note")
        return {name: str(value) if isinstance(value := getattr(self, name), StrEnum) else value for name in fields}


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What `inv doctor` found, in the order it is shown."""

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether everything needed is there."""
        return all(check.good for check in self.checks)

    @property
    def wrong(self) -> tuple[Check, ...]:
        """What is needed and wrong."""
        return tuple(check for check in self.checks if not check.good)

    def to_json(self) -> dict[str, Any]:
        """Return the published JSON object."""
        return {"schema": "plimsoll.doctor/1", "ok": self.ok, "tools": [check.to_json() for check in self.checks]}


def judge(tool: Tool, found: Sequence[Found]) -> Check:
    """Return the verdict on one tool.

    A binary that the user named counts, whatever else there is. A known-bad one on PATH is an alarm, not a shortcoming: it is
    refused even where a good one is installed. Others on PATH that do not serve are passed over in favour of the pinned one.
    """
    named = next((each for each in found if each.where in {"settings", "environment"}), None)
    if named is not None:
        return _judge_named(tool, named)
    on_path = next((each for each in found if each.where == "PATH"), None)
    state = tool.verdict(on_path.version) if on_path else State.MISSING
    if on_path and state is State.DENIED:
        return _check(tool, state, on_path, repair=f"rm {on_path.path}", note=tool.reason(on_path.version or ""))
    if on_path and (state is State.OK or tool.system):
        return _check(tool, state, on_path, repair="" if state is State.OK else SETUP, source=f"{on_path.path} (PATH)")
    said = f"{on_path.path} is {on_path.version or 'of unknown version'}, wanted {tool.range}: not used" if on_path else ""
    return _judge_installed(tool, [each for each in found if each.where == "installed"], said)


def _judge_installed(tool: Tool, installed: Sequence[Found], passed_over: str) -> Check:
    best = next((each for each in installed if each.intact), installed[0] if installed else None)
    if best is None:
        return _check(tool, State.MISSING, None, repair=SETUP, note=passed_over)
    if not best.intact:
        return _check(tool, State.WRONG_HASH, best, repair=SETUP, note=f"{best.path} is not what was installed")
    label = best.source.label if best.source else ""
    note = "; ".join(part for part in (best.source.note if best.source else "", passed_over) if part)
    return _check(tool, State.OK, best, source=label, note=note)


def _judge_named(tool: Tool, named: Found) -> Check:
    variable = f"PLIMSOLL_{tool.name.upper()}"
    place = variable if named.where == "environment" else f"plimsoll.local.toml, [tools] {tool.name}"
    repair = f"unset {variable}" if named.where == "environment" else f"edit plimsoll.local.toml ([tools] {tool.name})"
    if not named.intact:
        return _check(tool, State.MISSING, None, repair=repair, source=place, note=f"{named.path} is not a program")
    state = tool.verdict(named.version)
    if state is State.OK:
        return _check(tool, state, named, source=f"{named.path} ({place})")
    note = tool.reason(named.version or "") if state is State.DENIED else f"{named.path} must be {tool.range}"
    return _check(tool, state, named, repair=repair, source=place, note=note)


def _check(tool: Tool, state: State, found: Found | None, *, repair: str = "", source: str = "", note: str = "") -> Check:
    needed = tool.needed is Need.RELEASE
    if state is State.MISSING and not needed:
        state = State.OPTIONAL
        note = note or (f"for `inv lint` and `inv test`: {tool.why}" if tool.needed is Need.TESTS else tool.why)
    if repair == SETUP and not needed:
        repair = f"{SETUP} --tests" if tool.needed is Need.TESTS else ""
    return Check(
        name=tool.name,
        wanted=tool.wanted if found is None or found.where == "installed" else tool.range,
        found=(found.version or "unknown version") if found else "",
        state=state,
        repair=repair,
        needed=needed or state is State.DENIED,
        source=source,
        note=note or ("" if state is State.OK else tool.why),
        path=found.path if found and state is State.OK else "",
    )
