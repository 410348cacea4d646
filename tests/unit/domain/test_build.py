"""Tags, labels and budgets: what they depend on and what they do not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from plimsoll.domain.bases import BaseState, Recorded
from plimsoll.domain.build import (
    BuildInputs,
    BuildResult,
    Built,
    ContextFile,
    Layer,
    Provenance,
    check_budgets,
    instruction,
    plan,
)
from plimsoll.domain.build_dockerfile import parse
from plimsoll.domain.images import Digest, Image, is_immutable_tag
from plimsoll.domain.project import Base, Service
from plimsoll.domain.source import Commit
from plimsoll.errors import Failed, Misconfigured

COMMIT = Commit(revision="c" * 40, time=datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC))
CLEAN, DIRTY = Provenance(commit=COMMIT), Provenance(commit=COMMIT, dirty=("backend/app.py",))
SERVICE = Service(
    name="backend", dockerfile="backend.Dockerfile", context="backend", bases=("python",), schema="backend/migrations"
)
BASE = Base(name="python", suite="trixie", kind="runtime", packages=("python3",))
DOCKERFILE = "FROM python\nCOPY . /app\n"
INPUTS = BuildInputs(
    service=SERVICE,
    source="https://example.org/source",
    title="check-in backend",
    dockerfile=DOCKERFILE,
    parsed=parse(DOCKERFILE, where="Dockerfile", bases=("python",)),
    ignore="tests\n",
    files=(ContextFile(path="app.py", sha256="1" * 64), ContextFile(path="migrations/0001.py", sha256="2" * 64)),
    bases=(BaseState(base=BASE, recorded=Recorded(packages={"python3": "3.13"})),),
)
PLAN = plan(INPUTS, CLEAN, repository="localhost:5001/check-in")
DIGEST = Digest("sha256:" + "d" * 64)


def built(size: int, *, service: str = "backend") -> Built:
    image = Image(
        service=service,
        repository=f"localhost:5001/check-in/{service}",
        tag=PLAN.tag,
        digest=DIGEST,
        unpacked_bytes=size,
        labels={},
    )
    layers = (
        Layer(digest=DIGEST, unpacked=size - 10, created_by="RUN /bin/sh -c pip install everything # buildkit"),
        Layer(digest=DIGEST, unpacked=10, created_by="COPY . /app # buildkit"),
    )
    return Built(image=image, layers=layers)


@pytest.mark.parametrize(
    "other",
    [
        replace(INPUTS, dockerfile="FROM python\n"),
        replace(INPUTS, ignore=""),
        replace(INPUTS, files=INPUTS.files[:1]),
        replace(INPUTS, files=(replace(INPUTS.files[0], path="main.py"), INPUTS.files[1])),
        replace(INPUTS, files=(replace(INPUTS.files[0], sha256="3" * 64), INPUTS.files[1])),
        replace(INPUTS, files=(replace(INPUTS.files[0], executable=True), INPUTS.files[1])),
        replace(INPUTS, files=(replace(INPUTS.files[0], link=True), INPUTS.files[1])),
        replace(INPUTS, service=replace(SERVICE, arguments={"DEBUG": "1"})),
        replace(INPUTS, bases=(BaseState(base=BASE, recorded=Recorded(packages={"python3": "3.14"})),)),
        replace(INPUTS, source="https://example.org/fork"),
        replace(INPUTS, title="another"),
    ],
)
def test_whatever_goes_into_an_image_changes_its_tag(other: BuildInputs) -> None:
    assert other.hash() != INPUTS.hash()


@pytest.mark.parametrize(
    "same",
    [
        replace(INPUTS, files=tuple(reversed(INPUTS.files))),
        replace(INPUTS, service=replace(SERVICE, budget_bytes=1)),
    ],
)
def test_what_does_not_go_into_an_image_leaves_its_tag_alone(same: BuildInputs) -> None:
    assert same.hash() == INPUTS.hash()


def test_a_tag_is_the_hash_of_the_inputs_and_never_moves() -> None:
    assert PLAN.tag == INPUTS.hash()
    assert len(PLAN.tag) == 16
    assert is_immutable_tag(PLAN.tag)


def test_the_commit_does_not_change_the_tag_of_equal_inputs() -> None:
    later = Provenance(commit=Commit(revision="e" * 40, time=COMMIT.time))
    assert plan(INPUTS, later, repository="r").tag == PLAN.tag


def test_uncommitted_inputs_have_a_tag_and_a_revision_that_say_so() -> None:
    dirty = plan(INPUTS, DIRTY, repository="r")
    assert dirty.revision == f"{COMMIT.revision}-dirty"
    assert dirty.tag == f"{INPUTS.hash(dirty.revision)}-dirty"
    assert dirty.tag.removesuffix("-dirty") != PLAN.tag, "the hash holds the revision"
    assert is_immutable_tag(dirty.tag)


def test_labels_come_from_the_commit_and_the_settings() -> None:
    assert PLAN.labels(DIGEST) == {
        "org.opencontainers.image.created": "2030-01-02T03:04:05Z",
        "org.opencontainers.image.revision": COMMIT.revision,
        "org.opencontainers.image.version": PLAN.tag,
        "org.opencontainers.image.source": "https://example.org/source",
        "org.opencontainers.image.title": "check-in backend",
        "org.opencontainers.image.base.digest": DIGEST,
        "dev.plimsoll.schema": INPUTS.schema,
    }


def test_an_image_from_scratch_stands_on_no_digest() -> None:
    assert "org.opencontainers.image.base.digest" not in PLAN.labels(None)


def test_the_schema_is_the_hash_of_its_folder_alone() -> None:
    code = replace(INPUTS, files=(replace(INPUTS.files[0], sha256="9" * 64), INPUTS.files[1]))
    migration = replace(INPUTS, files=(INPUTS.files[0], replace(INPUTS.files[1], sha256="9" * 64)))
    assert code.schema == INPUTS.schema
    assert migration.schema != INPUTS.schema
    assert replace(INPUTS, service=replace(SERVICE, schema=None)).schema is None


def test_a_schema_folder_outside_the_context_is_refused() -> None:
    with pytest.raises(Misconfigured, match="not inside the build context"):
        _ = replace(INPUTS, service=replace(SERVICE, schema="elsewhere/migrations")).schema


def test_an_image_over_budget_names_its_largest_layers_first() -> None:
    over = built(SERVICE.budget_bytes + 1)
    with pytest.raises(Failed, match="1 image is larger") as raised:
        check_budgets([over], {"backend": SERVICE})
    lines = raised.value.what.splitlines()
    assert lines[1] == "backend: 200.0 MB unpacked, 200 MB allowed; its largest layers:"
    assert lines[2].endswith("RUN pip install everything")
    assert raised.value.exit_code == 1


def test_an_image_within_its_budget_passes() -> None:
    check_budgets([built(SERVICE.budget_bytes)], {"backend": SERVICE})


def test_a_long_instruction_is_cut() -> None:
    assert instruction("RUN /bin/sh -c " + "x" * 200, width=20) == "RUN " + "x" * 15 + "…"


def test_the_result_holds_what_the_contract_says() -> None:
    result = BuildResult(
        images={"backend": replace(built(1000), origin="built", seconds=1.234)}, budgets={"backend": 2000}, seconds=2
    )
    told = result.to_json()
    assert told["schema"] == "plimsoll.build/1"
    image = told["images"]["backend"]
    assert (image["built"], image["seconds"], image["unpacked_bytes"], image["budget_bytes"]) == (True, 1.23, 1000, 2000)
    assert image["reference"] == f"localhost:5001/check-in/backend@{DIGEST}"
    assert {"digest", "tag", "labels", "scan"} <= set(image)
