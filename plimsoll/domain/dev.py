"""The development stack: its settings ([dev] of plimsoll.toml), what its containers say, and when it is up.

Variables of the compose file are named by rule: image `backend` is IMAGE_BACKEND, port `page` is PORT_PAGE, secret
`database-password` is SECRET_DATABASE_PASSWORD.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from plimsoll.domain.build_dockerfile import parse
from plimsoll.domain.project import SecretSpec, check_name, check_relative
from plimsoll.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from plimsoll.domain.build import BuildInputs

HIGHEST_PORT = 65535


@dataclass(frozen=True, kw_only=True)
class DevImage:
    """What a service runs on: its image, or one `stage` of its Dockerfile.

    `remake_on` are the files of its context that decide whether it is made again, all of them when there are none. Sources that
    a mount hides need not be among them.
    """

    service: str
    stage: str | None = None
    remake_on: tuple[str, ...] = ()

    def inputs(self, whole: BuildInputs) -> BuildInputs:
        """Return what goes into the image: of the Dockerfile only what leads to the stage, of the files those that decide.

        Raise Misconfigured when the Dockerfile has no such stage.
        """
        files = tuple(each for each in whole.files if not self.remake_on or each.path in self.remake_on)
        if self.stage is None:
            return dataclasses.replace(whole, files=files)
        stages = whole.parsed.stages
        at = next((index for index, stage in enumerate(stages) if stage.name == self.stage), None)
        if at is None:
            known = ", ".join(each.name for each in stages if each.name)
            raise Misconfigured(
                f"there is no stage {self.stage!r}",
                where=whole.service.dockerfile,
                now=f"correct [dev.images.{self.service}] of plimsoll.toml; known: {known}",
                code="unknown-stage",
            )
        lines = whole.dockerfile.splitlines(keepends=True)
        text = "".join(lines[: stages[at + 1].line - 1]) if at + 1 < len(stages) else whole.dockerfile
        parsed = parse(text, where=whole.service.dockerfile, bases=whole.service.bases)
        used = {name for name, _line in parsed.foreign}
        bases = tuple(each for each in whole.bases if each.base.name in used)
        return dataclasses.replace(whole, dockerfile=text, parsed=parsed, files=files, bases=bases)


@dataclass(frozen=True, kw_only=True)
class DevSettings:
    """[dev]: the compose file, the images it runs, its ports on 127.0.0.1, and the secrets that are generated for it.

    `folders` are made, empty, where they are missing: places in the work tree that something is mounted over.
    """

    compose: str
    images: Mapping[str, DevImage]
    ports: Mapping[str, int]
    secrets: SecretSpec = field(default_factory=lambda: SecretSpec(name="dev", keys={}))
    folders: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no engine could start."""
        for path in (self.compose, *self.folders):
            check_relative(path)
        for name in (*self.ports, *self.secrets.keys):
            check_name(name)
        for name, port in self.ports.items():
            if not 0 < port <= HIGHEST_PORT:
                msg = f"port {name} must be between 1 and {HIGHEST_PORT}, not {port}"
                raise ValueError(msg)
        if len(set(self.ports.values())) < len(self.ports):
            msg = "two ports are the same"
            raise ValueError(msg)

    def variables(self, images: Mapping[str, str]) -> dict[str, str]:
        """Return the variables of the compose file but for its secrets; `images` are references by service."""
        named = {f"IMAGE_{_word(name)}": reference for name, reference in images.items()}
        return named | {f"PORT_{_word(name)}": str(port) for name, port in self.ports.items()}

    def secret_variables(self) -> dict[str, int]:
        """Return the variables that hold secrets, and the length of each in characters."""
        return {f"SECRET_{_word(name)}": length for name, length in self.secrets.keys.items()}

    def addresses(self) -> dict[str, str]:
        """Return where each port is reached."""
        return {name: f"http://127.0.0.1:{port}" for name, port in self.ports.items()}


def _word(name: str) -> str:
    return name.upper().replace("-", "_")


@dataclass(frozen=True, kw_only=True)
class Container:
    """A container of the stack as the engine describes it. `once`: others wait for its end, so it may end, with 0.

    `health` is empty where no health check is declared; `ports` are those it publishes now.
    """

    service: str
    state: str
    health: str = ""
    exit_code: int = 0
    once: bool = False
    ports: tuple[int, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether it does, or did, its work."""
        if self.once:
            return self.state == "exited" and self.exit_code == 0
        return self.state == "running" and self.health in {"", "healthy"}

    @property
    def broken(self) -> bool:
        """Whether waiting longer is no use."""
        ended = self.state in {"exited", "dead"}
        return self.health == "unhealthy" or (ended and not self.ready)

    @property
    def word(self) -> str:
        """What people are told about it."""
        if self.state == "exited":
            return "done" if self.ready else f"ended with exit code {self.exit_code}"
        return self.health if self.state == "running" and self.health else self.state


class Verdict(Enum):
    """What the containers of a stack say together."""

    READY = "ready"
    WAITING = "waiting"
    BROKEN = "broken"


def judge(containers: Sequence[Container]) -> Verdict:
    """Return whether the stack is up, may still come up, or will not. No container at all will not."""
    if not containers or any(each.broken for each in containers):
        return Verdict.BROKEN
    return Verdict.READY if all(each.ready for each in containers) else Verdict.WAITING


def published(containers: Iterable[Container]) -> frozenset[int]:
    """Return the ports of this machine that the stack itself holds."""
    return frozenset(port for each in containers for port in each.ports)


@dataclass(frozen=True, kw_only=True)
class DevUp:
    """What `inv dev.up` brought up (JSON: `plimsoll.dev.up/1`). `made` are the services whose images were not there before."""

    containers: tuple[Container, ...]
    addresses: Mapping[str, str]
    made: tuple[str, ...]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        return {
            "schema": "plimsoll.dev.up/1",
            "services": {each.service: {"state": each.word} for each in self.containers},
            "addresses": dict(self.addresses),
            "made": list(self.made),
            "seconds": round(self.seconds, 2),
        }


@dataclass(frozen=True, kw_only=True)
class DevDown:
    """What `inv dev.down` removed and what it kept (JSON: `plimsoll.dev.down/1`)."""

    removed: tuple[str, ...]
    kept: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        return {"schema": "plimsoll.dev.down/1", "removed": list(self.removed), "kept": list(self.kept)}


@dataclass(frozen=True, kw_only=True)
class DevLogs:
    """What the containers of the stack said: (service, line), oldest first within a service (JSON: `plimsoll.dev.logs/1`)."""

    lines: tuple[tuple[str, str], ...]

    def to_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        return {"schema": "plimsoll.dev.logs/1", "lines": [{"service": service, "line": line} for service, line in self.lines]}
