"""What of a cluster's events and of containers' logs is worth telling about a failure: the newest, and what is the same once."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from plimsoll.domain.failure import Event, Excerpt, clean, last_seen, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# A report fits one screen: so many events and containers are worth showing, the rest is counted by the cluster anyway.
EVENTS = 5
EXCERPTS = 3
# Said of every pod that waits to start again, or does not start; the cause says it better.
NOISE = frozenset({"BackOff"})
ECHO = re.compile(r"Error: \w+$")
# What differs between replicas that say the same: numbers, addresses, hashes, identifiers.
VARYING = re.compile(r"\b(?=[a-f-]*\d)[0-9a-f-]{6,}\b|\d+")


def events_that_matter(found: Iterable[Mapping[str, Any]]) -> tuple[Event, ...]:
    """Return the newest warnings, the same message of many replicas once, oldest first; repeats of the back-off are left out."""
    alike: dict[tuple[str, str], list[Event]] = {}
    for each in found:
        if each.get("type") == "Normal" or each.get("reason") in NOISE or ECHO.match(str(each.get("message", ""))):
            continue
        event = _event(each)
        name = event.object.partition("/")[2]
        alike.setdefault((event.reason, _sameness(event.message, name)), []).append(event)
    merged = (
        replace(
            max(events, key=lambda event: event.last_seen),
            count=sum(event.count for event in events),
            objects=len({event.object for event in events}),
        )
        for events in alike.values()
    )
    return tuple(sorted(merged, key=lambda event: event.last_seen)[-EVENTS:])


def excerpts(said: Iterable[tuple[str, str, bool, str]]) -> tuple[Excerpt, ...]:
    """Return what containers printed, from (pod, container, previous, text), the same text of many replicas once.

    Texts are the same when they differ only in numbers and names, in the order of lines (two streams are mixed anew in each
    container), in how often they say it, or in how much came before the same last line.
    """
    merged: list[tuple[list[str], Excerpt]] = []
    for pod, container, previous, text in said:
        lines = tuple(clean(line).expandtabs(4).rstrip() for line in text.splitlines() if line.strip())
        keys = [_sameness(line, pod) for line in lines]
        if not lines:
            continue
        new = Excerpt(pods=(pod,), container=container, previous=previous, lines=lines)
        place = next((n for n, (seen, each) in enumerate(merged) if each.container == container and _same(seen, keys)), None)
        if place is None:
            merged.append((keys, new))
            continue
        seen, earlier = merged[place]
        keys, longer = (keys, new) if len(set(keys)) > len(set(seen)) else (seen, earlier)
        pods = tuple(dict.fromkeys((*earlier.pods, pod)))
        merged[place] = (keys, replace(longer, pods=pods, previous=earlier.previous and previous))
    return tuple(each for _keys, each in merged[:EXCERPTS])


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


def _sameness(text: str, name: str) -> str:
    """Return a text without what differs between replicas: the pod's own name, numbers, addresses and hashes."""
    return VARYING.sub("", text.replace(name, "") if name else text)


def _same(one: Sequence[str], other: Sequence[str]) -> bool:
    """Tell whether two logs say the same, by the `_sameness` of their lines."""
    first, second = set(one), set(other)
    return first == second or (one[-1] == other[-1] and (first <= second or second <= first))
