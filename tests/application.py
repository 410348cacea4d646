"""The smallest application that keeps every policy (tests/cases/application.yaml), to be judged and broken."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).parent / "cases" / "application.yaml"
# What the application is judged against.
PART_OF, NAMESPACE, SERVICES, SECRETS = "shop", "shop-production", ("backend",), {"shop-secrets": ("database-password",)}


@cache
def _text() -> str:
    return json.dumps(list(yaml.safe_load_all(FILE.read_text(encoding="utf-8"))))


def application() -> list[dict[str, Any]]:
    """Return its objects, fresh. Through text, so that what the file says once by an anchor can be broken in one place only."""
    objects: list[dict[str, Any]] = json.loads(_text())
    return objects
