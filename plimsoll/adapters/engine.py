"""The container engine as `docker info` shows it: one call, whatever host or context the user has chosen (port Engine)."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

from plimsoll.adapters import process
from plimsoll.domain.tools_machine import EngineFacts
from plimsoll.errors import PlimsollError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plimsoll.adapters.dockerd import EngineStarter

# Seconds: an engine answers within one, but a machine that builds on all its processors may take many to ask it.
PATIENCE = 30
SERVER = "/usr/sbin:/sbin:/usr/local/sbin"


class DockerEngine:
    """Docker by its client; `starter` starts one here."""

    def __init__(self, starter: EngineStarter, *, environ: Mapping[str, str]) -> None:
        """Ask the engine that `environ` (DOCKER_HOST, DOCKER_CONTEXT, DOCKER_CONFIG) leads to."""
        self._starter = starter
        self._environ = environ

    def facts(self) -> EngineFacts:
        """Return what the client sees; an engine that is not there is an answer, too."""
        path = self._environ.get("PATH", os.defpath)
        daemon = shutil.which("dockerd", path=f"{path}:{SERVER}") is not None
        host = self._environ.get("DOCKER_HOST", "")
        chosen = bool(host) and host.removeprefix("unix://") != str(self._starter.socket)
        address = host or f"unix://{self._starter.socket}"
        if shutil.which("docker", path=path) is None:
            return EngineFacts(address=address, chosen=chosen, daemon=daemon)
        try:
            said = process.run(("docker", "info", "--format", "{{json .}}"), timeout=PATIENCE, env=self._environ, check=False)
            told = json.loads(said.stdout)
        except (PlimsollError, ValueError) as error:
            return EngineFacts(address=address, chosen=chosen, daemon=daemon, client="unknown", error=str(error))
        return _read(told, said.stderr, address=address, chosen=chosen, daemon=daemon)

    def start(self, *, systemd: bool) -> None:
        """Start it and return when it answers. Raise EnvironmentLacks with its last words when it does not."""
        self._starter.start(systemd=systemd)


def _read(told: Mapping[str, Any], complaint: str, *, address: str, chosen: bool, daemon: bool) -> EngineFacts:
    client: Mapping[str, Any] = told.get("ClientInfo") or {}
    context = client.get("Context", "default")
    plugins = {each.get("Name"): str(each.get("Version", "")).lstrip("v") for each in client.get("Plugins") or ()}
    errors = " ".join(told.get("ServerErrors") or ()) + complaint
    status = told.get("DriverStatus") or ()
    return EngineFacts(
        address=address if context == "default" else f"context {context}",
        chosen=chosen or context != "default",
        client=client.get("Version"),
        daemon=daemon,
        running=bool(told.get("ServerVersion")),
        refused="permission denied" in errors,
        version=told.get("ServerVersion") or None,
        containerd_store=any("io.containerd.snapshotter" in str(value) for pair in status for value in pair),
        root=told.get("DockerRootDir", ""),
        buildx=plugins.get("buildx"),
        compose=plugins.get("compose"),
        error=errors.strip(),
    )
