"""One model of a failed rollout: cause first, then the events that matter, then logs, then commands to look further.

The same object is drawn on a terminal, in GitHub's log and as JSON; nobody else describes a failure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

# A report fits one screen: so many events and containers are worth showing, the rest is counted by the cluster anyway.
EVENTS = 5
EXCERPTS = 3
# Said of every pod that waits to start again, or does not start; the cause says it better.
NOISE = frozenset({"BackOff"})
ECHO = re.compile(r"Error: \w+$")
# What container runtimes put around the reason of a failed pull, the image's name each time.
WRAPPING = re.compile(
    r"rpc error: code = \w+ desc = |failed to do request: |(?:failed to pull and unpack image|failed to resolve reference"
    r'|Failed to pull image|Back-off pulling image) "[^"]*": |ErrImagePull: '
)


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Why a workload cannot become ready.

    `workload` and `object` are `Kind/name` (the object is the pod, volume claim or condition's owner at fault), `reason` is the
    cluster's own word, `rule` the row of `domain.rollout_table` that gave it up (`timeout` for none), `remedy` its advice.
    """

    workload: str
    object: str
    reason: str
    message: str
    rule: str
    container: str = ""
    exit_code: int | None = None
    remedy: str = ""

    @property
    def headline(self) -> str:
        """The cause in one line: `Pod/backend-7d4f, container backend: CrashLoopBackOff: exited with code 1 twice`."""
        where = f"{self.object}, container {self.container}" if self.container else self.object
        return f"{where}: {self.reason}: {self.message}" if self.message else f"{where}: {self.reason}"

    def to_json(self) -> dict[str, Any]:
        """Return the cause's part of the JSON contract."""
        return {
            "workload": self.workload,
            "object": self.object,
            "container": self.container,
            "reason": self.reason,
            "message": self.message,
            "exit_code": self.exit_code,
            "rule": self.rule,
        }


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that the cluster said about an object, `count` times, last at `last_seen` (RFC 3339)."""

    object: str
    reason: str
    message: str
    count: int
    last_seen: str


@dataclass(frozen=True, kw_only=True)
class Excerpt:
    """The last lines that a failed container of some pods printed; `previous`: before its last restart."""

    pods: tuple[str, ...]
    container: str
    previous: bool
    lines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Everything worth telling about a rollout that failed. `others` are further causes, of other workloads."""

    cause: Cause
    environment: str
    others: tuple[Cause, ...] = ()
    events: tuple[Event, ...] = ()
    excerpts: tuple[Excerpt, ...] = ()
    commands: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the `failure` of the JSON contracts."""
        return {
            "cause": self.cause.to_json(),
            "environment": self.environment,
            "others": [cause.to_json() for cause in self.others],
            "events": [
                {
                    "object": event.object,
                    "reason": event.reason,
                    "message": event.message,
                    "count": event.count,
                    "last_seen": event.last_seen,
                }
                for event in self.events
            ],
            "logs": [
                {
                    "pods": list(each.pods),
                    "container": each.container,
                    "previous": each.previous,
                    "lines": list(each.lines),
                }
                for each in self.excerpts
            ],
            "commands": list(self.commands),
        }

    def redacted(self, hide: Callable[[str], str]) -> Failure:
        """Return the failure with every text that came out of the cluster passed through `hide`."""
        return replace(
            self,
            cause=replace(self.cause, message=hide(self.cause.message)),
            others=tuple(replace(cause, message=hide(cause.message)) for cause in self.others),
            events=tuple(replace(event, message=hide(event.message)) for event in self.events),
            excerpts=tuple(replace(each, lines=tuple(hide(line) for line in each.lines)) for each in self.excerpts),
        )


def events_that_matter(found: Iterable[Mapping[str, Any]]) -> tuple[Event, ...]:
    """Return the newest warnings, the same message of many replicas once, oldest first; repeats of the back-off are left out."""
    merged: dict[tuple[str, str], Event] = {}
    for each in found:
        if each.get("type") == "Normal" or each.get("reason") in NOISE or ECHO.match(str(each.get("message", ""))):
            continue
        event = _event(each)
        key = (event.reason, _without_names(event.message, each))
        earlier = merged.get(key)
        if earlier is not None:
            newest = max(earlier, event, key=lambda one: one.last_seen)
            event = replace(newest, count=earlier.count + event.count)
        merged[key] = event
    return tuple(sorted(merged.values(), key=lambda event: event.last_seen)[-EVENTS:])


def last_seen(event: Mapping[str, Any]) -> str:
    """Return when an event (`v1/Event`) was last reported, RFC 3339; newer reporters use other fields than older ones."""
    series = event.get("series") or {}
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    created = (event.get("metadata") or {}).get("creationTimestamp")
    return str(next((time for time in times if time), created or ""))


def plain(message: str) -> str:
    """Return what the cluster said on one line, without the wrapping that repeats an image's name up to four times."""
    return WRAPPING.sub("", " ".join(message.split()))


def excerpts(said: Sequence[tuple[str, str, bool, str]]) -> tuple[Excerpt, ...]:
    """Return what containers printed, from (pod, container, previous, text), the same text of many replicas once.

    Texts are the same when they differ in digits (times, addresses) and in the order of lines only: two streams are mixed anew in
    each container.
    """
    merged: dict[tuple[str, bool, tuple[str, ...]], Excerpt] = {}
    for pod, container, previous, text in said:
        lines = tuple(line.rstrip() for line in text.splitlines() if line.strip())
        if lines:
            key = (container, previous, tuple(sorted(_without_digits(line) for line in lines)))
            earlier = merged.get(key, Excerpt(pods=(), container=container, previous=previous, lines=lines))
            merged[key] = replace(earlier, pods=(*earlier.pods, pod))
    return tuple(merged.values())[:EXCERPTS]


def commands(cause: Cause, *, namespace: str, kubectl: Sequence[str]) -> tuple[str, ...]:
    """Return the commands that show more of `cause`; `kubectl` is the program with the flags that name the cluster."""
    start = f"{' '.join(kubectl)} -n {namespace}"
    kind, _, name = cause.object.partition("/")
    found = [f"{start} describe {kind.lower()} {name}"]
    if kind == "Pod" and cause.container and cause.exit_code is not None:
        found.append(f"{start} logs {name} -c {cause.container} --previous")
    elif kind == "Pod" and cause.rule == "timeout":
        found.append(f"{start} logs {name} --all-containers")
    return (*found, f"{start} get events --sort-by=.lastTimestamp")


def _event(each: Mapping[str, Any]) -> Event:
    about = each.get("involvedObject") or {}
    series = each.get("series") or {}
    return Event(
        object=f"{about.get('kind', 'Object')}/{about.get('name', '')}",
        reason=str(each.get("reason", "")),
        message=plain(str(each.get("message", ""))),
        count=int(series.get("count") or each.get("count") or 1),
        last_seen=last_seen(each),
    )


def _without_names(message: str, each: Mapping[str, Any]) -> str:
    """Return a message without what differs between replicas: the pod's name and its addresses."""
    name = str((each.get("involvedObject") or {}).get("name", ""))
    return _without_digits(message.replace(name, "") if name else message)


def _without_digits(text: str) -> str:
    return "".join(char for char in text if not char.isdigit())
