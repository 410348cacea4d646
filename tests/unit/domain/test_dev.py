"""The development stack: which images it needs, and when it counts as up."""

from __future__ import annotations

import pytest

from plimsoll.domain.bases import BaseState, Recorded
from plimsoll.domain.build import BuildInputs, ContextFile
from plimsoll.domain.build_dockerfile import parse
from plimsoll.domain.dev import Container, DevImage, DevSettings, Verdict, judge, published
from plimsoll.domain.project import Base, SecretSpec, Service
from plimsoll.errors import Misconfigured

DOCKERFILE = """FROM node-build AS deps
COPY package.json ./
RUN npm ci
FROM deps AS builder
COPY . .
RUN npm run build
FROM nginx AS runner
COPY --from=builder /dist /srv
"""
BASES = ("node-build", "nginx")


def inputs(dockerfile: str = DOCKERFILE, **files: str) -> BuildInputs:
    service = Service(name="page", dockerfile="page.Dockerfile", context="page", bases=BASES)
    contents = {"package.json": "1", "main.ts": "1", **files}
    bases = [Base(name=name, suite="trixie", kind="runtime", packages=(name,)) for name in BASES]
    return BuildInputs(
        service=service,
        source="https://example.com/shop",
        title="shop page",
        dockerfile=dockerfile,
        parsed=parse(dockerfile, where="page.Dockerfile", bases=BASES),
        ignore="",
        files=tuple(ContextFile(path=path, sha256=content) for path, content in contents.items()),
        bases=tuple(BaseState(base=base, recorded=Recorded(packages={base.name: "1"})) for base in bases),
    )


STAGE = DevImage(service="page", stage="deps", remake_on=("package.json",))


def test_an_image_of_a_stage_is_made_of_the_dockerfile_up_to_there_and_of_its_bases_only() -> None:
    found = STAGE.inputs(inputs())
    assert found.dockerfile.endswith("RUN npm ci\n")
    assert [state.base.name for state in found.bases] == ["node-build"]


def test_a_change_of_a_source_that_a_mount_hides_makes_no_new_image() -> None:
    assert STAGE.inputs(inputs(**{"main.ts": "2"})).hash() == STAGE.inputs(inputs()).hash()


@pytest.mark.parametrize("changed", [inputs(**{"package.json": "2"}), inputs(DOCKERFILE.replace("npm ci", "npm ci --omit=dev"))])
def test_a_change_of_what_decides_makes_a_new_image(changed: BuildInputs) -> None:
    assert STAGE.inputs(changed).hash() != STAGE.inputs(inputs()).hash()


def test_a_change_of_a_later_stage_makes_no_new_image_of_an_earlier_one() -> None:
    changed = inputs(DOCKERFILE.replace("npm run build", "npm run build:fast"))
    assert STAGE.inputs(changed).hash() == STAGE.inputs(inputs()).hash()


def test_without_a_list_every_file_decides() -> None:
    whole = DevImage(service="page")
    assert whole.inputs(inputs(**{"main.ts": "2"})).hash() != whole.inputs(inputs()).hash()


def test_the_last_stage_is_the_whole_dockerfile() -> None:
    assert DevImage(service="page", stage="runner").inputs(inputs()).dockerfile == DOCKERFILE


def test_a_stage_that_does_not_exist_is_told_with_those_that_do() -> None:
    with pytest.raises(Misconfigured) as raised:
        DevImage(service="page", stage="dependencies").inputs(inputs())
    assert "deps, builder, runner" in str(raised.value)


def settings(**changes: object) -> DevSettings:
    given: dict[str, object] = {"compose": "compose.yaml", "images": {"page": STAGE}, "ports": {"page": 5173, "api": 3001}}
    return DevSettings(**{**given, **changes})  # type: ignore[arg-type] -- what is wrong is the point


@pytest.mark.parametrize(
    "changes",
    [
        {"ports": {"page": 0}},
        {"ports": {"page": 65536}},
        {"ports": {"page": 3001, "api": 3001}},
        {"ports": {"no name": 3001}},
        {"compose": "../compose.yaml"},
        {"folders": ("/tmp",)},  # noqa: S108 -- nothing is written: an absolute path is refused
    ],
)
def test_settings_that_no_engine_could_start_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        settings(**changes)


def test_variables_are_named_after_what_they_hold() -> None:
    found = settings(secrets=SecretSpec(name="dev", keys={"database-password": 32}))
    assert found.variables({"page": "shop-dev/page:1"}) == {
        "IMAGE_PAGE": "shop-dev/page:1",
        "PORT_PAGE": "5173",
        "PORT_API": "3001",
    }
    assert found.secret_variables() == {"SECRET_DATABASE_PASSWORD": 32}
    assert found.addresses() == {"page": "http://127.0.0.1:5173", "api": "http://127.0.0.1:3001"}


UP = Container(service="backend", state="running", health="healthy", ports=(3001,))
DONE = Container(service="migrate", state="exited", once=True)


@pytest.mark.parametrize(
    ("container", "verdict", "word"),
    [
        (UP, Verdict.READY, "healthy"),
        (DONE, Verdict.READY, "done"),
        (Container(service="plain", state="running"), Verdict.READY, "running"),
        (Container(service="backend", state="running", health="starting"), Verdict.WAITING, "starting"),
        (Container(service="frontend", state="created"), Verdict.WAITING, "created"),
        (Container(service="migrate", state="running", once=True), Verdict.WAITING, "running"),
        (Container(service="backend", state="running", health="unhealthy"), Verdict.BROKEN, "unhealthy"),
        (Container(service="backend", state="exited"), Verdict.BROKEN, "ended with exit code 0"),
        (Container(service="migrate", state="exited", exit_code=1, once=True), Verdict.BROKEN, "ended with exit code 1"),
    ],
)
def test_a_container_tells_whether_waiting_is_of_use(container: Container, verdict: Verdict, word: str) -> None:
    assert (judge([UP, container]), container.word) == (verdict, word)


def test_a_stack_without_containers_is_not_up() -> None:
    assert judge([]) is Verdict.BROKEN


def test_the_stack_knows_which_ports_are_its_own() -> None:
    assert published([UP, DONE]) == {3001}
