"""``metdc symbols``: every instrument of the list has a fate, and a reason."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.running import binance_list, run


def rows(*arguments: str | Path) -> dict[str, dict[str, object]]:
    lines = run("symbols", "binance", "spot", "--format", "json", *arguments).stdout.splitlines()
    return {row["instrument"]: row for row in map(json.loads, lines)}


def test_every_instrument_is_subscribed_or_has_a_reason(tmp_path: Path) -> None:
    found = rows("--instruments", binance_list(tmp_path))
    assert {name: row["reason"] for name, row in found.items()} == {
        "BTCUSDT": None,
        "ETHUSDT": None,
        "ETHBTC": "quote BTC is not wanted",
        "OLDUSDT": "not trading: halted",
    }
    assert [name for name, row in found.items() if row["subscribed"]] == ["BTCUSDT", "ETHUSDT"]


def test_a_row_names_symbol_and_subject(tmp_path: Path) -> None:
    row = rows("--instruments", binance_list(tmp_path))["BTCUSDT"]
    assert (row["symbol"], row["subject"], row["status"]) == ("BTC-USDT", "trades.binance.spot.BTC.USDT", "trading")


def test_what_is_excluded_says_so(tmp_path: Path) -> None:
    found = rows("--instruments", binance_list(tmp_path), "--exclude", "ETH")
    assert found["ETHUSDT"]["reason"] == "excluded by name"


def test_a_name_that_the_list_lacks_is_refused_by_name(tmp_path: Path) -> None:
    result = run("symbols", "binance", "spot", "--instruments", binance_list(tmp_path), "--include", "BTC,NOPE")
    assert '"instrument": "NOPE"' in result.stdout
    assert "1 to subscribe, 1 refused" in result.stderr


def test_the_last_line_counts_and_names_the_reasons(tmp_path: Path) -> None:
    result = run("symbols", "binance", "spot", "--instruments", binance_list(tmp_path))
    assert result.stderr == (
        "2 to subscribe, 0 refused, 2 not wanted (1 quote BTC is not wanted, 1 not trading: halted)\n"
    )
    assert result.exit_code == 0


def test_the_table_shows_what_is_subscribed_last(tmp_path: Path) -> None:
    result = run("symbols", "binance", "spot", "--instruments", binance_list(tmp_path), "--format", "table")
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["INSTRUMENT", "SYMBOL", "SUBSCRIBED", "WHY", "NOT"]
    assert lines[-1].split() == ["ETHUSDT", "ETH-USDT", "yes"]


def test_an_empty_selection_is_a_failure_with_the_remedy(tmp_path: Path) -> None:
    result = run("symbols", "binance", "spot", "--instruments", binance_list(tmp_path), "--quote", "KRW")
    assert result.exit_code == 1
    assert "nothing would be subscribed: widen --quote" in result.stderr


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"\x1f\x8b\x08", b'{"symbols": 3}'])
def test_what_is_no_list_is_told_in_one_line(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "list"
    path.write_bytes(body)
    result = run("symbols", "binance", "spot", "--instruments", path)
    assert result.exit_code == 1
    assert result.stderr.startswith("metdc: no instrument list of binance spot: ")
    assert result.stderr.count("\n") == 1


def test_an_exchange_that_does_not_answer_is_told_with_its_address() -> None:
    result = run("symbols", "binance", "spot", "--rest", "http://127.0.0.1:1")
    assert result.exit_code == 1
    assert "http://127.0.0.1:1/" in result.stderr
    assert result.stderr.count("\n") == 1


def test_an_unknown_exchange_is_bad_usage() -> None:
    result = run("symbols", "binanse", "spot")
    assert result.exit_code == 2
    assert "there are: binance, bybit" in result.stderr
