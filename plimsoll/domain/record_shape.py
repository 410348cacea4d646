"""What a record must look like before anything of it is believed: the shape of every field, as a table.

Records lie in a cluster, where anybody with rights may edit them. One that does not fit is damaged: it is named, and nothing is
decided from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Shape = Callable[[object], bool]


def _text(value: object) -> bool:
    return isinstance(value, str)


def _count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _optional(shape: Shape) -> Shape:
    return lambda value: value is None or shape(value)


def _each(shape: Shape) -> Shape:
    return lambda value: isinstance(value, list) and all(shape(each) for each in value)


def _named(shape: Shape) -> Shape:
    return lambda value: isinstance(value, dict) and all(isinstance(key, str) and shape(each) for key, each in value.items())


def _object(fields: Mapping[str, Shape], *, optional: frozenset[str] = frozenset()) -> Shape:
    def fits(value: object) -> bool:
        return isinstance(value, dict) and all(
            shape(value[name]) if name in value else name in optional for name, shape in fields.items()
        )

    return fits


_SCAN = _object(
    {
        "verdict": _text,
        "database_date": _optional(_text),
        "scanner": _optional(_text),
        "counts": _named(_count),
        "unfixed": _count,
        "excepted_until": _optional(_text),
        "reason": _optional(_text),
    },
    optional=frozenset({"scanner", "counts", "unfixed", "excepted_until", "reason"}),
)
_IMAGE = _object(
    {
        "reference": _text,
        "tag": _text,
        "unpacked_bytes": _count,
        "labels": _named(_text),
        "scan": _optional(_SCAN),
        "schema": _optional(_text),
    },
    optional=frozenset({"scan", "schema"}),
)
_SMOKE = _object(
    {"name": _text, "path": _text, "passed": _flag, "status": _optional(_count), "seconds": _number, "detail": _text},
    optional=frozenset({"status", "seconds", "detail"}),
)
_APPROVAL = _object({"kind": _text, "by": _text, "at": _text})
_ITEM = _object({"key": _text, "title": _text, "standing": _text, "detail": _text, "at": _optional(_text), "required": _flag})
_GATE = _object({"at": _text, "broken": _optional(_text), "items": _each(_ITEM)})
# Every field that a record of any version may hold; those that are not OPTIONAL stand in all of them.
FIELDS: dict[str, Shape] = {
    "name": _text,
    "environment": _text,
    "number": _count,
    "state": _text,
    "git_revision": _text,
    "dirty": _flag,
    "images": _named(_IMAGE),
    "content": _text,
    "actor": _text,
    "started_at": _text,
    "workloads": _named(_text),
    "inventory": _each(_text),
    "smoke": _each(_SMOKE),
    "secrets": _named(_text),
    "timings": _named(_number),
    "finished_at": _optional(_text),
    "cause": _optional(_text),
    "rollback_of": _optional(_text),
    "content_of": _optional(_text),
    "schema": _optional(_text),
    "migrated": _optional(_text),
    "one_way": _flag,
    "once_verified": _flag,
    "ci": _optional(_text),
    "untouched": _flag,
    "proven": _flag,
    "approval": _optional(_APPROVAL),
    "gate": _optional(_GATE),
}
OPTIONAL = frozenset(
    {
        "finished_at", "cause", "rollback_of", "content_of", "schema", "migrated", "one_way", "once_verified", "ci",
        "untouched", "proven", "approval", "gate",
    }
)  # fmt: skip


def require_shape(data: Any) -> None:  # noqa: ANN401 -- whatever lay in the cluster
    """Raise ValueError, or TypeError, naming the first field that is missing or has another shape than the table says."""
    if not isinstance(data, dict):
        msg = "a record is an object"
        raise TypeError(msg)
    for name, shape in FIELDS.items():
        if name not in data:
            if name in OPTIONAL:
                continue
            msg = f"{name} is missing"
            raise ValueError(msg)
        if not shape(data[name]):
            msg = f"{name} cannot be {data[name]!r}"
            raise ValueError(msg)
    if data["name"] != f"{data['environment']}-{data['number']}":
        msg = f"a record called {data['name']!r} cannot be number {data['number']} of {data['environment']!r}"
        raise ValueError(msg)
