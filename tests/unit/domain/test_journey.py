"""Exceptions that a first day is given, and the file they are written to."""

from __future__ import annotations

import tomllib
from datetime import date
from typing import TYPE_CHECKING

from plimsoll.adapters.local_settings import write_grants
from plimsoll.domain.images import Image, ScanSummary, digest
from plimsoll.domain.journey import Grant, grants
from plimsoll.domain.project import Environment, RemoteCluster

if TYPE_CHECKING:
    from pathlib import Path

TODAY = date(2030, 1, 2)


def image(verdict: str) -> Image:
    return Image(
        service="web",
        repository="localhost:5001/shop/web",
        tag="0" * 16,
        digest=digest("sha256:" + "0" * 64),
        unpacked_bytes=1,
        labels={},
        scan=ScanSummary(verdict=verdict, reason='no "database"'),
    )


def environment(name: str, *, gate: str = "block", protected: bool = False, remote: RemoteCluster | None = None) -> Environment:
    return Environment(name=name, namespace=name, overlay=name, gate=gate, protected=protected, remote=remote)


def granted(verdict: str, *environments: Environment) -> list[str]:
    return [grant.environment for grant in grants((image("clean"), image(verdict)), environments, TODAY)]


def test_staging_of_the_local_cluster_is_excepted_for_a_week_when_no_scanner_could_run() -> None:
    (grant,) = grants((image("not-run"),), (environment("staging"),), TODAY)
    assert grant.until == date(2030, 1, 9)
    assert "no scanner could run" in grant.reason


def test_findings_are_never_excepted() -> None:
    assert granted("findings", environment("staging")) == []


def test_judged_images_need_no_exception() -> None:
    assert granted("clean", environment("staging")) == []


def test_production_and_remote_clusters_get_none_and_an_open_gate_needs_none() -> None:
    far = RemoteCluster(context="c", server="https://example.invalid", uid="u")
    others = environment("production", protected=True), environment("qa", remote=far), environment("local", gate="show")
    assert granted("not-run", *others) == []


def test_what_up_writes_stands_beside_what_the_user_wrote_and_is_replaced_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "plimsoll.local.toml"
    file.write_text('[tools]\ntrivy = "/opt/trivy"')
    for until in (date(2030, 1, 9), date(2030, 1, 10)):
        write_grants(file, [Grant(environment="staging", reason='a "reason"', until=until)])
    read = tomllib.loads(file.read_text())
    assert read["tools"] == {"trivy": "/opt/trivy"}
    assert read["scan_exceptions"] == [{"environment": "staging", "reason": 'a "reason"', "until": date(2030, 1, 10)}]
    write_grants(file, [])
    assert tomllib.loads(file.read_text()) == {"tools": {"trivy": "/opt/trivy"}}


def test_a_file_that_held_nothing_else_goes_with_the_last_exception(tmp_path: Path) -> None:
    file = tmp_path / "plimsoll.local.toml"
    write_grants(file, [Grant(environment="staging", reason="r", until=TODAY)])
    write_grants(file, [])
    assert not file.exists()
