"""Dockerfiles as data: what they stand on, and what they may not stand on."""

from __future__ import annotations

import pytest

from plimsoll.domain.build_dockerfile import parse
from plimsoll.errors import Misconfigured

PINNED = "registry.example/alpine@sha256:" + "0" * 64
TEXT = f"""# FROM ignored
ARG REVISION
FROM python-build AS deps
RUN --mount=type=cache,target=/x true
from deps as builder
COPY --from={PINNED} /a /b
FROM --platform=linux/amd64 python AS runner
COPY --from=builder /a /b
COPY --from=0 /c /d
"""


def test_the_final_base_is_what_the_last_stage_stands_on() -> None:
    assert parse(TEXT, where="Dockerfile", bases=("python-build", "python")).final_base == "python"


def test_the_final_base_is_followed_through_stages() -> None:
    text = "FROM a AS one\nFROM one AS two\nFROM two\n"
    assert parse(text, where="Dockerfile", bases=("a",)).final_base == "a"
    assert parse("FROM scratch\n", where="Dockerfile", bases=()).final_base == "scratch"


def test_arguments_are_known() -> None:
    assert parse(TEXT, where="Dockerfile", bases=("python-build", "python")).arguments == {"REVISION"}


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("FROM debian:13\n", 1),
        ("\nFROM python\nCOPY --from=busybox /bin/sh /sh\n", 3),
        ("FROM python\nRUN --mount=type=bind,from=alpine,target=/x true\n", 2),
        ("FROM python AS a\nFROM b\n", 2),
    ],
)
def test_what_no_record_pins_is_refused_with_its_line(text: str, at: int) -> None:
    with pytest.raises(Misconfigured, match="neither a stage nor a base") as raised:
        parse(text, where="app.Dockerfile", bases=("python",))
    assert raised.value.where == f"app.Dockerfile:{at}"


def test_a_dockerfile_without_from_is_refused() -> None:
    with pytest.raises(Misconfigured, match="no FROM line"):
        parse("RUN true\n", where="Dockerfile", bases=())
