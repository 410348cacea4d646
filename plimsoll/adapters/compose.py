"""The development stack by `docker compose` (port DevStack). Whatever belongs to it carries the name of its compose project."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from plimsoll.adapters import process
from plimsoll.adapters.docker_cli import GONE, docker, engine_gone
from plimsoll.adapters.state_file import write_private
from plimsoll.domain.dev import Container
from plimsoll.errors import EnvironmentLacks, Failed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

# Seconds until the last service may be started: each waits for the health of those before it, 90 s at most each.
START = 300.0
# Seconds to stop: the longest grace period of a service, and some for the engine.
STOP = 90.0
QUICK = 60.0
# Somebody who follows a log ends it; this is only so that nothing runs for ever.
WATCH = 7 * 86400.0
VARIABLES = "compose.env"
ONCE = re.compile(r"([A-Za-z0-9._-]+):service_completed_successfully")
HAPPENED = re.compile(r"^\s*Container (?P<name>\S+)\s+(?P<what>Healthy|Exited|Started)\s*$")
TAKEN = re.compile(r"port is already allocated|address already in use")
NO_COMPOSE = re.compile(r"is not a docker command|unknown command: docker compose|unknown shorthand flag: 'p' in -p")


class Compose:
    """One compose project."""

    def __init__(self, project: str, file: Path, home: Path) -> None:
        """Run `file` as `project`; its variables, secrets among them, are kept in the folder `home`, for the owner only."""
        self._project = project
        self._file = file
        self._home = home
        self._variables = home / VARIABLES

    def variables(self) -> dict[str, str]:
        """Return the variables of the last start, none when there was none."""
        try:
            lines = self._variables.read_text(encoding="utf-8").splitlines()
        except OSError:
            return {}
        return {name: value for name, found, value in (line.partition("=") for line in lines) if found}

    def keep(self, variables: Mapping[str, str]) -> None:
        """Keep the variables for the next start."""
        write_private(self._variables, "".join(f"{name}={value}\n" for name, value in sorted(variables.items())))

    def forget(self) -> None:
        """Keep no variables any more."""
        self._variables.unlink(missing_ok=True)

    def start(self, on_event: Callable[[str, str], None]) -> None:
        """Start or update what is not as the file says, and return when the last service was started.

        `on_event` is told (service, what happened). Raise Failed when a service does not come up, EnvironmentLacks for a port
        that is taken.
        """

        def tell(line: str) -> None:
            if found := HAPPENED.match(line):
                on_event(self._service(found["name"]), found["what"].lower())

        files = ("--file", self._file, "--env-file", self._variables)
        words = (*files, "up", "--detach", "--no-build", "--remove-orphans")
        done = process.stream(self._argv(*words), tell, timeout=START, cwd=self._home, check=False, title="docker compose up")
        if done.code != 0:
            raise _explained(done)

    def containers(self) -> tuple[Container, ...]:
        """Return the stack's containers, in the order of their services' names."""
        said = self._run("ps", "--all", "--no-trunc", "--format", "json").stdout
        told = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        once = {name for each in told for name in ONCE.findall(str(each.get("Labels", "")))}
        return tuple(sorted((_container(each, once) for each in told), key=lambda each: each.service))

    def lines(self, service: str | None, last: int) -> tuple[tuple[str, str], ...]:
        """Return the `last` lines of each service, or of one, as (service, line)."""
        chosen = (service,) if service else ()
        said = self._run("logs", "--no-color", "--tail", str(last), *chosen).stdout
        cut = (line.removeprefix("\x1b[2K").partition("|") for line in said.splitlines())
        found = [(self._service(name.strip()), text.removeprefix(" ")) for name, bar, text in cut if bar]
        return tuple(sorted(found, key=lambda each: each[0]))

    def follow(self, service: str | None, last: int) -> int:
        """Show the `last` lines and all that come on our own output, until somebody ends it; return the exit code."""
        words = ("logs", "--follow", "--tail", str(last), *((service,) if service else ()))
        return process.attach(self._argv(*words), timeout=WATCH, cwd=self._home)

    def stop(self) -> None:
        """Stop and remove the containers and their network; volumes stay."""
        self._run("down", "--remove-orphans", timeout=STOP)

    def volumes(self) -> tuple[str, ...]:
        """Return the names of the volumes that hold the stack's data."""
        label = f"label=com.docker.compose.project={self._project}"
        return tuple(docker("volume", "ls", "--quiet", "--filter", label).stdout.split())

    def remove_volumes(self) -> None:
        """Remove the stack's data."""
        for name in self.volumes():
            docker("volume", "rm", name)

    def _argv(self, *words: str | Path) -> tuple[str | Path, ...]:
        return ("docker", "compose", "--ansi", "never", "--project-name", self._project, *words)

    def _run(self, *words: str | Path, timeout: float = QUICK) -> process.Finished:
        # In our own folder: by name alone compose would take a file that happens to lie where the user is.
        done = process.run(self._argv(*words), timeout=timeout, cwd=self._home, check=False)
        if done.code != 0:
            raise _explained(done)
        return done

    def _service(self, container: str) -> str:
        """Return the service in a container's name, `PROJECT-SERVICE-1` or `SERVICE-1`."""
        return container.removeprefix(f"{self._project}-").rpartition("-")[0] or container


def _container(told: Mapping[str, Any], once: set[str]) -> Container:
    service = str(told["Service"])
    ports = {int(each.get("PublishedPort") or 0) for each in told.get("Publishers") or ()}
    return Container(
        service=service,
        state=str(told["State"]),
        health=str(told.get("Health") or ""),
        exit_code=int(told.get("ExitCode") or 0),
        once=service in once,
        ports=tuple(sorted(ports - {0})),
    )


def _explained(done: process.Finished) -> Failed | EnvironmentLacks:
    said = done.stderr
    last = said.strip().splitlines()[-1] if said.strip() else f"exit code {done.code}"
    if any(sign in said for sign in GONE):
        return engine_gone(said)
    if NO_COMPOSE.search(said):
        return EnvironmentLacks("docker has no compose", where="docker compose", now="run `./inv setup`", code="tool-missing")
    if TAKEN.search(said):
        return EnvironmentLacks(
            f"a port of the development stack is taken: {last}",
            where="plimsoll.toml, [dev] ports",
            now="stop what listens there, or set another port",
            code="port-taken",
        )
    return Failed(f"the development stack: {last}", where=f"docker compose {done.argv[-1]}", code="dev-stack")
