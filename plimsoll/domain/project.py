"""What a repository says about itself: services, bases, environments, registry and cluster.

These are the parsed settings of `plimsoll.toml`. Wrong values cannot be built: each class checks itself and raises ValueError,
which `plimsoll.config` collects into one message with the path of each.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from plimsoll.domain.gate_rules import REQUIRABLE
from plimsoll.domain.pruning import KEPT_CONFIGURATIONS
from plimsoll.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plimsoll.domain.approver import Approver
    from plimsoll.domain.channel import Channel

# RFC 1123 label, as Kubernetes demands of names that become object names.
DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/-]*")
DURATION = re.compile(r"(\d+)([smhd])")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
MEGABYTE = 1_000_000
SEVERITIES = ("UNKNOWN", "LOW", "MEDIUM", "HIGH", "CRITICAL")


def check_name(name: str) -> str:
    """Return `name` when it can name a Kubernetes object; raise ValueError otherwise."""
    if not DNS_LABEL.fullmatch(name):
        msg = f"{name!r} is no DNS label (lower-case letters, digits and '-', at most 63)"
        raise ValueError(msg)
    return name


def parse_duration(text: str) -> int:
    """Return the seconds of a duration such as `300s`, `5m`, `1h` or `7d`; raise ValueError for anything else."""
    match = DURATION.fullmatch(text)
    if not match:
        msg = f"{text!r} is no duration; write a number and s, m, h or d, such as 300s"
        raise ValueError(msg)
    return int(match[1]) * SECONDS[match[2]]


def duration_flag(text: str, *, flag: str, now: str) -> int:
    """Return the seconds of a duration that a flag was given; raise Misconfigured naming the flag and `now`, what to write."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise Misconfigured(str(error), where=flag, now=now, code="flags") from error


def check_relative(path: str) -> str:
    """Return `path` when it stays inside the repository; raise ValueError otherwise."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or not path:
        msg = f"{path!r} must be a path inside the repository, relative to its root"
        raise ValueError(msg)
    return path


@dataclass(frozen=True, kw_only=True)
class Base:
    """A base image: pulled by digest where `pull` names one, otherwise bootstrapped from Debian packages.

    `kind` is `builder` (a minimal Debian system and the named packages, for build stages) or `runtime` (only the named packages
    and what they need, no package manager). `exclude` names packages to do without although others depend on them, and files:
    whatever holds a `/` is a path, in which `*` stands for anything. `packages` are names; their versions are the recorded state
    (`infrastructure/docker/bases.lock`).
    """

    name: str
    suite: str
    kind: str
    packages: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    pull: str | None = None

    def __post_init__(self) -> None:
        """Refuse what no build could use."""
        check_name(self.name)
        if self.kind not in {"builder", "runtime"}:
            msg = f"kind {self.kind!r} must be 'builder' or 'runtime'"
            raise ValueError(msg)
        if self.pull is not None and "@sha256:" not in self.pull:
            msg = f"pull {self.pull!r} must name a digest (NAME@sha256:...)"
            raise ValueError(msg)


@dataclass(frozen=True, kw_only=True)
class Service:
    """One image that the repository builds and an environment runs.

    `budget_bytes` bounds the sum of uncompressed layers. `schema` is the folder whose content decides whether the migration
    Job runs. `bases` name what the Dockerfile's FROM lines stand on.
    """

    name: str
    dockerfile: str
    context: str
    bases: tuple[str, ...]
    arguments: Mapping[str, str] = field(default_factory=dict)
    budget_bytes: int = 200 * MEGABYTE
    schema: str | None = None

    def __post_init__(self) -> None:
        """Refuse what no build could use."""
        check_name(self.name)
        check_relative(self.dockerfile)
        check_relative(self.context)
        if self.schema is not None:
            check_relative(self.schema)
        if self.budget_bytes <= 0:
            msg = "the size budget must be positive"
            raise ValueError(msg)


@dataclass(frozen=True, kw_only=True)
class SmokeCheck:
    """One request of the smoke test: GET `path`, expect `status` and, where given, a substring of the body."""

    name: str
    path: str
    status: int = 200
    contains: str | None = None


@dataclass(frozen=True, kw_only=True)
class SecretSpec:
    """A Kubernetes Secret whose values are generated at the first deploy: key -> length in characters (at least 24)."""

    name: str
    keys: Mapping[str, int]

    def __post_init__(self) -> None:
        """Refuse values too short to resist guessing (24 characters: docs/architecture, row 52)."""
        check_name(self.name)
        for key, length in self.keys.items():
            if not 24 <= length <= 256:  # noqa: PLR2004 -- the bounds are the rule itself
                msg = f"key {key!r}: length {length} must be between 24 and 256"
                raise ValueError(msg)


@dataclass(frozen=True, kw_only=True)
class RemoteCluster:
    """A cluster that Plimsoll did not make: addressed by kubeconfig context, recognised by API server and kube-system UID.

    Both are empty until `inv env.trust` has written them; nothing is released to such a cluster.
    """

    context: str
    server: str = ""
    uid: str = ""
    pull_secret: str | None = None


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Where releases run. `remote` is None on the local kind cluster.

    `protected` environments (production) take no dirty revision and ask for confirmation. `gate` is what a scan verdict that
    is not clean does: `block` or `show`. `port` is the host port on 127.0.0.1 and `node_port` the port on the kind node.
    """

    name: str
    namespace: str
    overlay: str
    components: tuple[str, ...] = ()
    protected: bool = False
    gate: str = "block"
    url: str | None = None
    port: int | None = None
    node_port: int | None = None
    remote: RemoteCluster | None = None

    def __post_init__(self) -> None:
        """Refuse environments that nothing could be deployed to."""
        check_name(self.name)
        check_name(self.namespace)
        check_relative(self.overlay)
        if self.gate not in {"block", "show"}:
            msg = f"gate {self.gate!r} must be 'block' or 'show'"
            raise ValueError(msg)
        if (self.port is None) != (self.node_port is None):
            msg = "port and node_port come together"
            raise ValueError(msg)

    @property
    def address(self) -> str | None:
        """The URL under which users reach this environment, or None where only the cluster knows."""
        if self.url:
            return self.url
        return f"http://127.0.0.1:{self.port}" if self.port else None


@dataclass(frozen=True, kw_only=True)
class Registry:
    """Where images go: `repository` is the prefix of every image (`localhost:5001/check-in`).

    `local` means that Plimsoll runs it beside the kind cluster on `port` of 127.0.0.1. `ca` is a PEM file for a private one.
    """

    repository: str
    local: bool = True
    port: int = 5001
    ca: str | None = None

    @property
    def host(self) -> str:
        """The registry's host (and port) as it stands in image references."""
        return self.repository.split("/", 1)[0]


@dataclass(frozen=True, kw_only=True)
class ClusterSettings:
    """The kind cluster that Plimsoll makes: `node_image` is `auto`, `build`, `pull` or the path of an archive."""

    name: str
    nodes: int = 1
    node_image: str = "auto"

    def __post_init__(self) -> None:
        """Refuse names that kind would refuse."""
        check_name(self.name)
        if self.nodes < 1:
            msg = "nodes must be at least 1"
            raise ValueError(msg)


@dataclass(frozen=True, kw_only=True)
class ScanPolicy:
    """The scan gate: which severities block, whether unfixed ones do, and how old (seconds) a database may be."""

    severities: tuple[str, ...] = ("HIGH", "CRITICAL")
    block_unfixed: bool = False
    ignore_file: str = ".trivyignore.yaml"
    database_max_age: int = 3 * 86400
    database_repositories: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse severities that no scanner reports."""
        for severity in self.severities:
            if severity not in SEVERITIES:
                msg = f"severity {severity!r} must be one of {', '.join(SEVERITIES)}"
                raise ValueError(msg)


@dataclass(frozen=True, kw_only=True)
class RolloutSettings:
    """Budgets of a deploy in seconds, and the faults it bears with before it gives up.

    `timeout` bounds the wait (300 s: capabilities row 15), `rollback_timeout` is a budget of its own. `crash_restarts` is the
    number of restarts after which a crash loop is final; `grace` the seconds granted to faults that may heal. The other limits
    and where their numbers come from: `domain.rollout_rules.Limits`. `keep_releases` can be gone back to; hash-suffixed
    configuration of the last `keep_configurations` is not pruned.
    """

    timeout: int = 300
    rollback_timeout: int = 300
    crash_restarts: int = 1
    readiness_flaps: int = 3
    grace: int = 30
    configuration_grace: int = 5
    probe_grace: int = 120
    scale_up_grace: int = 240
    smoke_timeout: int = 30
    keep_releases: int = 20
    keep_configurations: int = KEPT_CONFIGURATIONS

    def __post_init__(self) -> None:
        """Refuse less than nothing, and to keep no release: there would be nothing to go back to."""
        for each in fields(self):
            if getattr(self, each.name) < 0:
                msg = f"{each.name} must not be negative"
                raise ValueError(msg)
        if self.keep_releases < 1:
            msg = "keep_releases must be at least 1"
            raise ValueError(msg)


@dataclass(frozen=True, kw_only=True)
class GateSettings:
    """The gate of protected environments: the branch of releases, and the items that refuse when nobody provides them, too."""

    release_branch: str = "main"
    require: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse names that git would refuse, and items that the gate does not have."""
        if not BRANCH.fullmatch(self.release_branch):
            msg = f"release_branch {self.release_branch!r} is no name of a branch"
            raise ValueError(msg)
        for key in self.require:
            if key not in REQUIRABLE:
                msg = f"require {key!r} must be one of {', '.join(REQUIRABLE)} (approval is asked for in any case)"
                raise ValueError(msg)


@dataclass(frozen=True, kw_only=True)
class Project:
    """Everything `plimsoll.toml` says. `source` is the URL of the repository that image labels carry.

    `approvers` are those whose signature lets a plan go to a protected environment, by name.
    """

    name: str
    source: str
    registry: Registry
    cluster: ClusterSettings
    services: Mapping[str, Service]
    bases: Mapping[str, Base]
    environments: Mapping[str, Environment]
    secrets: Mapping[str, SecretSpec] = field(default_factory=dict)
    smoke: tuple[SmokeCheck, ...] = ()
    scan: ScanPolicy = field(default_factory=ScanPolicy)
    rollout: RolloutSettings = field(default_factory=RolloutSettings)
    gate: GateSettings = field(default_factory=GateSettings)
    notify: tuple[Channel, ...] = ()
    approvers: Mapping[str, Approver] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse references to bases that are not there, and one person's key under two names."""
        check_name(self.name)
        owners: dict[str, str] = {}
        for approver in self.approvers.values():
            if owners.setdefault(approver.public, approver.name) != approver.name:
                msg = (
                    f"the approvers {owners[approver.public]} and {approver.name} have the same key; each needs one of their own"
                )
                raise ValueError(msg)
        for service in self.services.values():
            for base in service.bases:
                if base not in self.bases:
                    msg = f"service {service.name!r} stands on base {base!r}, which is not in [bases]"
                    raise ValueError(msg)
