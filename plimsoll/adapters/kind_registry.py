"""The registry's container beside the cluster (port LocalRegistry)."""

from __future__ import annotations

import http.client
import io
import tarfile
import time
from typing import TYPE_CHECKING

from plimsoll.adapters.docker_cli import docker, inspect
from plimsoll.domain.cluster import RUNNING, RegistryState
from plimsoll.errors import EnvironmentLacks, Misconfigured

if TYPE_CHECKING:
    from pathlib import Path

NETWORK = "kind"
PORT = "5000/tcp"
CONFIGURATION = "plimsoll/registry.yml"
LABEL = "dev.plimsoll.registry"
# Seconds until a registry answers: 0.1 are usual.
PATIENCE = 30.0


class RegistryContainer:
    """The registry in the container `name`, published on `port` of 127.0.0.1; its images are on a volume of the same name."""

    def __init__(self, name: str, port: int, *, configuration: Path) -> None:
        """Run it with the file `configuration`; nothing is looked at yet."""
        self.name = name
        self._port = port
        self._configuration = configuration

    def seen(self) -> RegistryState | None:
        """Return the container's state, None without one. Raise Misconfigured when it is somebody else's."""
        found = inspect("container", [self.name])
        if not found:
            return None
        if LABEL not in (found[0]["Config"].get("Labels") or {}):
            raise Misconfigured(
                f"there is a container {self.name!r} that Plimsoll did not make",
                where=str(found[0]["Config"].get("Image")),
                now="set another name in [cluster] of plimsoll.toml, or remove the container yourself",
                code="foreign-registry",
            )
        bound = (found[0]["HostConfig"].get("PortBindings") or {}).get(PORT) or [{}]
        return RegistryState(state=found[0]["State"]["Status"], port=int(bound[0].get("HostPort") or 0) or None)

    def run(self, image: str) -> None:
        """Make the container from `image` and start it; it comes back with the engine."""
        docker(
            *("create", "--name", self.name, "--hostname", self.name, "--label", f"{LABEL}={self.name}"),
            *("--network", NETWORK, "--publish", f"127.0.0.1:{self._port}:5000", "--volume", f"{self.name}:/var/lib/registry"),
            *("--restart", "unless-stopped", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
            *("--env", "OTEL_TRACES_EXPORTER=none", image, f"/etc/{CONFIGURATION}"),
            title="docker create of the registry",
        )
        # Copied, not mounted: the container outlives this clone of the repository.
        docker("cp", "-", f"{self.name}:/etc", stdin=_archive(self._configuration.read_bytes()))
        self.start()

    def start(self) -> None:
        """Start the container and return when the registry answers. Raise EnvironmentLacks with its last words."""
        done = docker("start", self.name, check=False)
        deadline = time.monotonic() + PATIENCE
        while done.code == 0 and time.monotonic() < deadline:
            if self.answers():
                return
            state = self.seen()
            if state is None or state.state != RUNNING:
                break
            time.sleep(0.1)
        said = done.stderr if done.code != 0 else docker("logs", "--tail", "5", self.name, check=False).stderr
        raise EnvironmentLacks(
            f"the local registry does not start\n  | {said.strip()}",
            where=f"container {self.name}, 127.0.0.1:{self._port}",
            now="free its port, or set another one in [registry] of plimsoll.toml",
            code="registry-start",
        )

    def answers(self) -> bool:
        """Tell whether the registry answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=2)
        try:
            connection.request("GET", "/v2/")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def remove(self, *, images: bool = False) -> None:
        """Remove the container, and with `images` its volume; what is not there is no error."""
        docker("rm", "--force", self.name, check=False)
        if images:
            docker("volume", "rm", "--force", self.name)


def _archive(content: bytes) -> bytes:
    """Return a tar archive of the configuration, in the folder that it makes for it."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        file = tarfile.TarInfo(CONFIGURATION)
        file.size, file.mode = len(content), 0o644
        tar.addfile(file, io.BytesIO(content))
    return archive.getvalue()
