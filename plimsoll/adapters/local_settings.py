"""The clone's own settings file: what Plimsoll writes into it stands between two marks, the rest is the user's."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from plimsoll.domain.journey import Grant

BEGIN = "# --- written by `inv up`, renewed by it alone; delete it when a scanner runs ---\n"
END = "# --- end of what `inv up` wrote ---\n"


def write_grants(path: Path, grants: Iterable[Grant]) -> None:
    """Replace the exceptions that an earlier `inv up` wrote, whole or not at all; without grants they are removed."""
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    head, found, rest = old.partition(BEGIN)
    kept = head + (rest.partition(END)[2] if found else "")
    # JSON's strings are TOML's basic strings.
    tables = "\n".join(
        f"[[scan_exceptions]]\nenvironment = {json.dumps(grant.environment)}\n"
        f"reason = {json.dumps(grant.reason)}\nuntil = {grant.until.isoformat()}\n"
        for grant in grants
    )
    if kept and not kept.endswith("\n"):
        kept += "\n"
    text = f"{kept}{BEGIN}{tables}{END}" if tables else kept
    if text == old:
        return
    if not text:
        path.unlink()
        return
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
