"""How a hold is kept in the cluster: as JSON in a ConfigMap beside the lock, so that it survives whoever wrote it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from plimsoll.domain.hold import LONGEST, Hold, HoldBook, HoldEvent
from plimsoll.domain.ledger import NAMESPACE, labels, stem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plimsoll.domain.manifests import Manifest

KEY = "hold.json"


def name_of(application: str, environment: str) -> str:
    """Return the name of the ConfigMap that keeps an environment's hold."""
    return f"{stem(application, environment)}.hold"


def book_object(book: HoldBook, application: str, environment: str, *, replaced: Mapping[str, Any] | None) -> Manifest:
    """Return the ConfigMap that keeps `book`; it replaces `replaced` as it was read, and nothing else (None: it is new)."""
    metadata: dict[str, Any] = {
        "name": name_of(application, environment),
        "namespace": NAMESPACE,
        "labels": labels(application, environment, "hold"),
    }
    if replaced is not None:
        metadata |= {key: replaced["metadata"][key] for key in ("resourceVersion", "uid")}
    body = {
        "schema": "plimsoll.hold/1",
        "hold": book.hold.to_json() if book.hold else None,
        "events": [event.to_json() for event in book.events],
    }
    data = {KEY: json.dumps(body, sort_keys=True, ensure_ascii=False)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def read_book(found: Mapping[str, Any] | None) -> HoldBook:
    """Return what the ConfigMap `found` keeps; without one nothing was ever held."""
    if found is None:
        return HoldBook()
    try:
        body = json.loads(found["data"][KEY])
        hold = _hold(body["hold"]) if body["hold"] else None
        return HoldBook(hold, tuple(_event(each) for each in body["events"]))
    except (KeyError, TypeError, ValueError, AttributeError):
        return HoldBook(damaged=True)


def _hold(body: Mapping[str, str]) -> Hold:
    since = _moment(body["since"])
    # Whoever wrote it by hand does not get a longer one either.
    until = min(_moment(body["until"]), since + timedelta(seconds=LONGEST))
    return Hold(actor=body["actor"], reason=body["reason"], since=since, until=until)


def _event(body: Mapping[str, Any]) -> HoldEvent:
    until = _moment(body["until"]) if body.get("until") else None
    return HoldEvent(what=body["what"], actor=body["actor"], reason=body["reason"], at=_moment(body["at"]), until=until)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        msg = f"{text!r} names no time zone"
        raise ValueError(msg)
    return moment
