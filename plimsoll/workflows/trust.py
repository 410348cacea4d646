"""Trusting a cluster: which one answers now under an environment's context is written into the settings, for git to review."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from plimsoll.domain.trust import Trust, trusting

if TYPE_CHECKING:
    from collections.abc import Callable

    from plimsoll.ports import Identified, Reporter


def trust(
    environment: str,
    context: str,
    *,
    cluster: Identified,
    read: Callable[[], str],
    write: Callable[[str, str], None],
    approve: Callable[[Trust], None],
    reporter: Reporter,
    dry_run: bool = False,
) -> Trust:
    """Return what the environment means from now on: the cluster that answers, named by its API server and kube-system UID.

    `approve` sees the line before and after, and raises when it is refused; nothing is asked where nothing changes. `write` takes
    the text that was read and the one to keep, and raises when somebody else changed the file meanwhile.
    """
    with reporter.step(f"asking the cluster of context {context!r} who it is"):
        found = cluster.identity()
    text = read()
    edit = trusting(text, environment, server=found.server, uid=found.uid)
    seen = Trust(environment=environment, context=context, server=found.server, uid=found.uid, edit=edit)
    if dry_run or not seen.changed:
        return seen
    approve(seen)
    write(text, edit.text)
    return replace(seen, written=True)
