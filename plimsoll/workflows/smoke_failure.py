"""A smoke test that failed, told like a rollout that failed: with what the workloads said, before the release is replaced."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from plimsoll.domain.failure import Cause, Failure
from plimsoll.domain.failure_evidence import events_that_matter, excerpts
from plimsoll.domain.rollout_observed import owner_of
from plimsoll.errors import PlimsollError
from plimsoll.workflows import secrets
from plimsoll.workflows.failure import LOG_LINES, PODS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from plimsoll.domain.release import SmokeResult
    from plimsoll.domain.rollout_observed import Object
    from plimsoll.workflows.site import Site

# The word for a smoke test where a rollout names its workload.
SMOKE_TEST = "smoke test"


def smoke_failure(site: Site, results: Sequence[SmokeResult]) -> Failure | None:
    """Return the failure that `results` are, None when every check passed. Its causes are reported at once.

    Nobody knows which container gave the wrong answer: the workloads that changed last are heard, one pod of each. What cannot be
    read is left out.
    """
    causes = [_cause(result) for result in results if not result.passed]
    if not causes:
        return None
    for cause in causes:
        site.reporter.info(f"{cause.workload}: {cause.headline}")
    namespace = site.environment.namespace
    pods: list[Object] = []
    hide: Callable[[str], str] = str
    # Without the values that are to be hidden nothing may be read that could hold them.
    with suppress(PlimsollError):
        hide = secrets.hider(site.cluster, namespace, site.project.secrets.values())
        pods = _newest_of_each(site.cluster.list("v1/Pod", namespace))[:PODS]
    start = f"{' '.join(site.logs.kubectl())} -n {namespace}"
    found = Failure(
        cause=causes[0],
        environment=site.environment.name,
        others=tuple(causes[1:]),
        events=events_that_matter(_events(site, pods)),
        excerpts=excerpts(_said(site, pods)),
        commands=(f"{start} get pods", f"{start} get events --sort-by=.lastTimestamp"),
    )
    return found.redacted(hide)


def _cause(result: SmokeResult) -> Cause:
    reason = "NoAnswer" if result.status is None else "WrongAnswer"
    return Cause(workload=f"{SMOKE_TEST} {result.name}", object=result.path, reason=reason, message=result.detail, rule="smoke")


def _newest_of_each(pods: Sequence[Object]) -> list[Object]:
    """Return the newest running pod of each owner, the newest first; a pod without an owner is its own."""
    newest: dict[str, Object] = {}
    for pod in sorted(pods, key=lambda each: str(each["metadata"].get("creationTimestamp") or "")):
        if (pod.get("status") or {}).get("phase") == "Running" and not pod["metadata"].get("deletionTimestamp"):
            newest[owner_of(pod) or str(pod["metadata"]["uid"])] = pod
    return sorted(newest.values(), key=lambda each: str(each["metadata"].get("creationTimestamp") or ""), reverse=True)


def _events(site: Site, pods: Sequence[Object]) -> Iterator[Object]:
    for pod in pods:
        with suppress(PlimsollError):
            yield from site.logs.events(site.environment.namespace, str(pod["metadata"]["uid"]))


def _said(site: Site, pods: Sequence[Object]) -> Iterator[tuple[str, str, bool, str]]:
    namespace = site.environment.namespace
    for pod in pods:
        name = str(pod["metadata"]["name"])
        for container in pod["spec"].get("containers") or ():
            with suppress(PlimsollError):
                yield name, container["name"], False, site.logs.logs(namespace, name, container["name"], lines=LOG_LINES)
