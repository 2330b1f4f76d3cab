"""``metdc record`` as a person calls it; what it writes is shown against the simulator."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.cli.running import run

NOBODY = ("--rest", "http://127.0.0.1:1", "--web-socket", "ws://127.0.0.1:1")


@pytest.fixture(autouse=True)
def _logging() -> Iterator[None]:
    """The process's logging as it was, afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_file_that_exists_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    path.write_text("kept")
    result = run("record", "binance", "spot", *NOBODY, "--output", path)
    assert (result.exit_code, path.read_text()) == (2, "kept")
    assert f"{path} exists; --force overwrites it" in result.stderr


def test_a_file_that_exists_is_overwritten_when_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "old.jsonl"
    path.write_text("old")
    result = run("record", "binance", "spot", *NOBODY, "--output", path, "--force")
    assert (result.exit_code, path.read_text()) == (1, "")


def test_without_an_instrument_list_there_is_no_file_and_one_line_says_why(tmp_path: Path) -> None:
    path = tmp_path / "none.jsonl"
    result = run("record", "binance", "spot", *NOBODY, "--output", path)
    assert result.exit_code == 1
    assert not path.exists()
    assert result.stderr.startswith("metdc: binance spot: http://127.0.0.1:1/api/v3/exchangeInfo")
    assert result.stderr.count("\n") == 1


def test_a_file_of_authorities_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METDC_EXTRA_CA", str(tmp_path / "none.crt"))
    result = run("record", "binance", "spot")
    assert result.exit_code == 2
    assert f"METDC_EXTRA_CA: {tmp_path}/none.crt cannot be used: No such file or directory" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("binance", "margin"), "unknown market 'margin' of binance; there are: spot, futures"),
        (("binance", "spot", "--rest", "ws://x"), "'ws://x' must begin with http:// or https://"),
        (("binance", "spot", "--web-socket", "http://x"), "'http://x' must begin with ws:// or wss://"),
        (("binance", "spot", "--frames", "0"), "'--frames'"),
        (("binance", "spot", "--seconds", "0"), "'--seconds'"),
        (("binance", "spot", "--output", "/nowhere/file"), "--output /nowhere/file: No such file or directory"),
    ],
)
def test_bad_usage_is_one_line_with_the_remedy(arguments: tuple[str, ...], message: str) -> None:
    result = run("record", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
