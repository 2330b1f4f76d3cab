"""``metdc export`` before it connects: what is asked for, and what is bad usage."""

import sys
from pathlib import Path

import pytest

from metdc_collector.cli import export_command
from metdc_collector.cli.export_command import Order
from tests.unit.cli.running import run

SPAN = ("--from", "2026-11-23T10:00:00Z", "--to", "2026-11-23T11:00:00Z")


class Asked:
    """Stands for the export: keeps what was asked for."""

    order: Order | None = None

    def __call__(self, order: Order, urls: tuple[str, ...], credentials: object) -> None:
        self.order = order


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    stand_in = Asked()
    monkeypatch.setattr(export_command, "_write", stand_in)
    return stand_in


def order(asked: Asked, *arguments: str | Path) -> Order:
    result = run("export", *arguments)
    assert asked.order is not None, result.output
    return asked.order


def test_a_span_of_times_is_taken_to_the_nanosecond(asked: Asked) -> None:
    made = order(asked, *SPAN)
    assert (made.begin, made.end) == (1795428000_000000000, 1795431600_000000000)
    assert (made.pattern, made.form, made.output) == ("trades.>", "jsonl", None)


def test_durations_count_back_from_one_moment(asked: Asked) -> None:
    made = order(asked, "--from", "2h", "--to", "1h")
    assert made.end - made.begin == 3600_000000000
    until_now = order(asked, "--from", "1h", "--to", "0s")
    assert until_now.end == until_now.now


def test_a_subject_may_leave_out_its_first_token(asked: Asked) -> None:
    assert order(asked, *SPAN, "--subject", "trades.*.*.BTC.*").pattern == "trades.*.*.BTC.*"
    assert order(asked, *SPAN, "--subject", "binance.>").pattern == "trades.binance.>"


def test_parquet_goes_to_a_file(asked: Asked, tmp_path: Path) -> None:
    made = order(asked, *SPAN, "--format", "parquet", "--output", tmp_path / "a.parquet")
    assert (made.form, made.output) == ("parquet", tmp_path / "a.parquet")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--to", "1h"), "Missing option '--from'"),
        (("--from", "1h"), "Missing option '--to'"),
        (("--from", "1h", "--to", "1h"), "--from must be before --to"),
        (("--from", "1h", "--to", "2h"), "--from 2h --to 1h"),
        (("--from", "yesterday", "--to", "2h"), "'yesterday' is neither a duration"),
        (("--from", "2026-11-23T10:00:00", "--to", "2h"), "names no time zone"),
        ((*SPAN, "--format", "csv"), "'csv' is not one of 'jsonl', 'parquet'"),
        ((*SPAN, "--format", "parquet"), "--format parquet needs --output FILE"),
        ((*SPAN, "--output", "/dev/null"), "/dev/null is no file that could be replaced"),
        ((*SPAN, "--output", "/"), "is a directory"),
        ((*SPAN, "--subject", ">"), "'>' reaches beyond trades"),
    ],
)
def test_bad_usage_is_one_line_with_the_remedy(asked: Asked, arguments: tuple[str, ...], message: str) -> None:
    result = run("export", *arguments)
    assert (result.exit_code, asked.order) == (2, None)
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_parquet_without_its_extra_says_in_one_line_how_to_get_it(
    asked: Asked, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    result = run("export", *SPAN, "--format", "parquet", "--output", tmp_path / "a.parquet")
    assert (result.exit_code, asked.order) == (2, None)
    assert "pip install 'metdc[parquet]'" in result.stderr
    assert result.stderr.count("\n") == 1


def test_lines_need_no_extra(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert order(asked, *SPAN).form == "jsonl"


def test_a_server_that_is_away_is_told_in_one_line_and_leaves_no_file(tmp_path: Path) -> None:
    result = run("export", *SPAN, "--nats", "nats://127.0.0.1:1", "--output", tmp_path / "a.jsonl")
    assert result.exit_code == 1
    assert result.stderr.startswith("metdc: NATS at nats://127.0.0.1:1 cannot be reached: ")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_told_before_anything_is_read(tmp_path: Path) -> None:
    result = run("export", *SPAN, "--nats", "nats://127.0.0.1:1", "--output", tmp_path / "no" / "a.jsonl")
    assert result.exit_code == 1
    assert "No such file or directory" in result.stderr
