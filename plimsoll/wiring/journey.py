"""Composition of `inv up` and `inv down`: the whole way, from a bare machine to a verified release, and its removal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll import wiring
from plimsoll.config import LOCAL_FILE
from plimsoll.domain.journey import DownResult, UpResult, grants

if TYPE_CHECKING:
    from plimsoll.ports import Reporter

# What `inv up` releases: the first environment of a day.
FIRST = "local"


def up(reporter: Reporter, *, yes: bool) -> UpResult:
    """Install what is missing, bring the cluster up, build, and release to the environment `local`.

    Each step says itself when there is nothing to do. Where no scanner could run, this clone is given exceptions for a week.
    """
    from plimsoll.adapters.local_settings import write_grants
    from plimsoll.wiring import cluster, images, releases, scan, tools

    started = wiring.clock().monotonic()
    tools.setup(reporter, yes=yes)
    cluster.up(reporter)
    built = images.build((), reporter)
    deployed = releases.deploy(FIRST, releases.Options(yes=yes), reporter)
    project = wiring.project()
    found = deployed.release.images.values() if deployed.release else ()
    given = grants(found, project.environments.values(), scan.today())
    write_grants(wiring.root() / LOCAL_FILE, given)
    for grant in given:
        reporter.warn(
            f"{grant.environment} takes images that were not scanned until {grant.until} ({LOCAL_FILE}): {grant.reason}"
        )
    return UpResult(
        deployed=deployed,
        built=tuple(name for name, each in built.images.items() if each.origin == "built"),
        grants=given,
        seconds=wiring.clock().monotonic() - started,
    )


def down(reporter: Reporter, *, purge: bool) -> DownResult:
    """Remove what `up` made: the cluster with every release in it, and the registry; with `purge` its images, too."""
    from plimsoll.wiring import cluster

    return DownResult(cluster=cluster.down(reporter, purge=purge))
