"""Composition of holds: who holds an environment, and for how long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll import wiring
from plimsoll.wiring import releases

if TYPE_CHECKING:
    from plimsoll.domain.hold import LockReport
    from plimsoll.ports import Reporter
    from plimsoll.workflows.site import Site


def status(name: str, reporter: Reporter) -> LockReport:
    """Return who works in the environment called `name` or holds it."""
    return _guarded(name, reporter).holds.report("status")


def acquire(name: str, reason: str, duration: str, reporter: Reporter) -> LockReport:
    """Hold the environment called `name` in the name of who is at work here."""
    site = _guarded(name, reporter)
    return site.holds.acquire(site.actor.name, reason, duration)


def release(name: str, reporter: Reporter) -> LockReport:
    """End the hold of who is at work here."""
    site = _guarded(name, reporter)
    return site.holds.release(site.actor.name)


def end(name: str, reason: str, reporter: Reporter) -> LockReport:
    """End the hold of whoever has it."""
    site = _guarded(name, reporter)
    return site.holds.end(site.actor.name, reason)


def _guarded(name: str, reporter: Reporter) -> Site:
    site = releases.site(wiring.environment(name), reporter)
    site.guard()
    return site
