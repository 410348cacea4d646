"""What is told of a failure: which events, which logs once, which commands, and nothing secret."""

from __future__ import annotations

from typing import Any

from plimsoll.domain.failure import Cause, Failure, commands, plain
from plimsoll.domain.failure_evidence import events_that_matter, excerpts

KUBECTL = ("kubectl", "--kubeconfig", "/state/kubeconfig")


def event(pod: str, reason: str, message: str, time: str, **more: object) -> dict[str, Any]:
    about = {"kind": "Pod", "name": pod}
    return {"type": "Warning", "involvedObject": about, "reason": reason, "message": message, "lastTimestamp": time, **more}


def cause(**more: object) -> Cause:
    told = {
        "workload": "Deployment/backend",
        "object": "Pod/backend-1",
        "reason": "CrashLoopBackOff",
        "message": "exited with code 1",
    }
    return Cause(**{**told, "rule": "crash-loop", "container": "backend", "exit_code": 1, **more})


def test_the_same_event_of_many_replicas_is_told_once_with_its_count() -> None:
    found = events_that_matter(
        [
            event(
                "backend-1",
                "Unhealthy",
                "Readiness probe failed: Get http://10.0.0.7:3001: refused",
                "2030-01-02T03:04:05Z",
                count=3,
            ),
            event(
                "backend-2",
                "Unhealthy",
                "Readiness probe failed: Get http://10.0.0.8:3001: refused",
                "2030-01-02T03:04:09Z",
                count=2,
            ),
        ]
    )
    assert [(each.object, each.count, each.last_seen, each.objects) for each in found] == [
        ("Pod/backend-2", 5, "2030-01-02T03:04:09Z", 2)
    ]


def test_events_of_replicas_are_the_same_when_only_names_and_identifiers_differ() -> None:
    text = "Failed to create pod sandbox for {0}: network of 3f9c{1}0a7b is not ready"
    found = events_that_matter(
        event(f"web-{n}", "FailedCreatePodSandBox", text.format(f"web-{n}", n), f"2030-01-02T03:04:0{n}Z") for n in (1, 2, 3)
    )
    assert [(each.count, each.objects) for each in found] == [(3, 3)]


def test_events_that_say_something_else_stay_apart() -> None:
    said = ("Readiness probe failed", "Liveness probe failed")
    found = events_that_matter(event("web-1", "Unhealthy", text, "2030-01-02T03:04:05Z") for text in said)
    assert len(found) == 2


def test_ordinary_events_and_the_back_off_are_left_out() -> None:
    ordinary = {**event("backend-1", "Pulled", "Successfully pulled", "2030-01-02T03:04:05Z"), "type": "Normal"}
    assert events_that_matter([ordinary, event("backend-1", "BackOff", "Back-off restarting", "2030-01-02T03:04:05Z")]) == ()


def test_a_pull_that_failed_is_told_in_its_registrys_words() -> None:
    image = "localhost:5001/check-in/absent:1"
    wrapped = (
        f'rpc error: code = NotFound desc = failed to pull and unpack image "{image}": '
        f'failed to resolve reference "{image}": {image}: not found'
    )
    assert plain(wrapped) == plain(f'Back-off pulling image "{image}": ErrImagePull: {wrapped}') == f"{image}: not found"
    again = event("backend-1", "Failed", "Error: ErrImagePull", "2030-01-02T03:04:05Z")
    assert events_that_matter([again]) == ()


def test_the_newest_events_are_kept_oldest_first() -> None:
    many = [event("backend-1", f"Reason{'abcdefgh'[n]}", "text", f"2030-01-02T03:04:0{n}Z") for n in (3, 1, 7, 2, 6, 5, 4)]
    assert [each.reason[-1] for each in events_that_matter(many)] == ["d", "e", "f", "g", "h"]


def test_an_event_of_the_newer_api_is_dated_by_its_series() -> None:
    newer = event(
        "backend-1",
        "Failed",
        "text",
        "",
        eventTime="2030-01-02T03:04:05Z",
        series={"count": 4, "lastObservedTime": "2030-01-02T03:05:00Z"},
    )
    (found,) = events_that_matter([newer])
    assert (found.count, found.last_seen) == (4, "2030-01-02T03:05:00Z")


def test_the_same_log_of_many_replicas_is_told_once() -> None:
    said = [
        ("backend-1", "backend", False, "03:04:05 starting\n\n03:04:06 boom"),
        ("backend-2", "backend", False, "03:04:07 boom\n03:04:07 starting\n"),
        ("backend-1", "proxy", True, "bang"),
        ("c", "d", False, ""),
    ]
    found = excerpts(said)
    assert [(each.pods, each.container, each.previous, each.lines) for each in found] == [
        (("backend-1", "backend-2"), "backend", False, ("03:04:05 starting", "03:04:06 boom")),
        (("backend-1",), "proxy", True, ("bang",)),
    ]


def test_the_same_log_said_more_often_or_with_more_before_it_is_told_once_at_its_longest() -> None:
    waiting = "2030-01-02 waiting for postgres at 10.0.0.7 (request 6f1d-77aa)"
    other = "2030-01-03 waiting for postgres at 10.0.0.9 (request 0c3e-81bb)"
    found = excerpts(
        [
            ("web-1", "web", False, f"{waiting}\n{waiting}"),
            ("web-2", "web", False, f"web-2 starts\n{other}"),
            ("web-3", "web", True, other),
        ]
    )
    assert [(each.pods, each.previous, each.lines) for each in found] == [
        (("web-1", "web-2", "web-3"), False, ("web-2 starts", other))
    ]


def test_a_replica_that_only_began_to_say_the_same_is_told_apart() -> None:
    found = excerpts([("web-1", "web", False, "starting\nboom"), ("web-2", "web", False, "starting")])
    assert [each.pods for each in found] == [("web-1",), ("web-2",)]


def test_a_log_cannot_act_on_a_terminal() -> None:
    said = "\x1b[31mred\x1b[0m\x1b]0;title\x07 and\x08 \x9b2Jback\u202e\tend\rnext\x00"
    (found,) = excerpts([("web-1", "web", False, said)])
    assert found.lines == ("red and 2Jback  end", "next")
    assert plain("\x1b[2Jpull\x07 failed\r\nnow") == "pull failed now"


def test_a_line_without_an_end_is_cut_and_no_part_of_a_secret_stays_at_the_cut() -> None:
    said = excerpts([("web-1", "web", False, "x" * 995 + "hunter2" + "x" * 60_000)])
    failure = Failure(cause=cause(), environment="staging", excerpts=said)
    (line,) = failure.redacted(lambda text: text.replace("hunter2", "***")).excerpts[0].lines
    assert (len(line), line[994:]) == (1000, "x***x…")


def test_commands_about_pods_that_are_gone_make_room_for_the_record() -> None:
    told = Failure(cause=cause(), environment="staging", commands=commands(cause(), namespace="shop", kubectl=KUBECTL))
    assert told.replaced("staging-7").commands == (
        "inv release.show staging-7",
        "kubectl --kubeconfig /state/kubeconfig -n shop get events --sort-by=.lastTimestamp",
    )
    job = Failure(cause=cause(workload="Job/migrate"), environment="staging", commands=told.commands)
    assert job.replaced("staging-7") is job


def test_commands_name_the_cluster_and_the_run_that_crashed() -> None:
    found = commands(cause(), namespace="shop", kubectl=KUBECTL)
    assert found[0] == "kubectl --kubeconfig /state/kubeconfig -n shop describe pod backend-1"
    assert found[1] == "kubectl --kubeconfig /state/kubeconfig -n shop logs backend-1 -c backend --previous"


def test_a_pod_that_never_started_has_no_log_to_look_at() -> None:
    found = commands(cause(reason="ErrImagePull", exit_code=None, rule="image-not-found"), namespace="shop", kubectl=KUBECTL)
    assert not any(" logs " in command for command in found)


def test_a_pod_that_is_late_is_worth_all_its_logs() -> None:
    found = commands(cause(reason="Timeout", exit_code=None, container="", rule="timeout"), namespace="shop", kubectl=KUBECTL)
    assert any(command.endswith("logs backend-1 --all-containers") for command in found)


def test_what_the_cluster_said_is_redacted_everywhere() -> None:
    failure = Failure(
        cause=cause(message="password hunter2 refused"),
        environment="staging",
        others=(cause(message="hunter2"),),
        events=events_that_matter([event("backend-1", "Failed", "with hunter2", "2030-01-02T03:04:05Z")]),
        excerpts=excerpts([("backend-1", "backend", False, "url postgres://checkin:hunter2@postgres")]),
        commands=commands(cause(), namespace="shop", kubectl=KUBECTL),
    )
    told = failure.redacted(lambda text: text.replace("hunter2", "***")).to_json()
    assert "hunter2" not in str(told)
    assert told["logs"][0]["lines"] == ["url postgres://checkin:***@postgres"]
    assert told["cause"]["message"] == "password *** refused"


def test_the_headline_names_pod_container_reason_and_message() -> None:
    assert cause().headline == "Pod/backend-1, container backend: CrashLoopBackOff: exited with code 1"
    assert cause(container="", message="").headline == "Pod/backend-1: CrashLoopBackOff"
