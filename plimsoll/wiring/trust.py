"""Composition of trusting a remote environment's cluster."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from plimsoll import wiring
from plimsoll.errors import Misconfigured

if TYPE_CHECKING:
    from plimsoll.domain.trust import Trust
    from plimsoll.ports import Reporter


def trust(name: str, reporter: Reporter, *, yes: bool, dry_run: bool) -> Trust:
    """Write into plimsoll.toml which cluster the environment called `name` means: the one that answers now."""
    from plimsoll.adapters.settings_file import SettingsFile
    from plimsoll.wiring import cluster as clusters
    from plimsoll.workflows.trust import trust as workflow

    environment = wiring.environment(name)
    if environment.remote is None:
        raise Misconfigured(
            f"{name} is on the local cluster, which Plimsoll made and knows by itself",
            where=f"{wiring.SETTINGS_FILE}, [environments.{name}]",
            now='nothing is to do; a cluster of your own is named by `remote = { context = "NAME" }` first',
            code="not-remote",
        )
    file = SettingsFile(wiring.root() / wiring.SETTINGS_FILE)
    return workflow(
        name,
        environment.remote.context,
        cluster=clusters.connect(environment, reporter).cluster,
        read=file.read,
        write=file.write,
        approve=lambda seen: _approve(seen, yes=yes),
        reporter=reporter,
        dry_run=dry_run,
    )


def _approve(seen: Trust, *, yes: bool) -> None:
    """Show the line before and after, and return when a person (or `--yes`) agrees. Raise Misconfigured otherwise."""
    from plimsoll.ui.confirm import ask
    from plimsoll.ui.output import console
    from plimsoll.ui.trust import draw_change

    draw_change(seen, console(stderr=True))
    if yes:
        return
    where = f"{wiring.SETTINGS_FILE}, line {seen.edit.line}"
    if not sys.stdin.isatty():
        raise Misconfigured(
            f"nobody is here to confirm that {seen.environment} means this cluster",
            where=where,
            now="compare server and UID with what you know of it, then repeat with --yes",
            code="not-confirmed",
        )
    if ask(f"Does {seen.environment} mean this cluster? [y/N] ").lower() not in {"y", "yes"}:
        raise Misconfigured(
            "not confirmed: nothing was changed", where=where, now="repeat when you are sure", code="not-confirmed"
        )
