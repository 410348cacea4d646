"""A small real base image for tests: a shell and the usual programs, bootstrapped once from the machine's mirror."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from plimsoll.adapters.base_store import BaseImages
from plimsoll.adapters.bootstrap import AptMirror
from plimsoll.adapters.registry import OciRegistry
from plimsoll.domain.bases import BaseState
from plimsoll.domain.project import Base
from plimsoll.errors import EnvironmentLacks
from tests.fakes import FakeReporter
from tests.needs import missing

if TYPE_CHECKING:
    from plimsoll.domain.bases import BaseImage, Recorded

SHELL = Base(name="shell", suite="trixie", kind="runtime", packages=("dash", "coreutils"), exclude=("usr/lib/*/gconv/*",))


@dataclass(frozen=True)
class SmallBase:
    """The base, the versions it is made of, and the mirror it came from."""

    home: Path
    mirror: AptMirror
    recorded: Recorded
    image: BaseImage

    def store(self, home: Path) -> BaseImages:
        """Return another store over the same mirror."""
        home.mkdir(parents=True, exist_ok=True)
        return BaseImages(home / "bases", home / "bases.json", self.mirror, OciRegistry)


@cache
def small_base() -> SmallBase:
    """Return the base; skip or fail the test where no mirror answers."""
    home = Path(tempfile.mkdtemp(prefix="plimsoll-base-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    mirror = AptMirror(home / "debian")
    try:
        recorded = mirror.resolve(SHELL, None, reporter=FakeReporter())
        store = BaseImages(home / "bases", home / "bases.json", mirror, OciRegistry)
        image = store.make(BaseState(base=SHELL, recorded=recorded), reporter=FakeReporter())
    except EnvironmentLacks as error:
        missing(f"a Debian mirror ({error.what.splitlines()[0]})")
    return SmallBase(home, mirror, recorded, image)
