"""``metdc symbols``: every instrument of the list has a fate, and a reason."""

import json
from pathlib import Path

import pytest

from metdc_collector.cli import symbols_command
from metdc_collector.exchanges.base import Listing, Venue
from metdc_collector.exchanges.registry import venue
from tests.unit.cli.running import binance_list, binance_row, run


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


def test_what_is_announced_is_subscribed_to_where_the_exchange_lets_it_be(tmp_path: Path) -> None:
    path = tmp_path / "announced.json"
    path.write_text(json.dumps({"symbols": [binance_row("NEWUSDT", "NEW", "USDT", status="PRE_TRADING")]}))
    row = rows("--instruments", path)["NEWUSDT"]
    assert (row["subscribed"], row["status"]) == (True, "pending")


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


@pytest.fixture
def upbit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Upbit lists BTC and SOL in KRW, and ETH in BTC."""
    codes = ("KRW-BTC", "KRW-SOL", "BTC-ETH")
    body = json.dumps([{"market": code} for code in codes]).encode()

    async def fetch(asked: Venue, address: str | None) -> Listing:
        assert (asked, address) == (venue("upbit", "spot"), "http://gateway")
        return asked.listing(body)

    monkeypatch.setenv("METDC_UPBIT_REST", "http://gateway/")
    monkeypatch.setattr(symbols_command, "_fetch", fetch)


@pytest.mark.usefixtures("upbit")
@pytest.mark.parametrize(
    ("word", "wanted", "why"),
    [
        ("include", "BTCUSDT", "not listed in KRW on Upbit (upbitKRW: Include)"),
        ("exclude", "ETHUSDT", "listed in KRW on Upbit (upbitKRW: Exclude)"),
    ],
)
def test_the_filter_by_upbits_krw_market_shows_why_not_the_rest(
    tmp_path: Path, word: str, wanted: str, why: str
) -> None:
    result = run("symbols", "binance", "spot", "--instruments", binance_list(tmp_path), "--upbit-krw", word)
    found = {row["instrument"]: row for row in map(json.loads, result.stdout.splitlines())}
    assert [name for name, row in found.items() if row["subscribed"]] == [wanted]
    assert f"1 {why}" in result.stderr


@pytest.mark.usefixtures("upbit")
def test_a_filter_that_leaves_nothing_may_be_left_out(tmp_path: Path) -> None:
    words = ("--include", "ETH", "--upbit-krw", "Include")
    result = run("symbols", "binance", "spot", "--instruments", binance_list(tmp_path), *words)
    assert result.exit_code == 1
    assert "or leave --upbit-krw out" in result.stderr


@pytest.mark.parametrize(
    ("address", "code", "message"),
    [
        ("http://127.0.0.1:1", 1, "metdc: no list of Upbit's KRW market: http://127.0.0.1:1/v1/market/all"),
        ("api", 2, "METDC_UPBIT_REST: 'api' must begin with http:// or https://"),
    ],
)
def test_an_upbit_that_does_not_answer_or_has_no_address_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, code: int, message: str
) -> None:
    monkeypatch.setenv("METDC_UPBIT_REST", address)
    result = run("symbols", "binance", "spot", "--instruments", binance_list(tmp_path), "--upbit-krw", "include")
    assert result.exit_code == code
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_an_unknown_exchange_is_bad_usage() -> None:
    result = run("symbols", "binanse", "spot")
    assert result.exit_code == 2
    assert "there are: binance, bybit" in result.stderr
