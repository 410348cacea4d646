"""What every environment's objects must be: the table of policies, and the findings of holding objects to it.

The rows stand in `policy_rollout`, `policy_pods`, `policy_network` and `policy_objects`; each is data with a check of a few
lines. `tests/infrastructure/test_policy.py` breaks every one of them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from plimsoll.domain import policy_network, policy_objects, policy_pods, policy_rollout
from plimsoll.domain.manifests import ref
from plimsoll.domain.rendering import OVERLAY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plimsoll.domain.policy_terms import Policy, Rendered

POLICIES: tuple[Policy, ...] = (
    *policy_rollout.POLICIES,
    *policy_pods.POLICIES,
    *policy_network.POLICIES,
    *policy_objects.POLICIES,
)
ENVIRONMENT = "the environment"


@dataclass(frozen=True, order=True, kw_only=True)
class Finding:
    """One thing that is wrong with one object: where, what, and what to do about it.

    `rule` is a policy's id or `schema`, `row` where the policy comes from, `form` which rendering was judged
    (`domain.rendering`).
    """

    environment: str
    form: str
    target: str
    path: str
    rule: str
    row: str
    what: str
    now: str

    def __str__(self) -> str:
        rule = f"{self.rule}, row {self.row}" if self.row.isdigit() else ", ".join(filter(None, (self.rule, self.row)))
        return f"{self.environment} ({self.form}): {self.target}: {self.path} {self.what} [{rule}]; {self.now}"


@dataclass(frozen=True, kw_only=True)
class Validation:
    """What came of judging environments (JSON: `plimsoll.kube.validate/1`): how much was judged, and every finding."""

    environments: tuple[str, ...]
    objects: int
    policies: int
    findings: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        return {
            "schema": "plimsoll.kube.validate/1",
            "passed": not self.findings,
            "environments": list(self.environments),
            "objects": self.objects,
            "policies": self.policies,
            "findings": [asdict(finding) for finding in self.findings],
        }


def judge(rendered: Rendered, *, form: str, misshapen: bool = False) -> tuple[Finding, ...]:
    """Return everything that breaks a policy. Policies about sizes are asked of the form `overlay` only.

    `misshapen` says that the schemas found fault already: a policy that cannot read such objects is then left out.
    """
    found: list[Finding] = []
    for policy in POLICIES:
        if form != OVERLAY and policy.sizes:
            continue
        try:
            found += _findings(policy, rendered, form)
        except (AttributeError, KeyError, TypeError, ValueError):
            if not misshapen:
                raise
    return tuple(sorted(found))


def _findings(policy: Policy, rendered: Rendered, form: str) -> Iterator[Finding]:
    for breach in policy.check(rendered):
        yield Finding(
            environment=rendered.environment.name,
            form=form,
            target=ref(breach.manifest).short if breach.manifest else ENVIRONMENT,
            path=breach.path,
            rule=policy.id,
            row=policy.row,
            what=breach.what,
            now=policy.remedy,
        )
