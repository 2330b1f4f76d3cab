"""Logs on standard error: readable on a terminal, one JSON object a line elsewhere."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """``{"time":…,"level":…,"logger":…,"message":…}`` and whatever ``extra`` gave."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)  # takes whatever a log line may hold, half of a surrogate pair too


def configure(level: str) -> None:
    """Send all logs to standard error.

    Raises:
        ValueError: when ``level`` is none of debug, info, warning, error.
    """
    if level not in ("debug", "info", "warning", "error"):
        raise ValueError(f"log level {level!r} is none of debug, info, warning, error")
    handler = logging.StreamHandler(sys.stderr)
    if sys.stderr.isatty():
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    else:
        handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("websockets").setLevel(logging.WARNING)  # it logs each connection at INFO
    logging.getLogger("urllib3").setLevel(logging.WARNING)
