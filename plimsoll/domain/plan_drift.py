"""What moved between a plan and the moment it is carried out: which release, which object and field, which image."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from plimsoll.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from plimsoll.domain.ledger import History

# A message names what moved; whoever wants all of it makes the plan anew.
SHOWN = 10
VALUE = 60
# Parts of a plan that are lists of words, and how one more or one less in them is told.
LISTS = {
    "secrets": ("the Secret's key {} is missing now", "the Secret's key {} is there already"),
    "prunes": ("{} would be pruned now", "{} would no longer be pruned"),
    "notes": ("noted now: {}", "no longer noted: {}"),
}


def stale(moved: Sequence[str], environment: str) -> Misconfigured:
    """Return the error that names what moved since the plan was made."""
    told = [*moved[:SHOWN], *([f"and {len(moved) - SHOWN} more"] if len(moved) > SHOWN else [])]
    return Misconfigured(
        "\n".join(
            [f"{environment} has changed since the plan was made, and nothing was done:", *(f"  - {each}" for each in told)]
        ),
        where=environment,
        now=f"look at a new plan (`inv plan --env {environment}`), and have that one approved where it must be",
        code="plan-stale",
    )


def moved(before: Mapping[str, Any], now: Mapping[str, Any], history: History, *, number: int) -> tuple[str, ...]:
    """Return what made another plan (`now`) of the one `before`, both as `DeployPlan.to_json` tells them; the cause comes first.

    `number` is the one that the release of `before` would have got. It is called when the plans differ, so it names something.
    """
    found = [*_releases(before, now, history, number), *_images(before, now), *_objects(before, now), *_rest(before, now)]
    if found:
        return tuple(dict.fromkeys(found))
    fields = sorted(key for key in {*before, *now} if before.get(key) != now.get(key))
    return (
        f"the plan differs in {', '.join(fields)}"
        if fields
        else "the objects to apply are others (another version of Plimsoll?)",
    )


def _releases(before: Mapping[str, Any], now: Mapping[str, Any], history: History, number: int) -> Iterator[str]:
    for release in history.releases:
        if release.number >= number:
            yield f"{release.name} was recorded since: {release.state}, by {release.actor}, {release.started_at}"
    if before["live"] != now["live"]:
        yield f"the verified release was {before['live'] or 'none'} and is {now['live'] or 'none'}"
    elif before["release"] != now["release"] and not any(release.number >= number for release in history.releases):
        yield f"the next release was {before['release']} and is {now['release']}"


def _images(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for service in sorted({*before["images"], *now["images"]}):
        old, new = before["images"].get(service, "none"), now["images"].get(service, "none")
        if old != new:
            yield f"the image of {service} was {old} and is {new}"


def _objects(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    created, creating = set(before["creates"]), set(now["creates"])
    fields, fresh = _fields(before), _fields(now)
    yield from (f"{each} is gone from the cluster" for each in sorted(creating - created))
    yield from (f"{each} is in the cluster already" for each in sorted(created - creating))
    apart = creating ^ created
    for name, path in sorted({*fields, *fresh}):
        if name in apart:
            continue
        old, new = fields.get((name, path)), fresh.get((name, path))
        if old == new:
            continue
        # A field that only one of the plans changes had, or has, the value that is wanted.
        was = old["before"] if old else (new or {})["after"]
        is_now = new["before"] if new else (old or {})["after"]
        if was == is_now and old and new:
            yield f"{name}: {path} would become {_brief(new['after'])}, and not {_brief(old['after'])}"
        else:
            yield f"{name}: {path} was {_brief(was)} and is {_brief(is_now)}"


def _rest(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for key, (more, less) in LISTS.items():
        yield from (more.format(each) for each in now[key] if each not in before[key])
        yield from (less.format(each) for each in before[key] if each not in now[key])
    if before["migration"]["run"] != now["migration"]["run"]:
        verb = "would run" if now["migration"]["run"] else "would not run"
        yield f"migrations {verb} now: {now['migration']['why']}"
    known = [each["what"] for each in before["refusals"]]
    yield from (f"it would be refused now: {each['what']}" for each in now["refusals"] if each["what"] not in known)


def _fields(plan: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(each["object"], field["path"]): field for each in plan["changes"] for field in each["fields"]}


def _brief(value: Any) -> str:  # noqa: ANN401 -- any JSON value
    if value is None:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= VALUE else f"{text[: VALUE - 1]}…"
