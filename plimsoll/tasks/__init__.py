"""Invoke tasks: parse flags, call one workflow, show its result."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from invoke.collection import Collection

# The everyday verbs stand at the top of the namespace; what has no everyday verb is in a collection named after its module.
COLLECTIONS = frozenset({"plan", "cluster", "image", "kube", "dev", "env", "lock", "notify", "release"})


def collect() -> Collection:
    """Return every task of Plimsoll in one namespace, for a repository's tasks.py."""
    from invoke.collection import Collection
    from invoke.tasks import Task

    namespace = Collection()
    for name in (info.name for info in iter_modules(__path__) if not info.name.startswith("_")):
        module = import_module(f"{__name__}.{name}")
        if name in COLLECTIONS:
            namespace.add_collection(Collection.from_module(module, name=name))
            continue
        for task in vars(module).values():
            if isinstance(task, Task):
                namespace.add_task(task)
    return namespace
