"""Trace ids, by W3C Trace Context."""

from __future__ import annotations

import re

import pytest

from checkin.trace import trace_id_of

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"


@pytest.mark.parametrize(
    "header", [f"00-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}-00", f"cc-{TRACE}-{PARENT}-01-what-comes-next"]
)
def test_the_callers_trace_goes_on(header: str) -> None:
    assert trace_id_of(header) == TRACE


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        TRACE,
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01-more",
        f"00-{TRACE}-{PARENT}-01\n",
    ],
)
def test_without_a_valid_header_a_new_trace_begins(header: str | None) -> None:
    first, second = trace_id_of(header), trace_id_of(header)
    assert re.fullmatch("[0-9a-f]{32}", first)
    assert TRACE not in (first, second)
    assert first != second
