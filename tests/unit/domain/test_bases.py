"""Recorded states of base images: what they hash to, what moved, and where that is allowed."""

from __future__ import annotations

from datetime import date

import pytest

from plimsoll.domain import bases
from plimsoll.domain.bases import BasesLock, BasesReport, BaseState, Recorded
from plimsoll.domain.project import Base
from plimsoll.errors import EnvironmentLacks, Misconfigured

PYTHON = Base(name="python", suite="trixie", kind="runtime", packages=("python3-minimal",))
RECORDED = Recorded(packages={"python3-minimal": "3.13.5-1", "libc6": "2.41-12"})
LOCK = BasesLock(recorded=date(2030, 1, 2), bases={"python": RECORDED})
DIGEST = "sha256:" + "a" * 64


def state(base: Base = PYTHON, recorded: Recorded = RECORDED) -> str:
    return bases.key(base, recorded)


def test_a_lock_reads_what_it_wrote() -> None:
    assert bases.loads(LOCK.dumps()) == LOCK


def test_a_lock_has_one_package_a_line_in_order() -> None:
    lines = [
        line.strip() for line in LOCK.dumps().splitlines() if ': "' in line and "schema" not in line and "recorded" not in line
    ]
    assert lines == ['"libc6": "2.41-12",', '"python3-minimal": "3.13.5-1"']


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"recorded": "yesterday", "bases": {}}', '{"recorded": "2030-01-01", "bases": 3}']
)
def test_a_damaged_lock_is_named_together_with_the_command_that_writes_it(text: str) -> None:
    with pytest.raises(Misconfigured, match=r"bases\.lock") as raised:
        bases.loads(text)
    assert "inv image.bases --update" in raised.value.now


@pytest.mark.parametrize(
    "other",
    [
        state(recorded=Recorded(packages={**RECORDED.packages, "libc6": "2.41-13"})),
        state(Base(name="python", suite="forky", kind="runtime", packages=("python3-minimal",))),
        state(Base(name="python", suite="trixie", kind="builder", packages=("python3-minimal",))),
        state(Base(name="python", suite="trixie", kind="runtime", packages=("python3-minimal",), exclude=("usr/share/x/*",))),
    ],
)
def test_whatever_changes_a_base_changes_its_key(other: str) -> None:
    assert other != state()


def test_the_name_of_a_base_does_not_change_its_key() -> None:
    assert state(Base(name="py", suite="trixie", kind="runtime", packages=("python3-minimal",))) == state()


def test_the_recorded_state_of_a_pulled_base_is_its_digest() -> None:
    pulled = Base(name="python", suite="trixie", kind="runtime", packages=(), pull=f"registry.example/python@{DIGEST}")
    moved = Base(name="python", suite="trixie", kind="runtime", packages=(), pull=f"mirror.example/python@{DIGEST}")
    assert state(pulled, Recorded()) == state(moved, Recorded())
    assert bases.recorded_state(pulled, None, {}).recorded == Recorded()


def test_the_committed_state_counts_while_nothing_else_was_taken() -> None:
    assert bases.recorded_state(PYTHON, LOCK, {}) == BaseState(base=PYTHON, recorded=RECORDED)


def test_what_this_machine_took_counts_for_the_state_it_stands_for() -> None:
    taken = {"python": {"instead_of": state(), "packages": {**RECORDED.packages, "libc6": "2.41-13"}}}
    found = bases.recorded_state(PYTHON, LOCK, taken)
    assert found.recorded.packages["libc6"] == "2.41-13"
    assert [str(move) for move in found.moved] == ["libc6 2.41-12 -> 2.41-13"]


def test_what_this_machine_took_is_forgotten_once_the_record_moves_on() -> None:
    taken = {"python": {"instead_of": "another state", "packages": {"libc6": "2.41-13"}}}
    assert bases.recorded_state(PYTHON, LOCK, taken).moved == ()


@pytest.mark.parametrize("lock", [None, BasesLock(recorded=date(2030, 1, 2), bases={})])
def test_a_base_without_a_record_names_the_command_that_makes_one(lock: BasesLock | None) -> None:
    with pytest.raises(Misconfigured, match="base 'python'") as raised:
        bases.recorded_state(PYTHON, lock, {})
    assert "inv image.bases --update" in raised.value.now


def test_a_package_that_the_record_does_not_know_is_named() -> None:
    with pytest.raises(Misconfigured, match="package tzdata of base 'python'"):
        bases.recorded_state(Base(name="python", suite="trixie", kind="runtime", packages=("libc6", "tzdata")), LOCK, {})


def test_moves_name_new_gone_and_changed_packages() -> None:
    now = Recorded(packages={"libc6": "2.42-1", "libnew": "1"})
    assert [str(move) for move in bases.moves(RECORDED, now)] == [
        "libc6 2.41-12 -> 2.42-1",
        "libnew (not there) -> 1",
        "python3-minimal 3.13.5-1 -> (not there)",
    ]


def test_another_cluster_takes_recorded_bases_only_and_is_told_what_to_run() -> None:
    moved = BaseState(base=PYTHON, recorded=RECORDED, moved=bases.moves(Recorded(packages={"libc6": "1"}), RECORDED))
    with pytest.raises(EnvironmentLacks, match=r"libc6 1 -> 2\.41-12") as raised:
        bases.require_recorded([moved], "production")
    assert raised.value.exit_code == 4
    assert "inv image.bases --update" in raised.value.now
    bases.require_recorded([BaseState(base=PYTHON, recorded=RECORDED)], "production")


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("./usr/bin/x", "usr/bin/x"),
        ("./bin/x", "usr/bin/x"),
        ("./lib64/ld.so", "usr/lib64/ld.so"),
        ("./bin", "bin"),
        ("./", ""),
        ("./var/run", "run"),
        ("./var/run/nginx", "run/nginx"),
        ("./var/lock/", "run/lock"),
        ("./var/runtime/x", "var/runtime/x"),
        ("./library/x", "library/x"),
    ],
)
def test_files_are_placed_where_the_links_of_the_system_lead(path: str, place: str) -> None:
    assert bases.placed(path) == place


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("usr/bin/python3", True),
        ("usr/share/doc/python3/copyright", True),
        ("usr/share/doc/python3/changelog.gz", False),
        ("usr/share/doc/a/b/copyright", False),
        ("usr/share/man/man1/x.1.gz", False),
        ("usr/share/locale/de/LC_MESSAGES/x.mo", False),
        ("usr/share/zoneinfo/UTC", True),
        ("etc/init.d/nginx", False),
        ("etc/nginx/mime.types", True),
        ("usr/lib/os-release", True),
        ("usr/lib/x86_64-linux-gnu/gconv/LATIN1.so", False),
    ],
)
def test_documents_and_excluded_paths_stay_outside(path: str, kept: bool) -> None:
    base = Base(name="python", suite="trixie", kind="runtime", packages=(), exclude=("libdb5.3t64", "usr/lib/*/gconv/*"))
    assert bases.wanted(path, base) is kept


def test_a_runtime_base_does_without_what_only_maintainer_scripts_need() -> None:
    base = Base(name="p", suite="trixie", kind="runtime", packages=("perl-base",), exclude=("libdb5.3t64", "usr/lib/*/gconv/*"))
    left_out = bases.left_out(base)
    assert {"dpkg", "debconf", "libdb5.3t64"} <= set(left_out)
    assert "perl-base" not in left_out, "what is named is there"
    assert not any("/" in each for each in left_out)


def test_a_builder_base_leaves_out_what_it_says_and_nothing_else() -> None:
    assert bases.left_out(Base(name="b", suite="trixie", kind="builder", packages=(), exclude=("node-gyp",))) == ("node-gyp",)


def test_a_report_says_how_old_the_record_is() -> None:
    report = BasesReport(
        recorded=LOCK.recorded, age=LOCK.age(date(2030, 2, 3)), states=(BaseState(base=PYTHON, recorded=RECORDED),)
    )
    told = report.to_json()
    assert (told["schema"], told["age_days"], told["stale"]) == ("plimsoll.image.bases/1", 32, True)
    assert told["bases"]["python"]["packages"]["libc6"] == "2.41-12"
    assert told["updated"] is None
