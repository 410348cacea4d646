"""Logs: one JSON object a line on standard output, for our own messages and for every library's."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from checkin.trace import current_trace_id

if TYPE_CHECKING:
    from types import TracebackType

logger = logging.getLogger("checkin")


class JsonFormatter(logging.Formatter):
    """Formats a record as {"time", "level", "logger", "message", "trace_id"?, ...fields, "exception"?}.

    `time` is RFC 3339 in UTC with milliseconds. A caller adds fields with `extra={"fields": {...}}`.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON; what JSON cannot express is written as its text."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage().strip(),
        }
        trace_id = current_trace_id.get()
        if trace_id is not None:
            line["trace_id"] = trace_id
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure_logs(level: str) -> None:
    """Send every logger's records of at least `level` to standard output as JSON, uncaught exceptions and warnings included."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logger.critical("Ended by an error that nothing expected: %s", error, exc_info=(kind, error, trace))
