"""The Dockerfiles as data: each rule, and that breaking it is noticed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from plimsoll.config import load
from plimsoll.domain import bases, build_dockerfile, build_ignore

ROOT = Path(__file__).parents[2]
PROJECT = load(ROOT).project
SERVICES = tuple(PROJECT.services.values())
NAMES = [service.name for service in SERVICES]
# Numbers that are no versions of anything pinned: addresses, HTTP, sizes of the base unit.
NO_VERSION = re.compile(r"127\.0\.0\.1|0\.0\.0\.0|HTTP/1\.[01]")
HEALTH = "HEALTHCHECK --interval=30s --timeout=10s --start-period=40s --retries=3"


@dataclass(frozen=True)
class Text:
    """A Dockerfile without comments, its lines joined where they are continued."""

    lines: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Text:
        plain = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
        joined = re.sub(r"\\\n\s*", " ", plain)
        return cls(tuple(line.strip() for line in joined.splitlines() if line.strip()))

    def all(self, *words: str) -> list[str]:
        return [line for line in self.lines if line.split()[0].upper() in words]

    @property
    def last_stage(self) -> Text:
        start = max(index for index, line in enumerate(self.lines) if line.startswith("FROM"))
        return Text(self.lines[start:])


def problems(text: str) -> list[str]:
    """Return every rule that a Dockerfile breaks."""
    file = Text.of(text)
    runner = file.last_stage
    froms = file.all("FROM")
    starts = runner.all("ENTRYPOINT", "CMD", "HEALTHCHECK")
    networked = [line for line in file.all("RUN") if re.search(r"\b(pip\S* .*install|npm ci|npm install|apt-get)\b", line)]
    rules = {
        "every stage has a name, the last one is the runner": all(re.search(r" AS [a-z]+$", line) for line in froms)
        and froms[-1].endswith(" AS runner"),
        "runs as uid 1001": [line.split()[1] for line in runner.all("USER")] == ["1001:1001"],
        "asks for health in the agreed rhythm": [line.startswith(HEALTH) for line in runner.all("HEALTHCHECK")] == [True],
        "starts without a shell": all("[" in line for line in starts),
        "an init is process 1": [line.split('"')[1] for line in runner.all("ENTRYPOINT")] == ["dumb-init"],
        "fetches nothing itself": not file.all("ADD") and not any("://" in line for line in file.lines),
        "versions stand in the settings and the record": not any(
            re.search(r"\d+\.\d+|@sha256|:\d", NO_VERSION.sub("", line)) for line in file.all("FROM", "RUN", "COPY", "ENV")
        ),
        "what is downloaded is cached": all("--mount=type=cache" in line for line in networked),
        "downloads trust the host's certificates": all("id=ca" in line for line in networked),
        "nothing of the distribution is installed but by a base": not any("apt" in line.split() for line in file.lines),
        "the runner builds nothing": not any("--mount=type=cache" in line for line in runner.lines),
    }
    return [rule for rule, holds in rules.items() if not holds]


def read(service: str) -> str:
    return (ROOT / PROJECT.services[service].dockerfile).read_text()


@pytest.mark.parametrize("service", NAMES)
def test_a_dockerfile_keeps_every_rule(service: str) -> None:
    assert problems(read(service)) == []


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("FROM deps AS builder", "FROM deps", "every stage has a name, the last one is the runner"),
        ("USER 1001:1001", "USER root", "runs as uid 1001"),
        ("--interval=30s", "--interval=5s", "asks for health in the agreed rhythm"),
        ('CMD ["python3", "-m", "checkin"]', "CMD python3 -m checkin", "starts without a shell"),
        ('ENTRYPOINT ["dumb-init", "--"]', 'ENTRYPOINT ["python3"]', "an init is process 1"),
        ("COPY requirements.lock /src", "ADD https://example.org/x /src", "fetches nothing itself"),
        ("FROM python AS runner", "FROM python:3.13 AS runner", "versions stand in the settings and the record"),
        ("/usr/lib/python3*", "/usr/lib/python3.13", "versions stand in the settings and the record"),
        ("--mount=type=cache,target=/root/.cache/pip", "", "what is downloaded is cached"),
        ("--mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt", "", "downloads trust the host's certificates"),
        ("COPY migrations", "RUN apt install gcc\nCOPY migrations", "nothing of the distribution is installed but by a base"),
        ("WORKDIR /app\nUSER", "RUN --mount=type=cache,target=/x make\nUSER", "the runner builds nothing"),
    ],
)
def test_breaking_a_rule_is_noticed(old: str, new: str, rule: str) -> None:
    text = read("backend")
    assert old in text, "the case is out of date"
    assert rule in problems(text.replace(old, new))


@pytest.mark.parametrize("service", SERVICES, ids=NAMES)
def test_a_dockerfile_stands_on_the_bases_that_the_settings_name_and_on_all_of_them(service: object) -> None:
    parsed = build_dockerfile.parse(read(service.name), where=service.dockerfile, bases=service.bases)
    assert {name for name, _line in parsed.foreign} == set(service.bases)
    assert PROJECT.bases[parsed.final_base].kind == "runtime", "what runs has no package manager"


@pytest.mark.parametrize("service", SERVICES, ids=NAMES)
def test_a_context_holds_no_tests_and_no_documents(service: object) -> None:
    beside = ROOT / f"{service.dockerfile}.dockerignore"
    ignore = build_ignore.parse(beside.read_text() if beside.exists() else "")
    folder = ROOT / service.context
    files = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    kept = [file for file in files if ignore.keeps(file)]
    assert kept
    assert [file for file in kept if re.search(r"(^|/)(tests?|node_modules|dist|__pycache__|README\.md|\.env)(/|$)", file)] == []


def test_every_base_is_recorded_and_every_record_is_a_base() -> None:
    lock = bases.loads((ROOT / bases.LOCK).read_text())
    assert set(lock.bases) == {name for name, base in PROJECT.bases.items() if not base.pull}
    for name, base in PROJECT.bases.items():
        assert bases.recorded_state(base, lock, {}).moved == (), name


def test_the_record_holds_versions_and_no_addresses() -> None:
    assert "://" not in (ROOT / bases.LOCK).read_text()


def test_a_change_of_tests_or_documents_builds_nothing() -> None:
    ignore = build_ignore.parse((ROOT / "infrastructure/docker/backend.Dockerfile.dockerignore").read_text())
    assert ignore.keeps("checkin/app.py")
    assert ignore.keeps("migrations/versions/0001.py")
    assert not any(
        ignore.keeps(path) for path in ("tests/unit/test_x.py", "README.md", "pyproject.toml", "checkin/__pycache__/a.pyc")
    )
