"""The sections of plimsoll.toml, one reader each: a table in, a checked value of the domain out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from plimsoll.config.notify import read_channels
from plimsoll.domain.approver import Approver
from plimsoll.domain.checks import Check, Suite
from plimsoll.domain.dev import DevImage, DevSettings
from plimsoll.domain.project import (
    MEGABYTE,
    Base,
    ClusterSettings,
    Environment,
    GateSettings,
    Project,
    Registry,
    RemoteCluster,
    RolloutSettings,
    ScanPolicy,
    SecretSpec,
    Service,
    SmokeCheck,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from plimsoll.domain.table import Table

T = TypeVar("T")


def read_project(top: Table) -> Project | None:
    """Return the whole project, or None when there are problems; finishes the table."""
    for key in ("services", "environments"):
        if not top.left.get(key):
            top.problem(key, f"there is none; add one as [{key}.NAME]")
    head = top.table("project", required=True)
    name, source = head.text("name"), head.text("source")
    head.finish()
    registry = _registry(top.table("registry", required=True))
    cluster = _cluster(top.table("cluster"), name)
    bases = built(top, "bases", _base)
    services = built(top, "services", _service)
    environments = built(top, "environments", _environment)
    secrets = {key: _secret(key, table) for key, table in _secret_tables(top)}
    smoke = [_smoke(table) for table in top.tables("smoke")]
    scan, rollout = _scan(top.table("scan")), _rollout(top.table("rollout"))
    approvers, gate = _approvers(top), _gate(top.table("gate"))
    notify = read_channels(top, environments)
    top.finish()
    _distinct_ports(top, environments)
    if top.problems or registry is None or cluster is None or scan is None or rollout is None:
        return None
    return top.build(
        lambda: Project(
            name=name,
            source=source,
            registry=registry,
            cluster=cluster,
            services=services,
            bases=bases,
            environments=environments,
            secrets={key: each for key, each in secrets.items() if each},
            smoke=tuple(each for each in smoke if each),
            scan=scan,
            rollout=rollout,
            notify=notify,
            approvers=approvers,
            gate=gate or GateSettings(),
        )
    )


def built(top: Table, key: str, make: Callable[[str, Table], T | None]) -> dict[str, T]:
    """Return what `make` builds of each table below `key`, by name."""
    made = ((name, make(name, table)) for name, table in top.named(key).items())
    return {name: each for name, each in made if each is not None}


def _distinct_ports(top: Table, environments: Mapping[str, Environment]) -> None:
    for attribute in ("port", "node_port", "namespace"):
        owners: dict[object, str] = {}
        for name, environment in environments.items():
            value = getattr(environment, attribute)
            if value is None or environment.remote:
                continue
            if value in owners:
                top.problem(f"environments.{name}.{attribute}", f"{value} is already taken by {owners[value]!r}")
            owners.setdefault(value, name)


def _registry(table: Table) -> Registry | None:
    repository, local = table.text("repository"), table.flag("local", default=True)
    port, ca = table.number("port", 5001), table.text("ca", None)
    return table.build(lambda: Registry(repository=repository, local=local, port=port, ca=ca))


def _cluster(table: Table, project: str | None) -> ClusterSettings | None:
    name, nodes = table.text("name", project or "plimsoll"), table.number("nodes", 1)
    image = table.text("node_image", "auto")
    return table.build(lambda: ClusterSettings(name=name, nodes=nodes, node_image=image))


def _base(name: str, table: Table) -> Base | None:
    suite, kind, packages = table.text("suite"), table.text("kind"), table.texts("packages")
    exclude, pull = table.texts("exclude"), table.text("pull", None)
    return table.build(lambda: Base(name=name, suite=suite, kind=kind, packages=packages, exclude=exclude, pull=pull))


def _service(name: str, table: Table) -> Service | None:
    dockerfile, context, bases = table.text("dockerfile"), table.text("context"), table.texts("bases")
    arguments, budget = table.strings("arguments"), table.number("size_budget_mb", 200)
    schema = table.text("schema", None)
    return table.build(
        lambda: Service(
            name=name,
            dockerfile=dockerfile,
            context=context,
            bases=bases,
            arguments=arguments,
            budget_bytes=budget * MEGABYTE,
            schema=schema,
        )
    )


def _environment(name: str, table: Table) -> Environment | None:
    namespace, overlay, components = table.text("namespace"), table.text("overlay"), table.texts("components")
    protected, gate = table.flag("protected", default=False), table.text("gate", "block")
    url, port, node_port = table.text("url", None), table.number("port", None), table.number("node_port", None)
    remote_table = table.table("remote")
    remote = _remote(remote_table) if remote_table.left else None
    return table.build(
        lambda: Environment(
            name=name,
            namespace=namespace,
            overlay=overlay,
            components=components,
            protected=protected,
            gate=gate,
            url=url,
            port=port,
            node_port=node_port,
            remote=remote,
        )
    )


def _remote(table: Table) -> RemoteCluster | None:
    context, server, uid = table.text("context"), table.text("server", ""), table.text("uid", "")
    pull_secret = table.text("pull_secret", None)
    return table.build(lambda: RemoteCluster(context=context, server=server, uid=uid, pull_secret=pull_secret))


def _secret_tables(top: Table) -> list[tuple[str, Table]]:
    return list(top.named("secrets").items())


def _secret(name: str, table: Table) -> SecretSpec | None:
    keys = {key: table.number(key) for key in list(table.left)}
    return table.build(lambda: SecretSpec(name=name, keys=keys))


def _smoke(table: Table) -> SmokeCheck | None:
    name, path = table.text("name"), table.text("path")
    status, contains = table.number("status", 200), table.text("contains", None)
    return table.build(lambda: SmokeCheck(name=name, path=path, status=status, contains=contains))


def _scan(table: Table) -> ScanPolicy | None:
    default = ScanPolicy()
    severities, unfixed = table.texts("severities", default.severities), table.flag("block_unfixed", default=False)
    ignore_file = table.text("ignore_file", default.ignore_file)
    age = table.duration("database_max_age", default.database_max_age)
    repositories = table.texts("database_repositories", default.database_repositories)
    return table.build(
        lambda: ScanPolicy(
            severities=severities,
            block_unfixed=unfixed,
            ignore_file=ignore_file,
            database_max_age=age,
            database_repositories=repositories,
        )
    )


def _rollout(table: Table) -> RolloutSettings | None:
    default = RolloutSettings()
    durations = ("timeout", "rollback_timeout", "smoke_timeout", "grace", "configuration_grace", "probe_grace", "scale_up_grace")
    seconds = {key: table.duration(key, getattr(default, key)) for key in durations}
    numbers = ("crash_restarts", "readiness_flaps", "keep_releases", "keep_configurations")
    counts = {key: table.number(key, getattr(default, key)) for key in numbers}
    return table.build(lambda: RolloutSettings(**seconds, **counts))


def _approvers(top: Table) -> dict[str, Approver]:
    found = {}
    for name, key in top.strings("approvers").items():
        try:
            found[name] = Approver(name, key)
        except ValueError as error:
            top.problem(f"approvers.{name}", str(error))
    return found


def _gate(table: Table) -> GateSettings | None:
    branch, require = table.text("release_branch", "main"), table.texts("require")
    return table.build(lambda: GateSettings(release_branch=branch, require=require))


def _check_fields(table: Table) -> dict[str, Any]:
    return {
        "commands": table.commands("commands"),
        "folder": table.text("folder", "."),
        "files": table.texts("files"),
        "tools": table.texts("tools"),
        "fix": table.commands("fix"),
        "timeout": table.duration("timeout", 600),
    }


def read_check(name: str, table: Table) -> Check | None:
    """Return a check of [checks]."""
    fields = _check_fields(table)
    return table.build(lambda: Check(name=name, **fields))


def read_suite(name: str, table: Table) -> Suite | None:
    """Return a test suite of [suites]."""
    fields, needs, extra = _check_fields(table), table.texts("needs"), table.flag("extra", default=False)
    return table.build(lambda: Suite(name=name, needs=needs, extra=extra, **fields))


def read_dev(table: Table, local: Table) -> DevSettings | None:
    """Return [dev], None where there is none; ports of `local` ([dev] of this clone's own settings) win."""
    here = _numbers(local.table("ports"))
    local.finish()
    if not table.left:
        return None
    compose, images = table.text("compose"), built(table, "images", _dev_image)
    ports, secrets = _numbers(table.table("ports")), _secret("dev", table.table("secrets"))
    folders = table.texts("folders")
    return table.build(
        lambda: DevSettings(
            compose=compose,
            images=images,
            ports=ports | here,
            secrets=secrets or SecretSpec(name="dev", keys={}),
            folders=folders,
        )
    )


def _numbers(table: Table) -> dict[str, int]:
    found = {key: table.number(key) for key in list(table.left)}
    return {key: each for key, each in found.items() if each is not None}


def _dev_image(name: str, table: Table) -> DevImage | None:
    stage, remake_on = table.text("stage", None), table.texts("remake_on")
    return table.build(lambda: DevImage(service=name, stage=stage, remake_on=remake_on))
