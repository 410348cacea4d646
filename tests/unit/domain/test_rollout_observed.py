"""What a watch has seen: its size follows what is there, whatever comes and goes."""

from __future__ import annotations

from itertools import count
from typing import Any

from plimsoll.domain.rollout_observed import EVENTS_EACH, STRAYS, Observed

PODS = 3000
NUMBERS = count()


def pod(number: int, owner: str = "set") -> dict[str, Any]:
    metadata = {"name": f"web-{number}", "uid": f"pod-{number}", "ownerReferences": [{"uid": owner, "controller": True}]}
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": [{"name": "web"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": status}


def event(about: dict[str, Any], *, kind: str = "Warning", reason: str = "Unhealthy") -> dict[str, Any]:
    name = f"{about['metadata']['name']}.{next(NUMBERS)}"
    involved = {"kind": "Pod", "name": about["metadata"]["name"], "uid": about["metadata"]["uid"]}
    return {
        "apiVersion": "v1", "kind": "Event", "type": kind, "reason": reason, "message": "x",
        "metadata": {"name": name, "uid": name}, "involvedObject": involved,
    }  # fmt: skip


def test_three_thousand_pods_that_come_and_go_leave_nothing_behind() -> None:
    observed = Observed()
    for number in range(PODS):
        observed.take("MODIFIED", pod(number))
        observed.take("MODIFIED", event(pod(number)))
    full = observed.size
    sizes = []
    for round_ in range(1, 6):
        for number in range(PODS):
            gone, new = pod((round_ - 1) * PODS + number), pod(round_ * PODS + number, owner=f"set-{round_}-{number}")
            observed.take("MODIFIED", new)
            observed.take("MODIFIED", event(new))
            observed.take("MODIFIED", event(gone))
            observed.take("DELETED", gone)
        sizes.append(observed.size)
    # Each pod has a set of its own here, which the first ones had not.
    assert len(set(sizes)) == 1
    assert sizes[0] <= full + PODS
    for number in range(PODS):
        observed.take("DELETED", pod(5 * PODS + number))
    assert observed.size == 0


def test_events_of_what_is_gone_are_kept_for_the_newest_only() -> None:
    observed = Observed()
    for number in range(2 * STRAYS):
        observed.take("MODIFIED", event(pod(number)))
    assert observed.size == 2 * STRAYS
    newest = pod(2 * STRAYS - 1)
    observed.take("MODIFIED", newest)
    assert len(observed.warnings(newest["metadata"]["uid"])) == 1
    oldest = pod(0)
    observed.take("MODIFIED", oldest)
    assert observed.warnings(oldest["metadata"]["uid"]) == []


def test_an_object_keeps_its_newest_events() -> None:
    observed = Observed([pod(1)])
    told = [event(pod(1)) for _ in range(EVENTS_EACH + 5)]
    for each in told:
        observed.take("MODIFIED", each)
    assert observed.warnings("pod-1") == told[5:]


def test_ordinary_events_are_dropped_but_those_a_verdict_hangs_on() -> None:
    observed = Observed([pod(1)])
    observed.take("MODIFIED", event(pod(1), kind="Normal", reason="Pulled"))
    before = observed.size
    observed.take("MODIFIED", event(pod(1), kind="Normal", reason="TriggeredScaleUp"))
    assert observed.size == before + 1
    assert observed.warnings("pod-1") == []
    assert (observed.said("pod-1", frozenset({"TriggeredScaleUp"})) or {})["reason"] == "TriggeredScaleUp"


def test_an_event_that_is_deleted_is_forgotten_wherever_it_was_kept() -> None:
    observed = Observed()
    early = event(pod(1))
    observed.take("MODIFIED", early)
    observed.take("MODIFIED", pod(1))
    assert observed.warnings("pod-1") == [early]
    observed.take("DELETED", early)
    assert observed.warnings("pod-1") == []


def test_field_ownership_of_pods_is_not_kept() -> None:
    observed = Observed()
    heavy = pod(1)
    heavy["metadata"]["managedFields"] = [{"manager": "kubelet"}]
    observed.take("MODIFIED", heavy)
    found = observed.find("v1/Pod", "web-1")
    assert found is not None
    assert "managedFields" not in found["metadata"]
