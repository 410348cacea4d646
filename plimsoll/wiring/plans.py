"""Composition of plan files: saved, approved with a key, and read again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from plimsoll import __version__, wiring
from plimsoll.domain.plan_file import TIME, expiry, require_usable, saved_plan
from plimsoll.domain.plan_report import ApprovedPlan

if TYPE_CHECKING:
    from plimsoll.domain.plan_file import SavedPlan
    from plimsoll.domain.plan_report import PlanResult
    from plimsoll.ports import Reporter


def now() -> str:
    """Return the present time as plans and approvals write it."""
    return wiring.clock().now().strftime(TIME)


def read(file: str, environment: str | None) -> SavedPlan:
    """Return the plan in a file. Raise Misconfigured unless it is whole, in time, and of this project (and environment)."""
    from plimsoll.adapters.plan_files import read_plan

    saved = read_plan(Path(file))
    require_usable(saved, project=wiring.project().name, environment=environment, now=now())
    return saved


def save(
    result: PlanResult, file: str, *, lasts: str, version: str | None, options: dict[str, bool], actor: str, reporter: Reporter
) -> PlanResult:
    """Write a plan into `file`, to be carried out within the time that it `lasts` (`24h`); one that is refused is not written."""
    from plimsoll.adapters.plan_files import write

    expires_at = expiry(wiring.clock().now(), lasts)
    if result.plan.refusals:
        reporter.warn(f"{file} is not written: a deploy would refuse this plan")
        return result
    saved = saved_plan(
        result,
        project=wiring.project().name,
        version=version,
        options=options,
        made_by=actor,
        made_at=now(),
        made_with=__version__,
        expires_at=expires_at,
    )
    write(Path(file), saved.to_json(), "--save")
    return replace(result, saved=saved, file=file)


def approve(file: str, key: str, out: str | None, lasts: str | None) -> ApprovedPlan:
    """Show the plan in `file` on stderr, sign its approval with `key`, and write that to `out` (default: beside the plan)."""
    from plimsoll.adapters.plan_files import write
    from plimsoll.adapters.ssh_signatures import SshSignatures
    from plimsoll.ui.output import console
    from plimsoll.ui.plan import draw_saved
    from plimsoll.workflows.approval import sign

    saved = read(file, None)
    expires_at = expiry(wiring.clock().now(), lasts) if lasts else saved.expires_at
    draw_saved(saved, console(stderr=True))
    approval = sign(
        saved,
        str(Path(key).expanduser()),
        approvers=wiring.project().approvers,
        signatures=SshSignatures(),
        now=now(),
        expires_at=expires_at,
    )
    target = out or str(Path(file).with_suffix(".approval.json"))
    write(Path(target), approval.to_json(), "--out")
    said = approval.statement
    return ApprovedPlan(saved=saved, approver=said.approver, expires_at=said.expires_at, file=target)
