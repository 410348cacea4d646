"""What moved since a plan was made, told by its cause: release, image, object and field."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from plimsoll.domain.ledger import History
from plimsoll.domain.plan_drift import SHOWN, moved, stale
from plimsoll.domain.release import State
from tests.fake_site import record

if TYPE_CHECKING:
    from collections.abc import Callable

Plan = dict[str, Any]
BEFORE: Plan = {
    "release": "staging-3",
    "live": "staging-2",
    "nothing_to_do": False,
    "images": {"web": "web@sha256:1"},
    "creates": ["Service/new"],
    "changes": [
        {
            "object": "Deployment/web",
            "fields": [{"path": "spec.template.spec.containers[web].image", "before": "a", "after": "b"}],
        }
    ],
    "unchanged": 3,
    "waves": [],
    "migration": {"run": False, "why": "the database has reached schema 1 already"},
    "rolled": ["Deployment/web"],
    "secrets": [],
    "prunes": ["ConfigMap/old"],
    "refusals": [],
    "notes": [],
}
IMAGE = "spec.template.spec.containers[web].image"


def field(path: str, before: object, after: object, name: str = "Deployment/web") -> dict[str, Any]:
    return {"object": name, "fields": [{"path": path, "before": before, "after": after}]}


# What the plan is now, and what is told of it.
CASES: dict[str, tuple[Callable[[Plan], object], str]] = {
    "a field drifted": (
        lambda plan: plan["changes"].append(field("spec.replicas", 5, 2, "Deployment/worker")),
        "Deployment/worker: spec.replicas was 2 and is 5",
    ),
    "a field that would change has another value": (
        lambda plan: plan.update(changes=[field(IMAGE, "c", "b")]),
        f'Deployment/web: {IMAGE} was "a" and is "c"',
    ),
    "somebody made the change already": (
        lambda plan: plan.update(changes=[]),
        f'Deployment/web: {IMAGE} was "a" and is "b"',
    ),
    "the server would make something else of it": (
        lambda plan: plan.update(changes=[field(IMAGE, "a", "d")]),
        f'Deployment/web: {IMAGE} would become "d", and not "b"',
    ),
    "a field is new": (
        lambda plan: plan["changes"].append(field("metadata.labels.tier", "x", None)),
        'Deployment/web: metadata.labels.tier was nothing and is "x"',
    ),
    "an object is gone": (lambda plan: plan["creates"].append("Service/web"), "Service/web is gone from the cluster"),
    "an object was made": (lambda plan: plan["creates"].clear(), "Service/new is in the cluster already"),
    "a changed object is gone": (
        lambda plan: (plan["changes"].clear(), plan["creates"].append("Deployment/web")),
        "Deployment/web is gone from the cluster",
    ),
    "an image is another": (
        lambda plan: plan.update(images={"web": "web@sha256:2"}),
        "the image of web was web@sha256:1 and is web@sha256:2",
    ),
    "a secret is gone": (lambda plan: plan["secrets"].append("s/key"), "the Secret's key s/key is missing now"),
    "a leftover is gone": (lambda plan: plan["prunes"].clear(), "ConfigMap/old would no longer be pruned"),
    "a leftover is new": (lambda plan: plan["prunes"].append("Job/old"), "Job/old would be pruned now"),
    "migrations run": (
        lambda plan: plan.update(migration={"run": True, "why": "the namespace is new"}),
        "migrations would run now: the namespace is new",
    ),
    "it is refused": (
        lambda plan: plan["refusals"].append({"what": "quota exceeded"}),
        "it would be refused now: quota exceeded",
    ),
    "another verified release": (
        lambda plan: plan.update(live="staging-1"),
        "the verified release was staging-2 and is staging-1",
    ),
    "another number": (lambda plan: plan.update(release="staging-9"), "the next release was staging-3 and is staging-9"),
    "only a count": (lambda plan: plan.update(unchanged=4), "the plan differs in unchanged"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_moved_is_named_and_nothing_else(name: str) -> None:
    now = copy.deepcopy(BEFORE)
    change, told = CASES[name]
    change(now)
    assert moved(BEFORE, now, History(), number=3) == (told,)


def test_releases_since_then_come_first_with_state_and_actor() -> None:
    now = {**copy.deepcopy(BEFORE), "release": "staging-4", "live": "staging-3", "images": {"web": "web@sha256:2"}}
    history = History((record(name="staging-2", number=2), record(state=State.VERIFIED, actor="grace")))
    told = moved(BEFORE, now, history, number=3)
    assert told[0] == "staging-3 was recorded since: verified, by grace, 2030-01-02T03:04:05Z"
    assert told[1] == "the verified release was staging-2 and is staging-3"
    assert len(told) == 3


def test_plans_that_are_told_alike_and_still_differ_say_so() -> None:
    assert "the objects to apply are others" in moved(BEFORE, BEFORE, History(), number=3)[0]


def test_a_long_list_is_cut_and_counted_and_nobody_is_told_that_something_was_done() -> None:
    error = stale([f"Service/{number} is gone" for number in range(SHOWN + 3)], "staging")
    assert error.what.splitlines()[-1] == "  - and 3 more"
    assert len(error.what.splitlines()) == SHOWN + 2
    assert "nothing was done" in error.what
    assert (error.exit_code, error.code) == (2, "plan-stale")
