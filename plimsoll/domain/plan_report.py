"""What the tasks about plans answer, one class per JSON contract (plimsoll/schemas), drawn for people by `ui.plan`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plimsoll.domain.plan import DeployPlan
    from plimsoll.domain.plan_file import SavedPlan
    from plimsoll.domain.promotion import Candidate


@dataclass(frozen=True, kw_only=True)
class PlanResult:
    """What `inv plan` answers. `cluster` is the UID of kube-system; `saved` and `file` are set where the plan was saved.

    `remarks` are what stands in the way just now and may be gone when it is carried out: a hold, somebody else's deploy.
    """

    plan: DeployPlan
    cluster: str
    candidate: Candidate
    protected: bool
    remarks: tuple[str, ...] = ()
    file: str | None = None
    saved: SavedPlan | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the JSON contract `plimsoll.plan/1`."""
        return {
            "schema": "plimsoll.plan/1",
            "environment": self.plan.environment,
            "cluster": self.cluster,
            "git_revision": self.candidate.git_revision,
            "dirty": self.candidate.dirty,
            "needs_approval": self.protected and not self.plan.nothing_to_do,
            "plan": self.plan.to_json(),
            "remarks": list(self.remarks),
            "saved": None
            if self.saved is None
            else {"file": self.file, "digest": self.saved.digest, "expires_at": self.saved.expires_at},
        }


@dataclass(frozen=True, kw_only=True)
class ApprovedPlan:
    """What `inv plan.approve` answers: the plan that was signed, by whom and until when, and the file of the approval."""

    saved: SavedPlan
    approver: str
    expires_at: str
    file: str

    def to_json(self) -> dict[str, Any]:
        """Return the JSON contract `plimsoll.plan.approve/1`."""
        return {
            "schema": "plimsoll.plan.approve/1",
            "environment": self.saved.environment,
            "release": self.saved.plan["release"],
            "digest": self.saved.digest,
            "approver": self.approver,
            "expires_at": self.expires_at,
            "file": self.file,
        }
