"""The nodes of one kind cluster (port KindNodes): made and removed by `kind`, looked at and started through the engine."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plimsoll.adapters import process
from plimsoll.adapters.docker_cli import docker
from plimsoll.adapters.state_file import write_private
from plimsoll.domain.cluster import RUNNING, Node, Seen, Shape, registry_hosts
from plimsoll.errors import EnvironmentLacks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from plimsoll.ports import Reporter

# Seconds; 15 are usual, a machine under full load needs minutes.
CREATE = 600.0
CLUSTER_LABEL = "io.x-k8s.kind.cluster"
# Where a node keeps what its cluster was made from; it lives and dies with the cluster.
RECORD = "/kind/plimsoll.json"
# On cgroup v1 kind enters a node as soon as its first line is logged; a busy machine may still be moving mounts in it then.
RACE = "OCI runtime exec failed"
# A user's own choice of provider or network would part nodes, registry and us.
SETTINGS = {"KIND_EXPERIMENTAL_PROVIDER": "docker", "KIND_EXPERIMENTAL_DOCKER_NETWORK": "kind"}


class KindNodes:
    """The cluster called `name`; `kind` returns the path of the program, `folder` keeps its kubeconfig and what was begun."""

    def __init__(self, name: str, *, kind: Callable[[], Path], folder: Path) -> None:
        """Prepare; nothing is looked at yet."""
        self._name = name
        self._kind = kind
        self._folder = folder

    @property
    def kubeconfig(self) -> Path:
        """The file that holds the way to this cluster and to no other."""
        return self._folder / "kubeconfig"

    @property
    def _begun(self) -> Path:
        return self._folder / f"{self._name}.begun"

    @property
    def _control_plane(self) -> str:
        return f"{self._name}-control-plane"

    def seen(self) -> Seen:
        """Return the nodes and what is recorded of them. Raise EnvironmentLacks when the engine does not answer."""
        listed = docker(
            "ps", "--all", "--no-trunc", "--filter", f"label={CLUSTER_LABEL}={self._name}", "--format", "{{json .}}"
        ).stdout
        found = [json.loads(line) for line in listed.splitlines()]
        nodes = tuple(Node(name=each["Names"], state=each["State"], image=each["Image"]) for each in found)
        shape = self._recorded() if nodes else None
        return Seen(nodes=tuple(sorted(nodes, key=lambda node: node.name)), shape=shape, begun=self._begun.exists())

    def create(self, configuration: Mapping[str, Any], image: str, *, reporter: Reporter) -> None:
        """Make the cluster; it counts as begun until `record`. Raise EnvironmentLacks with kind's words and a folder of logs."""
        self._begun.touch()
        try:
            try:
                self._create(configuration, image, reporter)
            except process.CommandFailed as error:
                if RACE not in error.finished.stderr:
                    raise
                reporter.detail("kind came too early for a node that was still starting: once more")
                self.delete()
                self._begun.touch()
                self._create(configuration, image, reporter)
        except process.CommandFailed as error:
            logs = self._folder / f"{self._name}-logs"
            process.run((self._kind(), "export", "logs", logs, "--name", self._name), timeout=120, env=SETTINGS, check=False)
            self.delete()
            raise EnvironmentLacks(
                f"the cluster cannot be made: {_cause(error.finished.stderr)}",
                where=str(logs),
                now="run `inv doctor`, correct what it says, and try again",
                code="kind",
            ) from error

    def _create(self, configuration: Mapping[str, Any], image: str, reporter: Reporter) -> None:
        argv = ("create", "cluster", "--name", self._name, "--image", image, "--retain", "--config", "-")
        process.stream(
            (self._kind(), *argv, "--kubeconfig", self.kubeconfig),
            reporter.detail,
            timeout=CREATE,
            env=SETTINGS,
            stdin=json.dumps(configuration),
            title="kind create cluster",
        )

    def record(self, shape: Shape) -> None:
        """Keep in the cluster what it was made from: from now on it is finished."""
        text = json.dumps(shape.to_json(), indent=2)
        docker("exec", "--interactive", self._control_plane, "sh", "-c", f"cat > {RECORD}", stdin=text)
        self._begun.unlink(missing_ok=True)

    def start(self) -> None:
        """Start the nodes that do not run, as after a reboot. Raise EnvironmentLacks when one does not."""
        for node in self.seen().nodes:
            if node.state == RUNNING:
                continue
            verb = "unpause" if node.state == "paused" else "start"
            done = docker(verb, node.name, check=False)
            if done.code != 0:
                raise EnvironmentLacks(
                    f"the node does not start: {done.stderr.strip().splitlines()[-1]}",
                    where=node.name,
                    now="free what it needs (a port?), or run `inv cluster.up --recreate`",
                    code="node-start",
                )

    def delete(self) -> None:
        """Remove the cluster with everything in it; one that is not there is no error."""
        words = ("delete", "cluster", "--name", self._name, "--kubeconfig", self.kubeconfig)
        process.run((self._kind(), *words), timeout=120, env=SETTINGS, title="kind delete cluster")
        self.kubeconfig.unlink(missing_ok=True)
        self._begun.unlink(missing_ok=True)

    def refresh_kubeconfig(self) -> str:
        """Keep the kubeconfig that the cluster itself gives; return what ours was: `lost`, `of another cluster`, or empty."""
        text = process.run(
            (self._kind(), "get", "kubeconfig", "--name", self._name), timeout=60, env=SETTINGS, title="kind get kubeconfig"
        ).stdout
        there = self.kubeconfig.read_text(encoding="utf-8") if self.kubeconfig.is_file() else None
        if there == text:
            return ""
        write_private(self.kubeconfig, text)
        return "lost" if there is None else "of another cluster"

    def trust_registry(self, host: str, container: str) -> None:
        """Tell every node which container stands behind the registry's name `host`."""
        file = f"/etc/containerd/certs.d/{host}/hosts.toml"
        for node in self.seen().nodes:
            text = registry_hosts(container)
            docker("exec", "--interactive", node.name, "sh", "-c", f'mkdir -p "$(dirname {file})" && cat > {file}', stdin=text)

    def program(self, path: str, target: Path) -> Path:
        """Copy a program out of the node's image, such as its kubectl, and return where it lies."""
        docker("cp", "--follow-link", f"{self._control_plane}:{path}", target)
        return target

    def _recorded(self) -> Shape | None:
        with tempfile.TemporaryDirectory(prefix="plimsoll-") as folder:
            copy = Path(folder) / "record.json"
            # Works for a stopped node, too.
            if docker("cp", f"{self._control_plane}:{RECORD}", copy, check=False).code != 0:
                return None
            try:
                return Shape.from_json(json.loads(copy.read_text(encoding="utf-8")))
            except (ValueError, KeyError, TypeError, AttributeError):
                return None


def _cause(said: str) -> str:
    """Return kind's own error line, or the last one."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    return (errors or lines or ["kind said nothing"])[-1].removeprefix("ERROR: ")


def lacks_sys_resource(status: Path = Path("/proc/self/status")) -> bool:
    """Tell whether nothing started here can ever have CAP_SYS_RESOURCE (bit 24 of the bounding set)."""
    try:
        lines = status.read_text(encoding="ascii").splitlines()
    except OSError:
        return False
    sets = dict(line.split(":", 1) for line in lines if ":" in line)
    return not int(sets.get("CapBnd", "ffffffff").strip(), 16) >> 24 & 1
