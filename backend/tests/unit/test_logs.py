"""The shape of a log line."""

from __future__ import annotations

import json
import logging
import re
import sys

from checkin.logs import JsonFormatter
from checkin.trace import current_trace_id


def line_of(message: str, *arguments: object, fields: dict[str, object] | None = None, error: bool = False) -> dict[str, str]:
    record = logging.LogRecord(
        "some.library", logging.WARNING, __file__, 1, message, arguments, sys.exc_info() if error else None
    )
    if fields is not None:
        record.fields = fields
    text = JsonFormatter().format(record)
    assert "\n" not in text
    document: dict[str, str] = json.loads(text)
    return document


def test_a_line_has_time_level_logger_and_message() -> None:
    line = line_of("%d of %s", 3, "four")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert line == {"level": "warning", "logger": "some.library", "message": "3 of four"}


def test_a_line_written_during_a_request_has_its_trace_id() -> None:
    token = current_trace_id.set("ab" * 16)
    try:
        assert line_of("x")["trace_id"] == "ab" * 16
    finally:
        current_trace_id.reset(token)


def test_an_exception_stays_within_its_line() -> None:
    try:
        int("first\nsecond")
    except ValueError:
        line = line_of("failed", error=True)
    assert "Traceback" in line["exception"]
    assert line["exception"].count("\n") > 1


def test_a_field_that_json_cannot_express_is_written_as_text() -> None:
    assert (
        line_of(
            "x",
            fields={
                "what": {
                    1,
                }
            },
        )["what"]
        == "{1}"
    )
