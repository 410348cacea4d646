"""What all tests share."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """End the test because this machine lacks something: skipped with the reason on a laptop, failed where CI=true."""
    reason = f"{what} is not installed here"
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}, and CI=true promises that it is")
    pytest.skip(reason)
