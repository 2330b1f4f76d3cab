"""The files of a capture, and that its metadata tells of each."""

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from metdc_collector.captures.analysis import analyse
from metdc_collector.captures.announcement import record
from metdc_collector.captures.completeness import Evidence, Judgement, Lack, Missing, Stream
from metdc_collector.captures.folder import Made, files
from metdc_collector.captures.gathering import Gathered, Kept
from metdc_collector.captures.ticks import Market, market_of, series
from metdc_collector.wire import trade
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.listing import Listing
from metdc_collector.wire.trade import Trade
from tests.unit.captures.made import AT, MS, ORDER, SECOND

SOMI = Instrument("binance", "spot", "SOMIUSDT", "SOMI", "USDT")
MARKET = Market("binance", "spot", "SOMI-USDT", "SOMIUSDT")
LACK = Lack("gap", AT, AT + SECOND, "trades may be missing", open=True)


def traded(ms: int, price: str = "0.5") -> Trade:
    return Trade(SOMI, str(ms), None, price, "2", "buy", AT + ms * MS, received=AT + ms * MS + 1)


def made(trades: Sequence[Trade], earlier: Sequence[Trade] = ()) -> Made:
    window: dict[Market, list[Kept]] = {}
    for one in trades:
        window.setdefault(market_of(one), []).append(Kept(one, trade.encode(one)))
    gathered = Gathered([*earlier, *trades], window, read=9, refused=1)
    judgement = Judgement({MARKET: [LACK]}, [Missing("okx", "spot", "not_listed", "not there")], "Provisional")
    found = series(gathered.trades)
    evidence = Evidence([Stream("TRADES_BINANCE", ["trades.binance.>"], 7)])
    return Made(gathered, evidence, judgement, found, analyse(ORDER, found), AT + 22 * SECOND)


def metadata(found: dict[str, bytes]) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(found["metadata.json"])
    return read


def test_a_folder_has_the_trades_of_each_market_twice_an_analysis_a_page_and_at_last_the_metadata() -> None:
    stem = "trades/binance.spot.SOMI.USDT"
    assert list(files(made([traded(0)]))) == [
        f"{stem}.jsonl", f"{stem}.parquet", "analysis.json", "report.html", "metadata.json",
    ]  # fmt: skip


def test_lines_and_parquet_hold_the_window_alone() -> None:
    trades = [traded(0), traded(5)]
    found = files(made(trades, earlier=[traded(-30_000)]))
    stem = "trades/binance.spot.SOMI.USDT"
    assert found[f"{stem}.jsonl"] == b"".join(trade.encode(one) + b"\n" for one in trades)
    assert pl.read_parquet(io.BytesIO(found[f"{stem}.parquet"]))["id"].to_list() == ["0", "5"]


def test_names_that_no_subject_holds_are_escaped() -> None:
    odd = Instrument("okx", "spot", "A.B-USDT", "A.B", "USDT")
    assert "trades/okx.spot.A%2EB.USDT.jsonl" in files(made([traded(0), traded(1)._replace(instrument=odd)]))


def test_the_metadata_tells_what_is_held_and_what_is_missing() -> None:
    told = metadata(files(made([traded(0)])))
    assert [told[name] for name in ("name", "base", "at", "from", "to", "state", "made")] == [
        "SOMI-20261127T020000Z", "SOMI", AT, AT - 20 * SECOND, AT + 20 * SECOND, "Provisional", AT + 22 * SECOND,
    ]  # fmt: skip
    lack = {"reason": "gap", "from": AT, "to": AT + SECOND, "text": "trades may be missing", "open": True}
    assert told["markets"] == [{**MARKET._asdict(), "trades": 1, "lacks": [lack]}]
    assert told["missing"] == [{"exchange": "okx", "market": "spot", "reason": "not_listed", "text": "not there"}]
    assert told["streams"] == [{"name": "TRADES_BINANCE", "oldest": 7}]
    assert told["messages"] == {"read": 9, "refused": 1}
    assert told["listing"] is None


def test_metadata_and_page_tell_of_the_listing_event() -> None:
    one = made([traded(0)])
    listing = Listing("upbit", "krw", "SOMI", "KRW", "KRW-SOMI", "socket", AT + 5, announced=AT, notice="7")
    found = files(replace(one, evidence=replace(one.evidence, listing=listing)))
    assert metadata(found)["listing"] == record(listing)
    assert b"upbit KRW-SOMI: announced 2026-11-27 02:00:00 UTC" in found["report.html"]


def test_the_metadata_vouches_for_each_other_file() -> None:
    found = files(made([traded(0)]))
    assert [(one["name"], one["size"], one["sha256"]) for one in metadata(found)["files"]] == [
        (name, len(data), hashlib.sha256(data).hexdigest()) for name, data in found.items() if name != "metadata.json"
    ]


@pytest.mark.parametrize("price", ["0." + "0" * 18 + "1", "1" * 21])
def test_a_value_that_no_column_holds_costs_the_parquet_file_and_is_named(price: str) -> None:
    found = files(made([traded(0, price)]))
    assert not any(name.endswith(".parquet") for name in found)
    assert f"price {price} of binance.spot.SOMIUSDT.0 does not fit" in metadata(found)["markets"][0]["no_parquet"]
