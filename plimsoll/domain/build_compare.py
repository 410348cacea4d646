"""Two builds of one source, compared: where they differ, which layer and which file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plimsoll.domain.build import instruction
from plimsoll.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from plimsoll.domain.build import Built

# Files that a message names per layer; a step without order may differ in thousands.
NAMED_FILES = 5


@dataclass(frozen=True)
class Difference:
    """A layer in which two builds differ: the instruction that makes it, and the files (`how path`)."""

    service: str
    instruction: str
    files: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return one entry of `differences`."""
        return {"image": self.service, "instruction": self.instruction, "files": list(self.files)}


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """What `inv build --check-reproducible` shows (JSON: `plimsoll.reproducible/1`): both digests of each image."""

    digests: Mapping[str, tuple[str, str]]
    differences: tuple[Difference, ...]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        return {
            "schema": "plimsoll.reproducible/1",
            "images": {service: {"digests": list(pair), "equal": pair[0] == pair[1]} for service, pair in self.digests.items()},
            "differences": [difference.to_json() for difference in self.differences],
            "seconds": round(self.seconds, 2),
        }

    def require_equal(self) -> None:
        """Raise Failed naming image, layer and file of everything that differs."""
        if all(first == second for first, second in self.digests.values()):
            return
        unequal = {service: pair for service, pair in self.digests.items() if pair[0] != pair[1]}
        lines = [f"{service}: {first} and {second}" for service, (first, second) in unequal.items()]
        lines += [line for difference in self.differences for line in _told(difference)]
        lines += [f"{name}: its configuration" for name in unequal if name not in {d.service for d in self.differences}]
        raise Failed(
            "\n".join(["two builds of the same commit differ", *lines]),
            where=", ".join(unequal),
            now="take out what depends on time, place or order: dates, random numbers, unsorted lists",
            code="not-reproducible",
            report=self,
        )


def _told(difference: Difference) -> Iterator[str]:
    yield f"{difference.service}: in the layer of `{difference.instruction}`"
    for file in difference.files[:NAMED_FILES]:
        yield f"  {file}"
    if len(difference.files) > NAMED_FILES:
        yield f"  and {len(difference.files) - NAMED_FILES} more"


def unequal_layers(first: Built, second: Built) -> tuple[int, ...]:
    """Return the positions of the layers in which two builds of one image differ."""
    longer = max(len(first.layers), len(second.layers))
    pairs = ((_digest(first, at), _digest(second, at)) for at in range(longer))
    return tuple(at for at, (one, other) in enumerate(pairs) if one != other)


def _digest(built: Built, at: int) -> str | None:
    return built.layers[at].digest if at < len(built.layers) else None


def difference(
    first: Built, at: int, entries: tuple[Mapping[str, Sequence[object]], Mapping[str, Sequence[object]]]
) -> Difference:
    """Return what differs in the layer at position `at`, given the entries of both: path -> all that is known of it."""
    one, other = entries
    files = []
    for path in sorted({*one, *other}):
        if path not in other:
            files.append(f"only in the first: /{path}")
        elif path not in one:
            files.append(f"only in the second: /{path}")
        elif one[path] != other[path]:
            files.append(f"differs: /{path}")
    words = first.layers[at].created_by if at < len(first.layers) else ""
    return Difference(first.image.service, instruction(words), tuple(files) or ("the same files in another order",))
