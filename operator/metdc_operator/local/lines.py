"""What the child processes write: one JSON object a line from a collector, anything from others."""

import json
import logging
from collections.abc import Callable

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class Lines:
    """Passes lines on from a level up, and keeps the last one of each process for messages."""

    def __init__(self, show: Callable[[str], None], *, level: int = logging.WARNING) -> None:
        """``show`` gets each line that is worth it, with the process's name before it."""
        self._show = show
        self._level = level
        self._last: dict[str, str] = {}

    def said(self, name: str, line: str) -> None:
        """Take one line."""
        level, message = _read(line)
        if message:
            self._last[name] = message
        if level >= self._level:
            self._show(f"{name}: {message}")

    def last(self, name: str) -> str:
        """The last line of a process; empty when it has said nothing."""
        return self._last.get(name, "")


def _read(line: str) -> tuple[int, str]:
    try:
        record = json.loads(line)
        level, message = _LEVELS.get(record["level"], logging.INFO), str(record["message"])
    except (ValueError, KeyError, TypeError):
        return logging.WARNING, line  # not a log record: a traceback, or the last word before there is a log
    if exception := record.get("exception"):
        message = f"{message}: {str(exception).strip().splitlines()[-1]}"
    return level, message
