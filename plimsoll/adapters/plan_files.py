"""Plans and approvals as files: written whole or not at all, read only when they have the published form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator

from plimsoll.adapters.state_file import write_private
from plimsoll.domain.approval import SignedApproval
from plimsoll.domain.plan_file import SavedPlan
from plimsoll.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMAS = Path(__file__).parents[1] / "schemas"
# Manifests of a thousand objects are a few megabytes; what is larger is no plan.
LARGEST = 100_000_000


def read_plan(path: Path) -> SavedPlan:
    """Return a saved plan. Raise Misconfigured when there is none, or anything in it was changed since it was saved."""
    try:
        return SavedPlan.from_json(_read(path, "plan-file-1", "--plan"))
    except ValueError as error:
        raise _damaged(path, str(error), "--plan") from error


def read_approval(path: Path) -> SignedApproval:
    """Return a signed approval; its signature is not looked at. Raise Misconfigured when there is none in the file."""
    return SignedApproval.from_json(_read(path, "approval-1", "--approval"))


def write(path: Path, data: Mapping[str, Any], flag: str) -> None:
    """Write a plan or an approval, readable by its owner only. Raise Misconfigured when it cannot be written there."""
    try:
        write_private(path, json.dumps(data, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise Misconfigured(
            f"{path} cannot be written: {error.strerror}", where=flag, now="name a file in a folder of yours", code="not-written"
        ) from error


def _read(path: Path, schema: str, flag: str) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST:
            raise _damaged(path, "it is too large", flag)
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Misconfigured(
            f"{path} cannot be read: {error.strerror}", where=flag, now="name the file", code="no-file"
        ) from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"it is not JSON: {error}", flag) from error
    published = json.loads((SCHEMAS / f"{schema}.json").read_text(encoding="utf-8"))
    problem = next(Draft202012Validator(published).iter_errors(data), None)
    if problem is not None:
        raise _damaged(path, f"{problem.json_path.removeprefix('$.')}: {problem.message[:200]}", flag)
    return data


def _damaged(path: Path, why: str, flag: str) -> Misconfigured:
    kind = flag.removeprefix("--")
    now = "save it again: `inv plan --env E --save FILE`" if kind == "plan" else "have it signed again: `inv plan.approve`"
    return Misconfigured(f"{path} is no {kind} that could be used: {why}", where=flag, now=now, code=f"{kind}-damaged")
