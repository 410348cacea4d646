"""What `inv status` says of a release that was verified and is no longer well: named now, and nothing else is touched."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator
from rich.console import Console

from plimsoll.errors import Misconfigured
from plimsoll.ui.releases import draw_status
from plimsoll.workflows.status import status
from tests.fake_site import World

if TYPE_CHECKING:
    from tests.fake_cluster import Call

SCHEMA = json.loads((Path(__file__).parents[3] / "plimsoll" / "schemas" / "status-1.json").read_text())
DOWN = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 0, "availableReplicas": 0}


def told(world: World) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(status(world.site()).to_json()))
    Draft202012Validator(SCHEMA).validate(found)
    return found


def crashes(world: World, *, restarts: int = 4, name: str = "web") -> None:
    """Let the pod of a Deployment crash, as its kubelet and controller would say it."""
    pod = next(each for each in world.cluster.list("v1/Pod", "hello-staging") if each["metadata"]["name"].startswith(f"{name}-"))
    pod["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
    container = pod["status"]["containerStatuses"][0]
    container |= {"ready": False, "restartCount": restarts, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    container["lastState"] = {"terminated": {"exitCode": 3, "reason": "Error"}}
    world.cluster.put(pod, "kubelet")
    world.cluster.set_status("apps/v1/Deployment", name, "hello-staging", DOWN)


def test_a_release_that_is_well_has_no_faults() -> None:
    world = World()
    world.deploy()
    assert status(world.site()).faults == ()
    assert "faults" not in told(world)


def test_a_crash_after_the_verdict_is_named_and_the_release_stays_verified() -> None:
    world = World()
    world.deploy()
    crashes(world)
    found = told(world)
    assert (found["state"], found["verified"]) == ("verified", True)
    (fault,) = found["faults"]
    assert fault["workload"] == "Deployment/web"
    assert fault["object"].startswith("Pod/web-")
    assert (fault["reason"], fault["exit_code"], fault["rule"]) == ("CrashLoopBackOff", 3, "crash-loop")


def test_the_look_writes_nothing_and_takes_no_lock() -> None:
    world = World()
    world.deploy()
    crashes(world)
    world.cluster.calls.clear()
    status(world.site())
    assert {call.verb for call in world.cluster.calls} <= {"get", "list"}


def test_people_see_the_fault_below_the_checks() -> None:
    world = World()
    world.deploy()
    crashes(world)
    out = io.StringIO()
    draw_status(status(world.site()), Console(file=out, width=200))
    assert "✘ Deployment/web: Pod/web-" in out.getvalue()
    assert "CrashLoopBackOff: exited with code 3, 5 times" in out.getvalue()


def test_what_a_rollout_would_bear_with_is_named_at_once() -> None:
    world = World()
    world.deploy()
    crashes(world, restarts=0)
    assert [fault["rule"] for fault in told(world)["faults"]] == ["crash-loop"]


def test_what_is_only_on_its_way_is_told_as_that() -> None:
    world = World()
    world.deploy()
    world.cluster.set_status("apps/v1/Deployment", "worker", "hello-staging", DOWN)
    (fault,) = told(world)["faults"]
    assert (fault["reason"], fault["rule"], fault["message"]) == ("NotReady", "not-ready", "0 of 1 replicas available")


def test_a_workload_that_somebody_deleted_is_named() -> None:
    world = World()
    world.deploy()
    world.cluster.remove("apps/v1/StatefulSet", "store", "hello-staging")
    (fault,) = told(world)["faults"]
    assert (fault["workload"], fault["rule"]) == ("StatefulSet/store", "gone")


def test_a_finished_job_that_was_tidied_up_is_no_fault() -> None:
    world = World()
    world.deploy()
    for job in world.cluster.list("batch/v1/Job", "hello-staging"):
        world.cluster.remove("batch/v1/Job", job["metadata"]["name"], "hello-staging")
    assert status(world.site()).faults == ()


def test_an_autoscaler_that_stopped_scaling_is_named() -> None:
    world = World()
    world.deploy()
    condition = {"type": "ScalingActive", "status": "False", "reason": "InvalidSelector", "message": "missing a selector"}
    world.cluster.set_status("autoscaling/v2/HorizontalPodAutoscaler", "web", "hello-staging", {"conditions": [condition]})
    assert [fault["rule"] for fault in told(world)["faults"]] == ["autoscaler"]


def test_every_workload_that_is_not_well_has_one_cause() -> None:
    world = World()
    world.deploy()
    crashes(world)
    crashes(world, name="worker")
    assert [fault["workload"] for fault in told(world)["faults"]] == ["Deployment/web", "Deployment/worker"]


def test_objects_that_are_told_not_to_wait_for_are_not_judged() -> None:
    world = World()

    def change(objects: list[dict[str, Any]]) -> None:
        found = next(each for each in objects if each["kind"] == "Deployment" and each["metadata"]["name"] == "web")
        found["metadata"]["annotations"] = {"plimsoll.dev/wait": "false"}

    world.overlay.change = change
    world.deploy()
    crashes(world)
    assert status(world.site()).faults == ()


def test_who_may_not_look_at_pods_still_gets_the_record() -> None:
    world = World()
    world.deploy()

    def refuse(call: Call) -> None:
        if call.kind == "v1/Pod":
            raise Misconfigured("you may not list pods")

    world.cluster.on_call.append(refuse)
    found = status(world.site())
    assert found.faults == ()
    assert found.remarks == ("whether all of it is well now could not be seen: you may not list pods",)


def test_secrets_are_taken_out_of_what_is_told() -> None:
    world = World()
    world.deploy()
    data = world.live("v1/Secret", "hello-secrets")["data"]["store-password"]
    password = base64.b64decode(data).decode()
    crashes(world)
    pod = next(each for each in world.cluster.list("v1/Pod", "hello-staging") if each["metadata"]["name"].startswith("web-"))
    pod["status"]["containerStatuses"][0]["lastState"]["terminated"]["message"] = f"login with {password} failed"
    world.cluster.put(pod, "kubelet")
    assert password not in json.dumps(told(world))
    assert "login with *** failed" in json.dumps(told(world))
