"""What ``metdc capture`` and ``metdc captures`` refuse before they connect, and what they show."""

import sys
from pathlib import Path

import click
import pytest

from metdc_collector.captures.analysis import analyse, record
from metdc_collector.cli.captures_command import aligned, inside, lacking, table
from tests.unit.captures.made import AT, BINANCE, BYBIT, ORDER, SECOND, UPBIT, at, calm, jump, whole
from tests.unit.cli.running import run

TIME = "2026-11-26T10:00:00Z"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["SOMI"], "Missing option '--at'"),
        (["--at", TIME], "Missing argument 'BASE'"),
        (["SOMI", "--at", "noon"], "'noon' is neither a duration"),
        (["SOMI", "--at", TIME, "--before", "20"], "'20' is no duration"),
        (["SOMI", "--at", TIME, "--market", "nasdaq"], "unknown exchange 'nasdaq'"),
        (["SOMI", "--at", TIME, "--market", "upbit.futures"], "upbit"),
        (["SOMI", "--at", TIME, "--market", "okx."], "okx"),
        (["", "--at", TIME], "not a subject token: ''"),
    ],
)
def test_bad_usage_is_told(words: list[str], says: str) -> None:
    result = run("capture", *words)
    assert result.exit_code == 2
    assert says in result.output


def test_without_pyarrow_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    result = run("capture", "SOMI", "--at", TIME)
    assert (result.exit_code, "pip install 'metdc[parquet]'" in result.output) == (2, True)


@pytest.mark.parametrize("name", ["../report.html", "a/../../b", "/etc/passwd"])
def test_no_file_is_written_outside_of_the_folder(tmp_path: Path, name: str) -> None:
    assert inside(tmp_path, Path("SOMI/trades/a.jsonl")) == tmp_path / "SOMI/trades/a.jsonl"
    with pytest.raises(click.ClickException, match="which is not written"):
        inside(tmp_path, Path(name))


def test_the_table_has_a_row_for_each_market_by_its_first_move() -> None:
    markets = {BINANCE: at(calm(end=20_000)), BYBIT: at(jump(1_907, "1.1")), UPBIT: at(jump(1_207, "1.1"))}
    made = record(analyse(ORDER, {market: whole(ticks) for market, ticks in markets.items()}))
    heading, upbit, bybit, binance = table(made)
    assert heading[:2] == ("MARKET", "RANK")
    assert upbit == (
        *("upbit.spot.SOMI-BTC", "1", "1", "+1.207 s", "+10 %", "+10 %", "+1.207 s", "40 / 190", "100 %", "moved"),
    )
    assert (bybit[0], bybit[1:3]) == ("bybit.spot.SOMI-USDT", ("2", "2"))
    assert binance[1:7] == ("-", "-", "-", "-", "0 %", "+0.007 s")


def test_columns_are_as_wide_as_what_they_hold() -> None:
    assert aligned([("NAME", "SIZE", "WORDS"), ("a", "10,000", "")], left=(0, 2)) == [
        "NAME    SIZE  WORDS",
        "a     10,000",
    ]


def test_what_is_missing_stands_below_it() -> None:
    lack = {"from": AT + SECOND, "to": AT + 3 * SECOND, "text": "4 trades may be missing (disconnected): open"}
    market = {**BINANCE._asdict(), "lacks": [lack]}
    missing = {"exchange": "okx", "market": "spot", "text": "SOMI was not listed there at that time"}
    assert lacking({"at": AT, "markets": [market], "missing": [missing]}) == [
        "binance.spot.SOMI-USDT [+1.000 s, +3.000 s]: 4 trades may be missing (disconnected): open",
        "okx.spot: SOMI was not listed there at that time",
    ]
