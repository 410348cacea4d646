"""What a Dockerfile stands on: its stages, the bases its FROM lines name, and the arguments it declares."""

from __future__ import annotations

import re
from dataclasses import dataclass

from plimsoll.errors import Misconfigured

FROM = re.compile(r"\s*FROM\s+(?:--platform=\S+\s+)?(?P<base>\S+)(?:\s+AS\s+(?P<name>\S+))?\s*", re.IGNORECASE)
# COPY --from=NAME and RUN --mount=type=bind,from=NAME take files from a stage, or from outside.
TAKES_FROM = re.compile(r"(?:--from=|--mount=\S*\bfrom=)(?P<name>[^\s,]+)")
ARGUMENT = re.compile(r"\s*ARG\s+(?P<name>\w+)", re.IGNORECASE)
PINNED = re.compile(r".+@(?P<digest>sha256:[0-9a-f]{64})")


@dataclass(frozen=True)
class Stage:
    """One FROM line: what it stands on, its own name (empty without one), and where it is."""

    base: str
    name: str
    line: int


@dataclass(frozen=True)
class Dockerfile:
    """The parts of a Dockerfile that decide what is built upon what."""

    stages: tuple[Stage, ...]
    arguments: frozenset[str]
    taken: tuple[tuple[str, int], ...] = ()

    @property
    def foreign(self) -> tuple[tuple[str, int], ...]:
        """What comes from outside this file, and the line that names it."""
        stages = {stage.name for stage in self.stages if stage.name} | {str(index) for index in range(len(self.stages))}
        named = [(stage.base, stage.line) for stage in self.stages] + list(self.taken)
        return tuple((name, line) for name, line in named if name not in stages and name != "scratch")

    @property
    def final_base(self) -> str:
        """What the image that comes out stands on: `scratch`, the name of a base, or a reference."""
        named = {stage.name: stage.base for stage in self.stages if stage.name}
        base = self.stages[-1].base
        while base in named:
            base = named[base]
        return base


def parse(text: str, *, where: str, bases: tuple[str, ...]) -> Dockerfile:
    """Read a Dockerfile. Raise Misconfigured when it stands on anything but `bases`, `scratch` or a reference with its digest."""
    stages, arguments, taken = [], set(), []
    for number, line in enumerate(text.splitlines(), 1):
        if found := FROM.fullmatch(line):
            stages.append(Stage(found["base"], found["name"] or "", number))
        elif found := ARGUMENT.match(line):
            arguments.add(found["name"])
        elif not line.lstrip().startswith("#"):
            taken += [(each["name"], number) for each in TAKES_FROM.finditer(line)]
    if not stages:
        raise Misconfigured("this Dockerfile has no FROM line", where=where, now="name what it stands on", code="dockerfile")
    parsed = Dockerfile(tuple(stages), frozenset(arguments), tuple(taken))
    for name, at in parsed.foreign:
        if name not in bases and not PINNED.fullmatch(name):
            known = ", ".join(bases) or "none"
            raise Misconfigured(
                f"{name} is neither a stage nor a base of this service (bases: {known})",
                where=f"{where}:{at}",
                now="name one of them, add it to `bases` in plimsoll.toml, or pin an image with its digest (NAME@sha256:...)",
                code="dockerfile",
            )
    return parsed
