"""The doctor's line about rights in an environment's cluster."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from plimsoll.domain.tools import State
from plimsoll.domain.tools_verdict import Check

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plimsoll.domain.rbac import Right
    from plimsoll.errors import PlimsollError


def rights_check(environment: str, wanted: int, missing: Sequence[Right], *, needed: bool) -> Check:
    """Return the line: all rights are there, or what is missing by name."""
    have = f"{wanted - len(missing)} of {wanted}"
    if not missing:
        return Check(name=f"rights in {environment}", wanted=str(wanted), found=have, state=State.OK, needed=needed)
    return Check(
        name=f"rights in {environment}",
        wanted=str(wanted),
        found=have,
        state=State.DENIED,
        repair=f"./inv kube.rbac --env {environment}",
        needed=needed,
        note=f"missing: {'; '.join(in_words(missing))}. An administrator applies what this prints:",
    )


def rights_unknown(environment: str, why: PlimsollError, *, needed: bool) -> Check:
    """Return the line of an environment whose cluster could not be asked."""
    note = f"{why.what.splitlines()[0]}; {why.now}" if why.now else why.what
    return Check(
        name=f"rights in {environment}",
        wanted="known",
        found="",
        state=State.NOT_RUNNING,
        needed=needed,
        note=note,
        source=why.where,
    )


def in_words(rights: Sequence[Right]) -> list[str]:
    """Return the rights as a person reads them: one entry for the verbs on one resource."""
    verbs: dict[Right, list[str]] = defaultdict(list)
    for right in sorted(rights):
        verbs[replace(right, verb="*")].append(right.verb)
    return [str(replace(right, verb=", ".join(found))) for right, found in verbs.items()]
