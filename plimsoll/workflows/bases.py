"""Base images: look up their recorded state, make what is missing, and refresh the record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.domain.bases import LOCK, UPDATE, BasesLock, BasesReport, BaseState, Recorded, key, loads, moves, recorded_state

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from plimsoll.domain.bases import BaseImage
    from plimsoll.domain.project import Base
    from plimsoll.ports import BaseStore, Clock, PackageMirror, Reporter, WorkTree


def read_lock(tree: WorkTree) -> BasesLock | None:
    """Return the committed record, None when there is none yet. Raise Misconfigured when it is damaged."""
    text = tree.text(LOCK)
    return loads(text) if text is not None else None


def states(bases: Iterable[Base], *, tree: WorkTree, store: BaseStore) -> dict[str, BaseState]:
    """Return the recorded state of each base on this machine. Raise Misconfigured for a base that is not recorded."""
    lock, taken = read_lock(tree), store.taken()
    return {base.name: recorded_state(base, lock, taken) for base in bases}


def ensure(
    wanted: Iterable[BaseState], *, store: BaseStore, mirror: PackageMirror, reporter: Reporter
) -> tuple[dict[str, BaseState], dict[str, BaseImage]]:
    """Return the bases, made where they were missing, and their states.

    A state differs from the wanted one where the mirror no longer had a recorded version: the newest is taken, said, and
    remembered as this machine's own. Raise EnvironmentLacks when the mirror does not answer.
    """
    found_states: dict[str, BaseState] = {}
    images: dict[str, BaseImage] = {}
    for state in wanted:
        image, now = store.find(state), state
        if image is None:
            with reporter.step(f"base image {state.base.name} (Debian {state.base.suite})"):
                now = _available(state, store=store, mirror=mirror, reporter=reporter)
                image = store.find(now) or store.make(now, reporter=reporter)
        found_states[state.base.name], images[state.base.name] = now, image
    return found_states, images


def _available(state: BaseState, *, store: BaseStore, mirror: PackageMirror, reporter: Reporter) -> BaseState:
    base, wished = state.base, state.recorded
    there = mirror.resolve(base, wished, reporter=reporter)
    moved = moves(wished, there)
    if not moved:
        return state
    shown = ", ".join(map(str, moved))
    reporter.warn(
        f"base {base.name}: the mirror no longer has what is recorded; this machine takes the newest of {base.suite}: {shown}."
        f" To record that for everybody: {UPDATE}"
    )
    committed = _committed(state)
    store.take(base.name, key(base, committed), there)
    return BaseState(base=base, recorded=there, moved=moves(committed, there))


def _committed(state: BaseState) -> Recorded:
    """Return the state that `bases.lock` holds: the present one with every move undone."""
    packages = dict(state.recorded.packages)
    for move in state.moved:
        packages.pop(move.package, None)
        if move.was is not None:
            packages[move.package] = move.was
    return Recorded(packages=packages)


def report(bases: Mapping[str, Base], *, tree: WorkTree, store: BaseStore, clock: Clock) -> BasesReport:
    """Return what is recorded, how old that is, and what this machine has in its place."""
    lock = read_lock(tree)
    shown = tuple(states(bases.values(), tree=tree, store=store).values())
    today = clock.now().date()
    return BasesReport(recorded=lock.recorded if lock else None, age=lock.age(today) if lock else None, states=shown)


def update(bases: Mapping[str, Base], *, tree: WorkTree, mirror: PackageMirror, clock: Clock, reporter: Reporter) -> BasesReport:
    """Record the newest version of every package of every base, and return what moved. Nothing is made yet."""
    before = read_lock(tree)
    today = clock.now().date()
    bootstrapped = [base for base in bases.values() if not base.pull]
    recorded: dict[str, Recorded] = {}
    for base in bootstrapped:
        with reporter.step(f"packages of base {base.name}"):
            recorded[base.name] = mirror.resolve(base, None, reporter=reporter)
    lock = BasesLock(recorded=today, bases=recorded)
    tree.write(LOCK, lock.dumps())
    old = before.bases if before else {}
    moved = {base.name: moves(old.get(base.name, Recorded()), recorded[base.name]) for base in bootstrapped}
    shown = tuple(BaseState(base=base, recorded=recorded.get(base.name, Recorded())) for base in bases.values())
    return BasesReport(recorded=today, age=0, states=shown, updated=moved)
