"""What a test needs from the machine: a skip with its reason, or a failure where CI promised it."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skip the test because `what` is missing; fail it where CI=true."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is missing, and CI=true promises it")
    pytest.skip(f"{what} is missing here")


def need_program(name: str) -> str:
    """Return the path of a program, or skip or fail the test."""
    path = shutil.which(name)
    return path or missing(name)
