"""Composition of the development stack."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from plimsoll import wiring
from plimsoll.domain.dev import DevLogs
from plimsoll.errors import Failed, Misconfigured
from plimsoll.workflows import dev as workflow

if TYPE_CHECKING:
    from plimsoll.adapters.compose import Compose
    from plimsoll.adapters.dev_images import LocalImages
    from plimsoll.domain.dev import DevDown, DevSettings, DevUp
    from plimsoll.ports import Reporter


def _settings() -> DevSettings:
    found = wiring.settings().dev
    if found is None:
        raise Misconfigured(
            "there is no development stack",
            where=f"{wiring.SETTINGS_FILE}, [dev]",
            now="name its compose file there",
            code="settings",
        )
    return found


def _name() -> str:
    return f"{wiring.project().name}-dev"


def _stack() -> Compose:
    from plimsoll.adapters.compose import Compose

    home = wiring.state() / "dev"
    home.mkdir(mode=0o700, exist_ok=True)
    return Compose(_name(), wiring.root() / _settings().compose, home)


def _images() -> LocalImages:
    from plimsoll.adapters.dev_images import LocalImages
    from plimsoll.adapters.work_tree import FileTree

    return LocalImages(_name(), FileTree(wiring.root()), wiring.state() / "scratch")


def up(reporter: Reporter) -> DevUp:
    """Make what is missing (an engine, images) and bring the stack up."""
    from plimsoll.adapters.ports_in_use import require_free
    from plimsoll.wiring import images, tools

    settings, store, stack = _settings(), _images(), _stack()
    tools.ensure_engine(reporter)
    for folder in settings.folders:
        (wiring.root() / folder).mkdir(parents=True, exist_ok=True)
    names, made = workflow.ensure_images(settings, images.workshop(reporter), store)
    done = workflow.up(
        settings,
        names,
        stack=stack,
        variables=stack,
        require_free=require_free,
        clock=wiring.clock(),
        reporter=reporter,
    )
    workflow.forget_old(store, names)
    return dataclasses.replace(done, made=made)


def down(reporter: Reporter, *, purge: bool) -> DevDown:
    """Take the stack down; with `purge` its data, secrets and images, too."""
    stack = _stack()
    return workflow.down(purge=purge, stack=stack, variables=stack, images=_images(), reporter=reporter)


def logs(service: str | None, last: int) -> DevLogs:
    """Return the last lines of each service, or of one."""
    stack = _stack()
    workflow.require_up(stack, service)
    return DevLogs(lines=stack.lines(service, last))


def follow(service: str | None, last: int) -> None:
    """Show the lines as they come, until somebody ends it or the stack goes down."""
    stack = _stack()
    workflow.require_up(stack, service)
    if code := stack.follow(service, last):
        raise Failed(f"docker compose logs ended with exit code {code}", where=f"project {_name()}", now="run `inv dev.up`")
