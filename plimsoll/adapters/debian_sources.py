"""Where this machine gets Debian packages from, for another suite than its own, without touching /etc/apt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from plimsoll.errors import EnvironmentLacks

# Names under which a machine may follow its suite.
MOVING = frozenset({"stable", "oldstable", "testing", "unstable", "sid"})
POCKETS = ("", "-updates", "-security")


@dataclass(frozen=True)
class Source:
    """One mirror of one kind of packages: `suite` is the machine's own, such as `bookworm-security`."""

    uri: str
    suite: str
    signed_by: str


def read_sources(etc: Path = Path("/etc/apt")) -> tuple[Source, ...]:
    """Return every binary source of the machine's apt, in both of its notations."""
    files = [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))]
    found: list[Source] = []
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        found += _deb822(text) if file.suffix == ".sources" else _one_line(text) if file.suffix == ".list" else []
    return tuple(found)


def _one_line(text: str) -> list[Source]:
    found = []
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if len(words) < 3 or words[0] != "deb":  # noqa: PLR2004 -- deb URI SUITE is the least
            continue
        options = ""
        if words[1].startswith("["):
            end = next((index for index, word in enumerate(words) if word.endswith("]")), len(words) - 1)
            options, words = " ".join(words[1 : end + 1]).strip("[] "), [words[0], *words[end + 1 :]]
        signed = next((each.partition("=")[2] for each in options.split() if each.startswith("signed-by=")), "")
        if len(words) > 2:  # noqa: PLR2004 -- the same
            found.append(Source(words[1], words[2], signed))
    return found


def _deb822(text: str) -> list[Source]:
    found = []
    for paragraph in text.split("\n\n"):
        fields: dict[str, str] = {}
        name = ""
        for line in paragraph.splitlines():
            if line.startswith("#"):
                continue
            if line[:1].isspace() and name:
                fields[name] += f"\n{line}"
            elif ":" in line:
                name = line.partition(":")[0].strip().lower()
                fields[name] = line.partition(":")[2].strip()
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in {"no", "false"}:
            continue
        uris, suites = fields.get("uris", "").split(), fields.get("suites", "").split()
        found += [Source(uri, suite, fields.get("signed-by", "")) for uri in uris for suite in suites]
    return found


def for_suite(suite: str, sources: tuple[Source, ...], codename: str) -> str:
    """Return the sources of `suite` in deb822 notation: the machine's own mirrors with the other suite's name.

    `codename` is the machine's own suite. Raise EnvironmentLacks when its apt knows no Debian mirror.
    """
    pockets = {f"{own}{pocket}": pocket for own in {codename, *MOVING} for pocket in POCKETS}
    chosen = dict.fromkeys(
        (source.uri, f"{suite}{pockets[source.suite]}", source.signed_by) for source in sources if source.suite in pockets
    )
    if not any(name == suite for _uri, name, _key in chosen):
        raise EnvironmentLacks(
            "apt on this machine knows no Debian mirror to bootstrap base images from",
            where="/etc/apt/sources.list and sources.list.d",
            now="name a base image with its digest: `pull` in [bases.*] of plimsoll.toml",
            code="no-mirror",
        )
    return "\n".join(
        f"Types: deb\nURIs: {uri}\nSuites: {name}\nComponents: main\n" + (f"Signed-By: {key}\n" if key else "")
        for uri, name, key in chosen
    )


def codename(os_release: Path = Path("/etc/os-release")) -> str:
    """Return the code name of this machine's Debian suite, empty when it is no Debian."""
    try:
        lines = os_release.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    return values.get("VERSION_CODENAME", "").strip('"') if values.get("ID", "").strip('"') == "debian" else ""
