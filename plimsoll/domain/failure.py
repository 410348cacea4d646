"""One model of a failed rollout: cause first, then the events that matter, then logs, then commands to look further.

The same object is drawn on a terminal, in GitHub's log and as JSON; nobody else describes a failure.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# Colours, titles and cursor moves that programs print for terminals, and characters that would act on ours.
ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# A line that is longer (a whole document on one line) is cut: it is to be read, and sent in notifications.
LONGEST_LINE = 1000
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
    """Something that the cluster said `count` times of so many `objects`, last of `object` at `last_seen` (RFC 3339)."""

    object: str
    reason: str
    message: str
    count: int
    last_seen: str
    objects: int = 1

    @property
    def told(self) -> str:
        """What was said and how often: `probe failed (12 times, 4 objects)`."""
        objects = f", {self.objects} objects" if self.objects > 1 else ""
        return f"{self.message} ({self.count} times{objects})" if self.count > 1 else self.message

    def to_json(self) -> dict[str, Any]:
        """Return one entry of `events`."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Excerpt:
    """The last lines that a failed container of some pods printed; `previous`: before its last restart, in all of them."""

    pods: tuple[str, ...]
    container: str
    previous: bool
    lines: tuple[str, ...]

    @property
    def title(self) -> str:
        """What the lines are, in one line."""
        when = ", before its last restart" if self.previous else ""
        return f"last lines of container {self.container} in {', '.join(self.pods)}{when}"

    def to_json(self) -> dict[str, Any]:
        """Return one entry of `logs`."""
        return {"pods": list(self.pods), "container": self.container, "previous": self.previous, "lines": list(self.lines)}


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Everything worth telling about a rollout that failed. `others` are further causes, of other workloads.

    `failed_pods` counts the workload's pods that are not ready; logs are read of the first few only.
    """

    cause: Cause
    environment: str
    others: tuple[Cause, ...] = ()
    events: tuple[Event, ...] = ()
    excerpts: tuple[Excerpt, ...] = ()
    commands: tuple[str, ...] = ()
    failed_pods: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the JSON contract `plimsoll.failure/1`: the `failure` of a deploy, a rollback and a notification."""
        return {
            "schema": "plimsoll.failure/1",
            "cause": self.cause.to_json(),
            "environment": self.environment,
            "others": [cause.to_json() for cause in self.others],
            "failed_pods": self.failed_pods,
            "events": [event.to_json() for event in self.events],
            "logs": [each.to_json() for each in self.excerpts],
            "commands": list(self.commands),
        }

    def replaced(self, release: str) -> Failure:
        """Return the failure of `release` once an older one runs in its place: with commands that still find something.

        The pods of a workload that goes back are gone; those of a Job stay.
        """
        if self.cause.workload.startswith("Job/"):
            return self
        kept = (command for command in self.commands if " describe pod " not in command and " logs " not in command)
        return replace(self, commands=(f"inv release.show {release}", *kept))

    def redacted(self, hide: Callable[[str], str]) -> Failure:
        """Return the failure with every text that came out of the cluster passed through `hide`, and endless lines cut then."""
        return replace(
            self,
            cause=replace(self.cause, message=hide(self.cause.message)),
            others=tuple(replace(cause, message=hide(cause.message)) for cause in self.others),
            events=tuple(replace(event, message=hide(event.message)) for event in self.events),
            excerpts=tuple(replace(each, lines=tuple(_cut(hide(line)) for line in each.lines)) for each in self.excerpts),
        )


def last_seen(event: Mapping[str, Any]) -> str:
    """Return when an event (`v1/Event`) was last reported, RFC 3339; newer reporters use other fields than older ones."""
    series = event.get("series") or {}
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    created = (event.get("metadata") or {}).get("creationTimestamp")
    return str(next((time for time in times if time), created or ""))


def plain(message: str) -> str:
    """Return what the cluster said on one line, without the wrapping that repeats an image's name up to four times."""
    return WRAPPING.sub("", " ".join(clean(message).split()))


def clean(text: str) -> str:
    """Return text without what would act on a terminal, or show it in another order than it is written."""
    return CONTROL.sub("", ESCAPES.sub("", text))


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


def _cut(line: str) -> str:
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…"
