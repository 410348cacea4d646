"""Reading versions.toml: a pin without version, hash or the hash's source is refused, all of them at once."""

from __future__ import annotations

import tomllib
from copy import deepcopy
from typing import Any

import pytest

from plimsoll.domain.tools import Need
from plimsoll.domain.tools_versions import parse
from plimsoll.errors import Misconfigured

GOOD: dict[str, Any] = tomllib.loads("""
[next-release]
bookworm = "trixie"

[tools.scanner]
why = "judges images"
needed = "release"
at_least = "1.5"
below = "3"
path = true
program = "scanner"
says = "Version: "
[[tools.scanner.denied]]
version = "1.9.4"
reason = "malicious"
[[tools.scanner.sources]]
kind = "download"
version = "2.0"
program = "scanner"
hash_from = "the project's checksums.txt"
url.linux-amd64 = "https://example.org/scanner"
sha256.linux-amd64 = "0000000000000000000000000000000000000000000000000000000000000000"
[[tools.scanner.sources]]
kind = "python"
package = "scanner-bin"
version = "2.0.1"
provides = "2.0"
program = "bin/scanner"
hash_from = "computed here"
sha256.linux-amd64 = "1111111111111111111111111111111111111111111111111111111111111111"
links."bin/scan" = "scanner"
[[tools.scanner.sources]]
kind = "module"
module = "example.org/scanner"
version = "2.0.0"
program = "bin/scanner"
sum = "h1:2Xi1KFEfSMm0XDcvKnUt15ZfgRPCT0OnCBbpgh8DztY="
hash_from = "go.sum"
[[tools.scanner.sources]]
kind = "build"
version = "2.0"
program = "bin/scanner"

[tools.database]
why = "tests"
needed = "tests"
at_least = "15"
program = "db"
says = "db "
[[tools.database.sources]]
kind = "debian"
debian = ["db"]
ubuntu = ["db"]

[images.node]
reference = "node:1@sha256:0000000000000000000000000000000000000000000000000000000000000000"
hash_from = "the module"

[packages.node]
suite = "bookworm"
at_least.systemd = "252"
""")


def test_what_is_pinned_is_read_in_full() -> None:
    versions = parse(deepcopy(GOOD))
    scanner = versions.tools["scanner"]
    assert (scanner.needed, scanner.wanted, scanner.range) == (Need.RELEASE, "2.0", ">= 1.5, < 3")
    assert [source.label for source in scanner.sources] == [
        "the project's own release 2.0",
        "Python package scanner-bin 2.0.1",
        "Go module example.org/scanner v2.0.0",
        "built with the kind node image",
    ]
    assert scanner.sources[1].hash_for("linux-amd64") == "sha256:" + "1" * 64
    assert scanner.sources[1].links == {"bin/scan": "scanner"}
    assert scanner.sources[2].hash_for("linux-arm64") == "h1:2Xi1KFEfSMm0XDcvKnUt15ZfgRPCT0OnCBbpgh8DztY="
    assert scanner.reason("1.9.4") == "malicious"
    assert versions.images["node"].hash_from == "the module"
    assert versions.packages["node"].at_least == {"systemd": "252"}
    assert versions.next_release == {"bookworm": "trixie"}


def test_packages_of_the_system_are_looked_for_on_path() -> None:
    database = parse(deepcopy(GOOD)).tools["database"]
    assert (database.system, database.path, database.wanted) == (True, True, ">= 15")
    assert database.sources[0].label == "packages db"


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("tools", "scanner", "sources", 0, "version"), None, "tools.scanner.sources[0].version: is missing"),
        (("tools", "scanner", "sources", 0, "sha256"), None, "tools.scanner.sources[0].sha256: is missing"),
        (("tools", "scanner", "sources", 0, "hash_from"), None, "tools.scanner.sources[0].hash_from: is missing"),
        (("tools", "scanner", "sources", 0, "program"), None, "tools.scanner.sources[0].program: is missing"),
        (("tools", "scanner", "sources", 0, "url"), {}, "names other platforms than url"),
        (("tools", "scanner", "sources", 1, "sha256", "linux-amd64"), "abc", "64 hexadecimal digits"),
        (("tools", "scanner", "sources", 1, "hash_from"), None, "tools.scanner.sources[1].hash_from: is missing"),
        (("tools", "scanner", "sources", 1, "package"), None, "tools.scanner.sources[1].package: is missing"),
        (("tools", "scanner", "sources", 2, "sum"), "h1:short=", "should be an h1 hash"),
        (("tools", "scanner", "sources", 2, "sum"), None, "tools.scanner.sources[2].sum: is missing"),
        (("tools", "scanner", "sources", 3, "version"), None, "tools.scanner.sources[3].version: is missing"),
        (("tools", "scanner", "sources", 0, "kind"), "curl", "should be one of download"),
        (("tools", "scanner", "sources"), [], "tools.scanner.sources: there is none"),
        (("tools", "scanner", "needed"), "sometimes", "should be one of release, tests, demand"),
        (("tools", "scanner", "says"), None, "tools.scanner.says: is missing"),
        (("tools", "scanner", "denied", 0, "reason"), None, "reason: is missing"),
        (("tools", "database", "sources", 0, "ubuntu"), [], "names its packages on debian and on ubuntu"),
        (("images", "node", "reference"), "node:1", "should name a digest"),
        (("images", "node", "hash_from"), None, "images.node.hash_from: is missing"),
        (("packages", "node", "at_least"), None, "packages.node.at_least: is missing"),
        (("tools", "scanner", "colour"), "red", "tools.scanner.colour: is not a setting"),
    ],
)
def test_a_pin_that_is_not_whole_is_refused(path: tuple[str | int, ...], value: object, told: str) -> None:
    data: Any = deepcopy(GOOD)
    place = data
    for key in path[:-1]:
        place = place[key]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    with pytest.raises(Misconfigured) as raised:
        parse(data)
    assert told in raised.value.what
    assert raised.value.where == "infrastructure/versions.toml"


def test_every_problem_is_told_at_once() -> None:
    data = deepcopy(GOOD)
    del data["tools"]["scanner"]["why"]
    del data["images"]["node"]["hash_from"]
    with pytest.raises(Misconfigured) as raised:
        parse(data)
    assert "tools.scanner.why" in raised.value.what
    assert "images.node.hash_from" in raised.value.what
