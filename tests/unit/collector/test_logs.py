"""Logs: one JSON object a line, or lines for a person."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from metdc_collector import logs


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """The process's own logging is as it was afterwards."""
    loggers = [logging.getLogger(name) for name in (None, "websockets", "urllib3")]
    before = [(logger, logger.handlers[:], logger.level) for logger in loggers]
    yield
    for logger, handlers, level in before:
        logger.handlers[:] = handlers
        logger.setLevel(level)


def lines(written: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.readouterr().err.splitlines()]


def test_a_line_holds_time_level_logger_and_message(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    logging.getLogger("metdc_collector.x").warning("%d trades of %s", 3, "龙")
    [line] = lines(capsys)
    assert line.pop("time").endswith("+00:00")
    assert line == {"level": "warning", "logger": "metdc_collector.x", "message": "3 trades of 龙"}


def test_what_was_given_beside_the_message_is_a_member(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    logging.getLogger("x").info("serving", extra={"http_port": 8080})
    assert lines(capsys)[0]["http_port"] == 8080


def test_an_exception_is_one_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    try:
        raise ValueError("it broke")
    except ValueError:
        logging.getLogger("x").exception("failed")
    [line] = lines(capsys)
    assert line["exception"].endswith("ValueError: it broke")


@pytest.mark.parametrize("value", [object(), 10**30, "\ud83d", b"\xff", {1: {2}}])
def test_no_value_keeps_a_line_from_being_written(capsys: pytest.CaptureFixture[str], value: object) -> None:
    logs.configure("info")
    logging.getLogger("x").info("odd: %s", value, extra={"value": value})
    [line] = lines(capsys)
    assert line["message"].startswith("odd: ")


def test_what_is_below_the_level_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("warning")
    logging.getLogger("x").info("nothing")
    assert lines(capsys) == []


def test_the_libraries_speak_of_trouble_alone(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("debug")
    logging.getLogger("websockets.client").info("connection open")
    logging.getLogger("urllib3.connectionpool").debug("GET /")
    logging.getLogger("websockets.client").warning("trouble")
    assert [line["message"] for line in lines(capsys)] == ["trouble"]


def test_on_a_terminal_a_line_is_for_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    logs.configure("info")
    logging.getLogger("x").warning("closed")
    assert terminal.getvalue().endswith(" WARNING closed\n")


def test_configured_twice_a_line_is_written_once(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    logs.configure("info")
    logging.getLogger("x").info("once")
    assert len(lines(capsys)) == 1


@pytest.mark.parametrize("level", ["", "INFO", "verbose", "critical"])
def test_an_unknown_level_is_refused_with_those_that_are_known(level: str) -> None:
    with pytest.raises(ValueError, match="is none of debug, info, warning, error"):
        logs.configure(level)
