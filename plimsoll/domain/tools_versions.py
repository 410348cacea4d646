"""infrastructure/versions.toml -> Versions: every problem at once, each with its path."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from plimsoll.domain.table import Table
from plimsoll.domain.tools import Denied, Need, Source, Tool
from plimsoll.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = "infrastructure/versions.toml"
SHA256 = re.compile(r"[0-9a-f]{64}")
# Go's h1: the base64 of a SHA-256.
GO_SUM = re.compile(r"h1:[A-Za-z0-9+/]{43}=")
DIGEST = re.compile(r".+@sha256:[0-9a-f]{64}")
KINDS = ("download", "python", "module", "build", "debian")


@dataclass(frozen=True, kw_only=True)
class PinnedImage:
    """A container image by digest, and who published the digest."""

    reference: str
    hash_from: str


@dataclass(frozen=True, kw_only=True)
class PinnedPackages:
    """Packages of a Debian suite: the lowest version that serves; apt's signatures hold them."""

    suite: str
    at_least: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Versions:
    """Everything that is pinned. `next_release` maps a Debian release to the one that has newer packages."""

    tools: Mapping[str, Tool]
    images: Mapping[str, PinnedImage] = field(default_factory=dict)
    packages: Mapping[str, PinnedPackages] = field(default_factory=dict)
    next_release: Mapping[str, str] = field(default_factory=dict)


def parse(data: dict[str, Any]) -> Versions:
    """Return the pins; raise Misconfigured naming every one that lacks its version, its hash or the hash's source."""
    top = Table("", "", data, [])
    next_release = top.strings("next-release")
    tools = {name: _tool(name, table) for name, table in top.named("tools").items()}
    images = {name: _image(table) for name, table in top.named("images").items()}
    packages = {name: _packages(table) for name, table in top.named("packages").items()}
    top.finish()
    if top.problems:
        lines = "\n".join(f"  - {problem}" for problem in top.problems)
        raise Misconfigured(f"the pinned versions are not usable:\n{lines}", where=FILE, now="correct them", code="versions")
    return Versions(
        tools={name: tool for name, tool in tools.items() if tool},
        images={name: image for name, image in images.items() if image},
        packages={name: each for name, each in packages.items() if each},
        next_release=next_release,
    )


def _tool(name: str, table: Table) -> Tool | None:
    needed, program, why = table.text("needed"), table.text("program"), table.text("why")
    at_least, below = table.text("at_least"), table.text("below", "")
    path, plugin = table.flag("path", default=False), table.flag("plugin", default=False)
    debian_only = table.flag("debian_only", default=False)
    companions, folders = table.texts("with"), table.texts("folders")
    arguments, says = table.texts("version_arguments", ("--version",)), table.text("says", "")
    go_module = table.text("go_module", "")
    denied = tuple(_denied(each) for each in table.tables("denied"))
    sources = tuple(_source(each) for each in _below(table, "sources"))
    if not plugin and program and program != "docker" and not says:
        table.problem("says", "is missing; it should be the words before the version in what the program prints")
    if not sources:
        table.problem("sources", "there is none: say where the tool comes from")
    if needed is not None and needed not in set(Need):
        table.problem("needed", f"should be one of {', '.join(Need)}, not {needed!r}")
        return None
    return table.build(
        lambda: Tool(
            name=name,
            why=why,
            needed=Need(needed),
            program=program,
            at_least=at_least,
            below=below,
            path=path or any(each is not None and each.kind == "debian" for each in sources),
            plugin=plugin,
            debian_only=debian_only,
            companions=companions,
            folders=folders,
            version_arguments=arguments,
            says=says,
            go_module=go_module,
            denied=tuple(each for each in denied if each),
            sources=tuple(each for each in sources if each),
        )
    )


def _below(table: Table, key: str) -> list[Table]:
    """Return an array of tables whose problems name the table they stand in."""
    found = table.tables(key)
    for index, each in enumerate(found):
        each.path = f"{table.path}.{key}[{index}]"
    return found


def _denied(table: Table) -> Denied | None:
    version, reason = table.text("version"), table.text("reason")
    return table.build(lambda: Denied(version=version, reason=reason))


def _source(table: Table) -> Source | None:
    kind = table.text("kind")
    if kind is not None and kind not in KINDS:
        table.problem("kind", f"should be one of {', '.join(KINDS)}, not {kind!r}")
    note, program = table.text("note", ""), table.text("program", "")
    if kind == "debian":
        debian, ubuntu = table.texts("debian"), table.texts("ubuntu")
        if not debian or not ubuntu:
            table.problem("", "names its packages on debian and on ubuntu")
        return table.build(lambda: Source(kind=kind, version="", debian=debian, ubuntu=ubuntu, note=note))
    version = table.text("version")
    if not program:
        table.problem("program", "is missing; it should be the path of the program below the tool's folder")
    if kind == "build":
        return table.build(lambda: Source(kind=kind, version=version, program=program, note=note))
    origin, hashes, hash_from = _origin(kind, table), _hashes(kind, table), table.text("hash_from")
    provides, links = table.text("provides", ""), table.strings("links")
    unpack, strip = table.flag("unpack", default=False), table.number("strip", 0)
    if kind == "download" and set(origin) != set(hashes):
        table.problem("sha256", "names other platforms than url")
    return table.build(
        lambda: Source(
            kind=kind,
            version=version,
            program=program,
            provides=provides,
            origin=origin,
            hashes=hashes,
            hash_from=hash_from,
            unpack=unpack,
            strip=strip,
            links=links,
            note=note,
        )
    )


def _origin(kind: str | None, table: Table) -> Mapping[str, str]:
    if kind == "download":
        return table.strings("url")
    name = table.text("package" if kind == "python" else "module")
    return {"any": name} if name else {}


def _hashes(kind: str | None, table: Table) -> Mapping[str, str]:
    if kind == "module":
        total = table.text("sum")
        if total is not None and not GO_SUM.fullmatch(total):
            table.problem("sum", f"should be an h1 hash as in go.sum, not {total!r}")
        return {"any": total} if total else {}
    found = table.strings("sha256")
    if not found:
        table.problem("sha256", "is missing; it should be a table of platform and hash")
    for platform, each in found.items():
        if not SHA256.fullmatch(each):
            table.problem(f"sha256.{platform}", f"should be 64 hexadecimal digits, not {each!r}")
    return {platform: f"sha256:{each}" for platform, each in found.items()}


def _image(table: Table) -> PinnedImage | None:
    reference, hash_from = table.text("reference"), table.text("hash_from")
    if reference is not None and not DIGEST.fullmatch(reference):
        table.problem("reference", f"should name a digest (NAME@sha256:...), not {reference!r}")
    return table.build(lambda: PinnedImage(reference=reference, hash_from=hash_from))


def _packages(table: Table) -> PinnedPackages | None:
    suite, at_least = table.text("suite"), table.strings("at_least")
    if not at_least:
        table.problem("at_least", "is missing; it should be a table of package and lowest version")
    return table.build(lambda: PinnedPackages(suite=suite, at_least=at_least))
